"""Errors that people overlook: steps of the day that were let be although they were wrong, and would teach what is wrong.

Errors that were not overlooked show what errors look like. A forest learns to tell steps that people put right from steps that
they let be, by how a picker that has not seen the day judges what was done; a step let be that looks like one put right is
dropped, with all that followed from it. So one learns where only some of the positive examples are marked (Elkan and Noto
2008). What a person put right is taken at the person's word.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.forest import Forest
from agents.picker import Picker, PickerRow
from agents.reviewer import step_features
from core.types.example import Example, Step
from core.types.tool import Toolset
from core.types.trace import CORRECTION, Outcome, Trace
from finetune.curate.cut import cut_before
from finetune.curate.filtered import Filtered
from finetune.fit import picker_row
from finetune.harvest import harvest_one

Doubts = dict[str, int]
"""By trace id the position of the first step that is not believed."""
DOUBTED = 0.4
"""A step at least so likely to be put right is not believed where it was let be (docs/measured.md)."""
LEAST = 50
"""Steps put right, and conversations let be, from which on something can be told of others."""
_TOLD: tuple[Outcome, ...] = ("calls", "ask")
"""What is doubted: of a step that calls nothing too little is to be seen, and such conversations are few."""
_FOLDS = 5


class Correction(NamedTuple):
    """A step that a person put right."""

    refused: PickerRow
    """As it was."""
    right: str
    """`Step.key` of what stands in its place; empty where nothing does."""


def corrections(traces: Sequence[Trace]) -> dict[str, Correction]:
    """What each correction put right, by its trace id; those of which that cannot be told are left out."""
    by_id = {trace.id: trace for trace in traces}
    pairs = [(trace, by_id.get(trace.source.removeprefix(CORRECTION))) for trace in traces if trace.is_correction]
    found = {right.id: _first_difference(wrong, right) for right, wrong in pairs if wrong is not None}
    return {identity: correction for identity, correction in found.items() if correction is not None}


def let_be(examples: Sequence[Example], traces: Sequence[Trace], put_right: Mapping[str, Correction]) -> dict[str, list[Step]]:
    """Steps of the day that call and that nobody put right, by trace id."""
    of_the_day = {trace.id: trace for trace in traces if trace.is_of_the_day}
    found: dict[str, list[Step]] = {}
    for example in examples:
        trace, correction = of_the_day.get(example.trace_id), put_right.get(example.trace_id)
        if trace is not None and (correction is not None or not trace.is_correction):
            right = correction.right if correction else ""
            found[example.trace_id] = [step for step in example.steps if step.outcome in _TOLD and step.key != right]
    return {identity: steps for identity, steps in found.items() if steps}


def doubts(
    examples: Sequence[Example],
    doubtful: Mapping[str, Sequence[Step]],
    refused: Sequence[PickerRow],
    picker: Picker,
    toolset: Toolset,
) -> Doubts:
    """Positions from which on an example is not believed, by trace id: steps let be that look as if they should not have been.

    Args:
        examples: All of them.
        doubtful: Steps that were let be, by trace id.
        refused: Steps that people put right, as they were before.
        picker: It must have seen none of either.
        toolset: What the calls are of.
    """
    asked = [
        (example.trace_id, step.position, picker_row(example, step))
        for example in examples
        for step in doubtful.get(example.trace_id, ())
    ]
    if min(len(doubtful), len(refused)) < LEAST:
        return {}
    numbers = {identity: number for number, identity in enumerate(sorted(doubtful))}
    owners = np.asarray([numbers[owner] for owner, _, _ in asked])
    seen, wrong = _judged([row for _, _, row in asked], picker, toolset), _judged(refused, picker, toolset)
    doubted: Doubts = {}
    for fold in range(_FOLDS):
        own = np.flatnonzero(owners % _FOLDS == fold)
        others = seen[owners % _FOLDS != fold]
        forest = Forest.fit(np.concatenate([others, wrong]), [False] * len(others) + [True] * len(wrong))
        for at in own:
            if forest.probability(seen[at]) >= DOUBTED:
                owner, position, _ = asked[at]
                doubted[owner] = min(position, doubted.get(owner, position))
    return doubted


def believed(examples: Sequence[Example], doubted: Doubts) -> Filtered:
    """Examples without what is doubted and what followed from it; one of which nothing is left is dropped."""
    return cut_before(examples, doubted, "let be, but like what was put right")


def _judged(rows: Sequence[PickerRow], picker: Picker, toolset: Toolset) -> NDArray[np.float32]:
    """(rows, features)."""
    picks = picker.pick_all([row.messages for row in rows])
    judged = [step_features(toolset, row.calls, row.messages, pick) for row, pick in zip(rows, picks, strict=True)]
    return np.asarray(judged, np.float32)


def _first_difference(wrong: Trace, right: Trace) -> Correction | None:
    before, after = harvest_one(wrong), harvest_one(right)
    if before is None:
        return None
    for done, instead in zip_longest(before.steps, after.steps if after is not None else ()):
        if done is not None and (instead is None or done.key != instead.key):
            return Correction(picker_row(before, done), instead.key if instead is not None else "")
    return None
