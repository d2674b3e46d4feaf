"""Distillation: requests that no answer is known of, answered by a teacher, so that they can teach.

These are what people asked by day and nobody confirmed the answer of, and what was imported without one. Every answer is kept as
soon as it is there: an interrupted round goes on. No person has confirmed what a teacher says: it counts for less than anything a
person did, and is at most a part of a night (`finetune/curate/mostly_peoples.py`).
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from agents.home import Home
from agents.retention import TAUGHT
from agents.teacher import Teacher
from core.errors import BadInput, ModelError
from core.types.message import Message, ToolCall, without_ids, write_messages
from core.types.principal import IMPORTER
from core.types.tool import Toolset
from core.types.trace import CORRECTION, TEACHER, Trace
from core.types.value import Value, content_hash
from finetune.kept_lines import kept_lines
from finetune.progress import Progress

MOST = 2_000
"""Requests a round."""
_Calls = tuple[ToolCall, ...] | None
"""An answer; None: one that is of no use, which is not asked for again."""
_PATIENCE = 3
"""Failures in a row after which the teacher is taken to be away."""


class _Request(NamedTuple):
    messages: tuple[Message, ...]
    at: datetime


class Round(Value):
    """What came of asking."""

    requests: int
    """Requests without an answer."""
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
    file = home.nights / f"{TAUGHT}{content_hash([teacher.name, toolset.version])}.jsonl"
    known = _read(file)
    requests = _unanswered(home.traces.all(toolset.name))
    waiting = [key for key in requests if key not in known][:most]
    failures, in_a_row = list[str](), 0
    for number, key in enumerate(waiting, 1):
        try:
            known[key] = _answer(teacher, requests[key].messages, failures)
        except ModelError as error:
            failures.append(str(error))
            in_a_row += 1
            if in_a_row == _PATIENCE:
                break
            continue
        in_a_row = 0
        _keep(file, key, known[key])
        progress.update(number, len(waiting), f"{len(failures)} failed" if failures else "")
    found = ((request, known.get(key)) for key, request in requests.items())
    answered = [(request, calls) for request, calls in found if calls is not None]
    added = home.traces.add(_trace(home, toolset, teacher, *answer) for answer in answered)
    return Round(requests=len(requests), answered=len(answered), added=added, failures=tuple(failures[-_PATIENCE:]))


def _answer(teacher: Teacher, messages: tuple[Message, ...], failures: list[str]) -> _Calls:
    try:
        return teacher.calls(messages)
    except BadInput as error:
        failures.append(str(error))
        return None


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
    """It is forgotten when what was asked is."""
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


def _keep(file: Path, key: str, calls: _Calls) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        answer = None if calls is None else [call.model_dump(mode="json") for call in calls]
        lines.write(json.dumps([key, answer]) + "\n")


def _read(file: Path) -> dict[str, _Calls]:
    rows = [json.loads(line) for line in kept_lines(file)]
    return {key: None if calls is None else tuple(map(ToolCall.model_validate, calls)) for key, calls in rows}
