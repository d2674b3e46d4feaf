"""A made history: conversations of which the right calls are known, as a mailbox and a journal would have them.

Requests become letters that several clerks work on side by side; their calls become entries minutes or hours later, in the
business system's own names, numbers and days. Questions and small talk are among the letters, later steps among the entries, and
one clerk makes mistakes, of which some are reversed.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from core.types.message import ToolCall
from core.types.tool import Toolset
from core.types.trace import Trace
from core.types.value import Value
from evals.intervals import Rate, rate
from tools.history.records import Entry, Letter
from tools.history.wording import call_key
from tools.resolve import Book, resolve

CLERKS = ("ada", "bo", "chen", "dora", "emil", "careless")
_CARELESS, _OTHERS = 0.25, 0.02
"""Shares of wrong entries."""
_NOTICED = 0.7
"""Share of wrong entries that are reversed."""
_LATEST = timedelta(hours=4)


class History(NamedTuple):
    """Letters and entries, and what would be right."""

    letters: list[Letter]
    entries: list[Entry]
    asked: dict[str, frozenset[str]]
    """By a letter's text the right calls, resolved, as `call_key` writes them; of letters whose first step only writes."""


class Paired(Value):
    """How well pairs were found."""

    right: Rate
    """Pairs whose calls are those that were right, of all pairs."""
    found: Rate
    """Letters with a write for which there is a right pair, of all such letters."""


def make_history(traces: Sequence[Trace], toolset: Toolset, book: Book, seed: int = 0) -> History:
    """Make one of conversations; those with a call that cannot be resolved are left out, and so is all that only reads."""
    order = random.Random(seed)
    opening = datetime.combine(book.today, time(), UTC)
    history = History([], [], {})
    for trace in traces:
        text = next((message.content for message in trace.messages if message.role == "user"), "")
        steps = [message.tool_calls for message in trace.messages if message.tool_calls]
        resolved = [[_resolved(call, toolset, book) for call in step] for step in steps]
        writes = [[found for found in step if found and toolset.by_name[found.call.name].risk != "read"] for step in resolved]
        if not text.strip() or text in history.asked or any(found is None for step in resolved for found in step):
            continue
        at, clerk = opening + timedelta(seconds=order.randrange(20 * 3600)), order.choice(CLERKS)
        history.letters.append(Letter(at=at, text=text, handler=clerk))
        for step in writes:
            for found in step:
                at += timedelta(seconds=order.uniform(30, _LATEST.total_seconds() / 2 / sum(map(len, writes))))
                history.entries.append(_entry(found.shown, at, clerk, order, history.entries))
        if writes and writes[0] and len(writes[0]) == len(steps[0]):
            history.asked[text] = frozenset(found.key for found in writes[0])
    return history


def measure_pairs(history: History, traces: Sequence[Trace], toolset: Toolset, book: Book) -> Paired:
    """Compare what was paired with what is right, after both are resolved."""
    found: dict[str, bool] = {}
    for trace in traces:
        calls = [_resolved(call, toolset, book) for call in trace.messages[1].tool_calls]
        text = trace.messages[0].content
        found[text] = None not in calls and frozenset(one.key for one in calls if one) == history.asked.get(text)
    asked = [found.get(text, False) for text in history.asked]
    return Paired(right=rate(list(found.values()), [None] * len(found)), found=rate(asked, [None] * len(asked)))


def _entry(call: ToolCall, at: datetime, clerk: str, order: random.Random, before: Sequence[Entry]) -> Entry:
    wrong = order.random() < (_CARELESS if clerk == "careless" else _OTHERS)
    others = [entry.arguments for entry in before[-200:] if entry.tool == call.name and entry.arguments != call.arguments]
    arguments: Mapping[str, Any] = order.choice(others) if wrong and others else call.arguments
    undone = arguments is not call.arguments and order.random() < _NOTICED
    return Entry(at=at, author=clerk, tool=call.name, arguments=dict(arguments), reversed=undone)


class _Resolved(NamedTuple):
    call: ToolCall
    """With keys of records."""
    shown: ToolCall
    """With their names, as a journal shows them."""

    @property
    def key(self) -> str:
        return call_key(self.call.name, self.call.arguments)


def _resolved(call: ToolCall, toolset: Toolset, book: Book) -> _Resolved | None:
    """As the business system holds it; None where it would have to ask."""
    tool = toolset.by_name.get(call.name)
    resolution = resolve(tool, call.arguments, book) if tool else None
    if resolution is None or resolution.questions:
        return None
    shown = _with_names(resolution.arguments, resolution.names)
    return _Resolved(*(call.model_copy(update={"arguments": arguments}) for arguments in (resolution.arguments, shown)))


def _with_names(value: Any, names: Mapping[str, str], path: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _with_names(inner, names, f"{path}.{name}" if path else name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_names(inner, names, f"{path}.{at}") for at, inner in enumerate(value)]
    return names.get(path, value)
