"""Scenarios: what a person says over one or several turns, and the calls that are right, played in a company.

A call may take a value from the result of an earlier one: `$2.invoice` is the field `invoice` of the second call's result,
`$1.invoices.0.invoice` reaches into lists. Played, a scenario becomes a conversation with the company's own results.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from core.errors import BadInput, ToolError
from core.types.message import Message, ToolCall
from core.types.value import Value
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import OPERATIONS, Sandbox
from tools.resolve import resolve

_REFERENCE = re.compile(r"\$(\d+)((?:\.\w+)+)")
Sort = Literal["one step", "several steps", "no call"]
_ENDS = ("calls", "ask", "knowledge", "none", "done")


class Turn(Value):
    """One turn: exactly one of its fields is set."""

    user: str | None = None
    """What the person says."""
    calls: tuple[dict[str, Any], ...] | None = None
    """Calls of one step: name and arguments as said."""
    say: str | None = None
    """What the assistant says in between."""
    ask: dict[str, Any] | None = None
    """Tool, missing argument, and the arguments that were said."""
    knowledge: str | None = None
    """The core of a question for retrieval."""
    none: bool | None = None
    """Nothing is to be called."""
    done: bool | None = None
    """Everything is done."""


class Scenario(Value):
    """A conversation with its right calls."""

    turns: tuple[Turn, ...]
    """In order; the last one says how it ends."""

    @property
    def end(self) -> str:
        """How it ends: `calls`, `ask`, `knowledge`, `none` or `done`."""
        return next(name for name in _ENDS if getattr(self.turns[-1], name) is not None)

    @property
    def is_one_step(self) -> bool:
        """Whether it is one request and one answer."""
        return len(self.turns) == 2

    @property
    def sort(self) -> Sort:
        """Several steps or turns, or one step, which calls or does not."""
        if not self.is_one_step:
            return "several steps"
        return "one step" if self.end == "calls" else "no call"


def read_scenario(row: Mapping[str, Any]) -> Scenario:
    """Read one: `{"turns": [...]}`, or the short form of one request and its answer in one object.

    Raises:
        BadInput: It does not end in an answer, or holds a turn that is none.
    """
    turns = row.get("turns")
    if turns is None:
        turns = [{"user": row.get("user")}, {name: row[name] for name in _ENDS if name in row}]
    scenario = Scenario.model_validate({"turns": turns})
    if not scenario.turns or not any(getattr(scenario.turns[-1], name) is not None for name in _ENDS):
        raise BadInput("scenario: its last turn must be calls, ask, knowledge, none or done")
    return scenario


class Played(NamedTuple):
    """A scenario after it was played."""

    messages: tuple[Message, ...]
    """The whole conversation, its last calls included, with the results in between."""
    asks: dict[str, Any] | None
    """The question at its end, references filled in."""


def play(scenario: Scenario, sandbox: Sandbox, key: str) -> Played:
    """Carry a scenario's calls out in a company.

    Args:
        scenario: What to play.
        sandbox: Where; it is changed by the writes.
        key: Begins the idempotency keys.

    Raises:
        ToolError: A name cannot be resolved, or the company refuses a call.
        BadInput: A reference points to nothing.
    """
    lookup, results = Lookup(sandbox), list[dict[str, Any]]()
    messages: list[Message] = []
    for turn in scenario.turns:
        if turn.user is not None:
            messages.append(Message(role="user", content=turn.user))
        elif turn.say is not None:
            messages.append(Message(role="assistant", content=turn.say))
        for calls in (turn.calls,) if turn.calls is not None else ():
            made = [_call(call, results, len(results) + at) for at, call in enumerate(calls, 1)]
            messages.append(Message(role="assistant", tool_calls=tuple(made)))
            for call in made:
                done = _carry_out(call, sandbox, lookup, f"{key}/{len(results)}")
                results.append(done)
                messages.append(Message(role="tool", content=json.dumps(done, ensure_ascii=False), tool_call_id=call.id))
    ask = scenario.turns[-1].ask
    return Played(tuple(messages), None if ask is None else {**ask, "arguments": _filled(ask.get("arguments") or {}, results)})


def _call(call: Mapping[str, Any], results: list[dict[str, Any]], number: int) -> ToolCall:
    return ToolCall(id=f"call_{number}", name=call["name"], arguments=_filled(call["arguments"], results))


def _carry_out(call: ToolCall, sandbox: Sandbox, lookup: Lookup, key: str) -> dict[str, Any]:
    if call.name not in OPERATIONS:
        raise ToolError(f"tool {call.name!r}: not there", field="tool", value=call.name)
    found = resolve(OPERATIONS[call.name].tool, call.arguments, lookup)
    if found.questions:
        raise ToolError(f"{call.name}: {found.questions[0].text}", field=found.questions[0].field, value=found.questions[0].said)
    return sandbox.execute(call.name, found.arguments, key).result


def _filled(value: Any, results: list[dict[str, Any]]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(part, results) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(part, results) for part in value]
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    found: Any = results[int(match[1]) - 1] if int(match[1]) <= len(results) else None
    for part in _path(match[2]):
        known = isinstance(found, Mapping) and part in found
        listed = isinstance(found, list) and part.isdecimal() and int(part) < len(found)
        if not known and not listed:
            raise BadInput(f"reference {value!r}: there is no {part!r} in {json.dumps(found)[:200]}")
        found = found[int(part)] if listed else found[part]
    return found


def _path(dotted: str) -> Iterator[str]:
    return iter(dotted.removeprefix(".").split("."))
