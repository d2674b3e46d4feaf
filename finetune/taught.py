"""Distillation: requests that no answer is known of, answered by a teacher, so that they can teach.

These are what people asked by day and nobody confirmed the answer of, and what was imported without one. Every answer is kept as
soon as it is there: an interrupted round goes on. No person has confirmed what a teacher says: it counts for less than anything a
person did, and is at most a part of a night (`finetune/curate/mostly_peoples.py`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from agents.home import Home
from agents.teacher import Teacher
from core.types.message import Message, ToolCall, without_ids, write_messages
from core.types.principal import IMPORTER
from core.types.tool import Toolset
from core.types.trace import CORRECTION, TEACHER, Trace
from core.types.value import Value, content_hash
from finetune.asking import Asking
from finetune.progress import Progress

MOST = 2_000
"""Requests a round."""


class _Request(NamedTuple):
    messages: tuple[Message, ...]
    at: datetime


class Round(Value):
    """What came of asking."""

    requests: int
    """Requests without an answer, or to be said in other words."""
    answered: int
    """Of these, answered now or before with what can be used."""
    added: int
    """New traces."""
    failures: tuple[str, ...]
    """Why a request has no answer; the last few."""


def ask_teacher(home: Home, toolset: Toolset, teacher: Teacher, progress: Progress, most: int = MOST) -> Round:
    """Have requests answered, and keep the answers as traces.

    Args:
        home: Where traces lie.
        toolset: Whose.
        teacher: Who is asked.
        progress: Told of every answer.
        most: At most so many requests that were not asked before.
    """
    asking = Asking(home.nights, [teacher.name, toolset.version])
    requests = _unanswered(home.traces.all(toolset.name))
    waiting = [key for key in requests if key not in asking.known][:most]

    added = 0

    def answer(key: str) -> None:
        nonlocal added
        calls = teacher.calls(requests[key].messages)
        added += home.traces.add([_trace(home, toolset, teacher, requests[key], calls)])

    failures = asking.ask(waiting, answer, progress)
    answered = sum(asking.known.get(key, False) for key in requests)
    return Round(requests=len(requests), answered=answered, added=added, failures=failures)


def _unanswered(traces: Iterable[Trace]) -> dict[str, _Request]:
    """Up to the last request of every conversation that nobody says the right answer of, by what is said in it; oldest first."""
    everything = list(traces)
    put_right = {trace.source.removeprefix(CORRECTION) for trace in everything if trace.is_correction}
    found: dict[str, _Request] = {}
    for trace in everything:
        if trace.is_taught or trace.id in put_right or (trace.accepted and trace.outcome is not None):
            continue
        asked = max((at for at, message in enumerate(trace.messages) if message.role == "user"), default=-1)
        if messages := trace.messages[: asked + 1]:
            found.setdefault(_key(messages), _Request(messages, trace.created_at))
    return found


def _trace(home: Home, toolset: Toolset, teacher: Teacher, request: _Request, calls: tuple[ToolCall, ...]) -> Trace:
    """Of work with this service it is forgotten when what was asked is."""
    return Trace(
        toolset=toolset.name,
        messages=(*request.messages, *((Message(role="assistant", tool_calls=calls),) if calls else ())),
        outcome="calls" if calls else "none",
        source=TEACHER + teacher.name,
        principal=IMPORTER.model_copy(update={"tenant": home.settings.tenant}),
        schema_hashes={call.name: toolset.schema_hashes[call.name] for call in calls},
        created_at=request.at,
    )


def _key(messages: tuple[Message, ...]) -> str:
    return content_hash(write_messages(without_ids(messages)), length=32)
