"""Fits what stands around the writer: kinds, the picker (cross-validated), the reviewer on rows the writer never saw."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from agents.caller import Caller
from agents.offers import OfferFinder
from agents.picker import Picker, TextEmbedder
from agents.reviewer import Evidence, Reviewer, features
from agents.writer import Writer
from core.chat import PSEUDO_HEADS, decide
from core.types.case import cases_of
from core.types.example import Example, Step
from core.types.message import Message
from core.types.tool import Toolset
from evals.scorers.exact import score
from finetune.split import folds
from tools.kinds import KindTable

PICKER_FOLDS = 3
PLAIN = 0.9
OnProgress = Callable[[int, int], None]


class PickerRow(NamedTuple):
    """What the picker learns from: a conversation up to a step, and what the step starts with."""

    messages: tuple[Message, ...]
    head: str


def picker_rows(examples: Sequence[Example]) -> list[PickerRow]:
    """One row a step."""
    return [PickerRow(e.messages[: s.position], head_of(s)) for e in examples for s in e.steps]


def head_of(step: Step) -> str:
    """What a step starts with: a tool's name or a pseudo-call's."""
    return PSEUDO_HEADS.get(step.outcome) or step.calls[0].name


def fit_picker(examples: Sequence[Example], embedder: TextEmbedder) -> Picker:
    """Fit the picker on every training row."""
    rows = picker_rows(examples)
    return Picker.fit([row.messages for row in rows], [row.head for row in rows], embedder)


def unseen_pickers(
    examples: Sequence[Example], reserved: Sequence[Example], embedder: TextEmbedder, seed: int
) -> dict[str, Picker]:
    """For each reserved example (by id) a picker that did not see it.

    The picker that serves has seen the reserved rows; judged by it, the reviewer would learn to trust it too much.
    """
    pickers = {}
    for fold in folds(reserved, PICKER_FOLDS, seed):
        hidden = {example.id for example in fold}
        if hidden:
            picker = fit_picker([example for example in examples if example.id not in hidden], embedder)
            pickers.update(dict.fromkeys(hidden, picker))
    return pickers


def is_plain(evidence: Evidence) -> bool:
    """Whether writer and picker are of one mind and the writer is sure: other drafts would only cost time."""
    ranking = evidence.ranking
    return bool(ranking) and ranking[0][0] == evidence.greedy.head and math.exp(sum(evidence.greedy.logprobs)) > PLAIN


def fit_reviewer(
    toolset: Toolset,
    table: KindTable,
    writer: Writer,
    pickers: dict[str, Picker],
    reserved: Sequence[Example],
    on_progress: OnProgress = lambda done, of: None,
) -> Reviewer | None:
    """Fit the reviewer on all drafts for the reserved part's steps; None when there are no rows."""
    finder = OfferFinder(toolset, table)
    callers: dict[int, Caller] = {}
    rows, right = [], []
    for number, example in enumerate(reserved):
        picker = pickers[example.id]
        caller = callers.setdefault(id(picker), Caller.for_fitting(toolset, finder, writer, picker))
        for case in cases_of(example, toolset):
            for evidence in caller.consider(case.messages):
                rows.append(features(toolset, evidence))
                right.append(score(case, decide(toolset, evidence.draft.calls, 0.0, 0.0), toolset).exact)
                if is_plain(evidence):
                    break  # when serving, nobody looks further than such a draft either
        on_progress(number + 1, len(reserved))
    return Reviewer.fit(np.stack(rows), right) if rows else None
