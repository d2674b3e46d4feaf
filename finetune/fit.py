"""Fits what stands around the writer: kinds, the picker (cross-validated), the reviewer on rows the writer never saw."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.caller import Caller
from agents.offers import OfferFinder
from agents.picker import Picker, TextEmbedder
from agents.reviewer import Evidence, Reviewer, features
from agents.writer import Writer
from core.chat import PSEUDO_HEADS, decide
from core.types.case import cases_of
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Toolset
from evals.scorers.exact import score
from finetune.split import folds
from tools.kinds import KindTable
from tools.marks import Marker

PICKER_FOLDS = 5
PLAIN = 0.9
OnProgress = Callable[[int, int], None]


class PickerRow(NamedTuple):
    """What the picker learns from: a conversation up to a step, and what the step holds."""

    messages: tuple[Message, ...]
    calls: tuple[ToolCall, ...]


class Remembering:
    """An embedder that embeds each text once: cross-validation reads every row several times."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the embedder it stands for, (len(texts), width)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._embedder.embed(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])


class PickerFold(NamedTuple):
    """Some of the training examples, and a picker that saw the others."""

    examples: tuple[Example, ...]
    picker: Picker


def picker_rows(examples: Sequence[Example]) -> list[PickerRow]:
    """One row a step."""
    return [PickerRow(e.messages[: s.position], calls_of(s)) for e in examples for s in e.steps]


def calls_of(step: Step) -> tuple[ToolCall, ...]:
    """The calls of a step; a step without tool is its pseudo-call."""
    pseudo = PSEUDO_HEADS.get(step.outcome)
    return step.calls if pseudo is None else (ToolCall(name=pseudo),)


def fit_picker(examples: Sequence[Example], marker: Marker, embedder: TextEmbedder) -> Picker:
    """Fit the picker on every training row."""
    rows = picker_rows(examples)
    return Picker.fit([row.messages for row in rows], [row.calls for row in rows], marker, embedder)


def picker_folds(examples: Sequence[Example], seed: int) -> list[list[Example]]:
    """The folds of the pickers' cross-validation; none is empty."""
    return [fold for fold in folds(examples, PICKER_FOLDS, seed) if fold]


def cross_fit_pickers(
    examples: Sequence[Example],
    marker: Marker,
    embedder: TextEmbedder,
    seed: int,
    on_progress: OnProgress = lambda done, of: None,
) -> list[PickerFold]:
    """Cut the examples into folds, each with a picker that was fitted on all the others.

    The picker that serves has seen every training row. Told its picks, the writer would learn to trust it too much, and so
    would the reviewer: both are taught with picks of a picker that did not see the row, as it is with every row to come.
    """
    cut = picker_folds(examples, seed)
    fitted = []
    for number, fold in enumerate(cut):
        others = [example for other in cut if other is not fold for example in other]
        # A single fold, a handful of alike conversations, has no others to be judged by.
        fitted.append(PickerFold(tuple(fold), fit_picker(others or fold, marker, embedder)))
        on_progress(number + 1, len(cut))
    return fitted


def is_plain(evidence: Evidence) -> bool:
    """Whether writer and picker are of one mind and the writer is sure: other drafts would only cost time."""
    pick = evidence.pick
    return pick is not None and pick.ranking[0][0] == evidence.greedy.head and math.exp(sum(evidence.greedy.logprobs)) > PLAIN


def fit_reviewer(
    toolset: Toolset,
    table: KindTable,
    writer: Writer,
    folds_of_pickers: Sequence[PickerFold],
    reserved: Sequence[Example],
    on_progress: OnProgress = lambda done, of: None,
) -> Reviewer | None:
    """Fit the reviewer on all drafts for the reserved part's steps; None when there are no rows."""
    finder = OfferFinder(toolset, table)
    caller_of: dict[str, Caller] = {}
    for fold in folds_of_pickers:
        caller_of.update(dict.fromkeys((e.id for e in fold.examples), Caller.for_fitting(toolset, finder, writer, fold.picker)))
    rows, right = [], []
    for number, example in enumerate(reserved):
        caller = caller_of[example.id]
        for case in cases_of(example, toolset):
            for evidence in caller.consider(case.messages):
                rows.append(features(toolset, evidence))
                right.append(score(case, decide(toolset, evidence.draft.calls, 0.0, 0.0), toolset).exact)
                if is_plain(evidence):
                    break  # when serving, nobody looks further than such a draft either
        on_progress(number + 1, len(reserved))
    return Reviewer.fit(np.stack(rows), right) if rows else None
