"""A simulated day: conversations of which the right steps are known, worked on by a release, watched by an operator who errs.

It stands in for people where a loop is to be measured: what the release gets right is confirmed, what it gets wrong is corrected,
overlooked, or corrected wrongly.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from core.errors import NightschoolError
from core.types.case import Case, cases_of
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.tool import Toolset
from core.types.trace import CORRECTION, THREAD, Trace
from core.types.value import Value
from core.whole import write_whole
from evals.scorers.exact import score
from evals.suite import Predictor
from finetune.harvest import harvest_one

_SOURCE = THREAD + "of a simulated day"
_PUT_RIGHT = ("corrected", "mistaken")
_KINDS = ("traces", "refused")


class Operator(Value):
    """How well the person who watches does it."""

    misses: float = 0.3
    """Share of wrong steps that are taken for right."""
    mistaken: float = 0.05
    """Share of corrections that are wrong themselves."""


class Day(NamedTuple):
    """What a day left behind."""

    traces: list[Trace]
    """One a conversation, accepted; one that went wrong unnoticed ends there, one that was put right is a correction."""
    refused: list[Trace]
    """What was put right, as the release had it."""
    steps: Counter[str]
    """Steps that were `right`, `corrected`, `missed` or `mistaken`; `failed` ones brought no answer and were corrected."""


def work_a_day(
    conversations: Sequence[Trace],
    predictor: Predictor,
    toolset: Toolset,
    operator: Operator,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Day:
    """Have a release work through conversations, each step after the right ones before it.

    Args:
        conversations: With all their steps right; those in which nothing teaches are left out.
        predictor: Who works.
        toolset: For comparing.
        operator: Who watches.
        seed: Of what the operator overlooks.
        on_progress: Called with conversations done and conversations in all.
    """
    day = Day([], [], Counter())
    for number, trace in enumerate(conversations, 1):
        on_progress(number, len(conversations))
        example = harvest_one(trace)
        if example is None:
            continue
        chance = random.Random(f"{seed}/{trace.id}")
        kept = trace.model_copy(update={"accepted": True, "source": _SOURCE})
        for case in cases_of(example, toolset):
            answer = _answer(predictor, case)
            verdict, label = _watch(case, answer, toolset, operator, chance)
            day.steps[verdict] += 1
            if answer is not None and verdict in _PUT_RIGHT:
                day.refused.append(_ending(trace, case, answer).model_copy(update={"accepted": False, "source": _SOURCE}))
                kept = kept.model_copy(update={"source": CORRECTION + day.refused[-1].id})
            if label is not None:
                kept = _ending(kept, case, label)
                break
        day.traces.append(kept)
    return day


def write_day(day: Day, file: Path) -> None:
    """Keep a day, whole or not at all."""
    traces = {name: [trace.model_dump(mode="json") for trace in getattr(day, name)] for name in _KINDS}
    document = {**traces, "steps": day.steps}
    write_whole(file, json.dumps(document))


def read_day(file: Path) -> Day:
    """A day that `write_day` kept."""
    document = json.loads(file.read_text())
    accepted, refused = ([Trace.model_validate(trace) for trace in document.get(name, ())] for name in _KINDS)
    return Day(accepted, refused, Counter(document["steps"]))


def _answer(predictor: Predictor, case: Case) -> Prediction | None:
    try:
        return predictor.predict(case.messages)
    except NightschoolError:
        return None


def _watch(
    case: Case, answer: Prediction | None, toolset: Toolset, operator: Operator, chance: random.Random
) -> tuple[str, Prediction | None]:
    """What becomes of a step, and what is learned of it where that is not what is right."""
    if answer is None:
        return "failed", None
    if score(case, answer, toolset).exact:
        return "right", None
    if chance.random() < operator.misses:
        return "missed", answer
    if chance.random() < operator.mistaken:
        return "mistaken", _slip(case, answer)
    return "corrected", None


def _slip(case: Case, answer: Prediction) -> Prediction:
    """A wrong correction: the right calls with the last argument of the first forgotten; where none has any, the answer stays."""
    calls = list(case.expected)
    if not calls or not calls[0].arguments:
        return answer
    arguments = dict(list(calls[0].arguments.items())[:-1])
    calls[0] = calls[0].model_copy(update={"arguments": arguments})
    return answer.model_copy(update={"outcome": "calls", "tool_calls": tuple(calls), "ask": None, "query": None})


def _ending(trace: Trace, case: Case, label: Prediction) -> Trace:
    """The conversation up to a step, which is what the label says."""
    called = tuple(ToolCall(id=f"c{at}", name=c.name, arguments=c.arguments) for at, c in enumerate(label.tool_calls, 1))
    messages = (*case.messages, *((Message(role="assistant", tool_calls=called),) if called else ()))
    asked = label.ask
    return trace.model_copy(
        update={
            "messages": messages,
            "outcome": label.outcome,
            "missing": f"{asked.tool}.{asked.missing}" if asked else None,
            "partial": ToolCall(name=asked.tool, arguments=asked.arguments) if asked else None,
            "query": label.query,
        }
    )
