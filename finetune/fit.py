"""Fits what stands around the writer: kinds, the picker (cross-validated), the reviewer on rows the writer never saw."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.caller import Caller
from agents.chooser import Group
from agents.offers import OfferFinder
from agents.picker import Picker, PickerRow, TextEmbedder
from agents.reviewer import FEATURES, Evidence, Reviewer, features
from agents.writer import Writer
from core.chat import PSEUDO_HEADS, decide
from core.types.case import cases_of
from core.types.example import Example, Step
from core.types.message import ToolCall
from core.types.tool import Toolset
from core.types.value import Value
from evals.scorers.exact import score
from finetune.join import Joiner
from finetune.kept_lines import kept_lines
from finetune.split import folds
from retrieval.embed import Places
from tools.kinds import KindTable
from tools.marks import Marker

PICKER_FOLDS = 5
PICKER_JOINED = 0.3
"""Joined rows the picker is shown, as a share of the training rows."""
PLAIN = 0.9
_JOINED = 0.45
"""Joined rows the reviewer is shown, as a share of the reserved ones: few of these have a second wish that a draft could drop."""
OnProgress = Callable[[int, int], None]


class Remembering:
    """An embedder that embeds each text once: cross-validation reads every row several times."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._words: dict[tuple[str, Places], NDArray[np.float16]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the embedder it stands for, (len(texts), width)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._embedder.embed(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])

    def embed_words(self, texts: Sequence[tuple[str, Places]]) -> list[NDArray[np.float32]]:
        """As the embedder it stands for, (places, width) each; kept at half the size, for there are many words."""
        new = [text for text in dict.fromkeys(texts) if text not in self._words]
        vectors = self._embedder.embed_words(new) if new else []
        self._words.update((text, found.astype(np.float16)) for text, found in zip(new, vectors, strict=True))
        return [self._words[text].astype(np.float32) for text in texts]


class PickerFold(NamedTuple):
    """Some of the training examples, and a picker that saw the others."""

    examples: tuple[Example, ...]
    picker: Picker

    def taken(self, wanted: Sequence[Example], joiner: Joiner) -> list[Example]:
        """The wanted examples of this fold, and what the joiner makes of them."""
        identities = {example.id for example in wanted}
        own = [example for example in self.examples if example.id in identities]
        return [*own, *joiner.join(own)]


def picker_rows(examples: Sequence[Example]) -> list[PickerRow]:
    """One row a step."""
    return [picker_row(example, step) for example in examples for step in example.steps]


def picker_row(example: Example, step: Step) -> PickerRow:
    """What stands before a step of an example, and the step."""
    return PickerRow(example.messages[: step.position], calls_of(step))


def calls_of(step: Step) -> tuple[ToolCall, ...]:
    """The calls of a step; a step without tool is its pseudo-call."""
    pseudo = PSEUDO_HEADS.get(step.outcome)
    return step.calls if pseudo is None else (ToolCall(name=pseudo),)


def fit_picker(
    toolset: Toolset,
    examples: Sequence[Example],
    joined: Sequence[Example],
    marker: Marker,
    embedder: TextEmbedder,
    start: Picker | None = None,
    kept: Sequence[Example] = (),
) -> Picker:
    """Fit the picker on every training row, and on joined ones; on from `start`, if given, with some of what that has learned."""
    return Picker.fit(toolset, picker_rows(examples), picker_rows(joined), marker, embedder, start, picker_rows(kept))


def picker_folds(examples: Sequence[Example], seed: int) -> list[list[Example]]:
    """The folds of the pickers' cross-validation; none is empty."""
    return [fold for fold in folds(examples, PICKER_FOLDS, seed) if fold]


def cross_fit_pickers(
    toolset: Toolset,
    examples: Sequence[Example],
    joiner: Joiner,
    marker: Marker,
    embedder: TextEmbedder,
    seed: int,
    on_progress: OnProgress = lambda done, of: None,
    start: Picker | None = None,
    kept: Sequence[Example] = (),
) -> list[PickerFold]:
    """Cut the examples into folds, each with a picker that was fitted on all the others, as `fit_picker` does it.

    The picker that serves has seen every training row. Told its picks, the writer would learn to trust it too much, and so
    would the reviewer: both are taught with picks of a picker that did not see the row, as it is with every row to come.
    """
    cut = picker_folds(examples, seed)
    joined = [joiner.join(fold) for fold in cut]
    fitted = []
    for number, fold in enumerate(cut):
        # A single fold, a handful of alike conversations, has no others to be judged by.
        others = [other for other in range(len(cut)) if other != number] or [number]
        seen, made = ([example for other in others for example in part[other]] for part in (cut, joined))
        fitted.append(PickerFold(tuple(fold), fit_picker(toolset, seen, made, marker, embedder, start, kept)))
        on_progress(number + 1, len(cut))
    return fitted


def fit_apart(
    toolset: Toolset,
    examples: Sequence[Example],
    apart: Sequence[Example],
    joiner: Joiner,
    marker: Marker,
    embedder: TextEmbedder,
) -> PickerFold:
    """Examples that are kept apart, and a picker that saw the others; where no others are taught, one fold is enough."""
    kept = {example.id for example in apart}
    seen = [example for example in examples if example.id not in kept]
    return PickerFold(tuple(apart), fit_picker(toolset, seen, joiner.join(seen), marker, embedder))


def is_plain(evidence: Evidence) -> bool:
    """Whether writer and picker are of one mind and the writer is sure: other drafts would only cost time."""
    pick = evidence.pick
    return pick is not None and pick.ranking[0][0] == evidence.greedy.head and math.exp(sum(evidence.greedy.logprobs)) > PLAIN


class Judged(Value):
    """The drafts of one reserved example: what the reviewer sees of each, and whether it was exactly right."""

    example: str
    """Id of the example."""
    rows: tuple[tuple[float, ...], ...]
    """(drafts, features)"""
    right: tuple[bool, ...]
    """(drafts,)"""
    drafts: tuple[int, ...] = ()
    """How many of them each step has, in order; empty where an older version did not say."""

    @property
    def groups(self) -> Iterator[Group]:
        """The drafts of each step."""
        ends = list(accumulate(self.drafts or (len(self.rows),)))
        for start, end in pairwise((0, *ends)):
            yield np.asarray(self.rows[start:end], np.float32), self.right[start:end]


def judge_drafts(
    toolset: Toolset,
    table: KindTable,
    writer: Writer,
    folds_of_pickers: Sequence[PickerFold],
    reserved: Sequence[Example],
    seed: int,
    file: Path,
    on_progress: OnProgress = lambda done, of: None,
) -> list[Judged]:
    """Write drafts for every step of the reserved part, and of joined rows of it, and score them: what a reviewer is fitted on.

    Each example is kept in `file` as soon as it is judged, and an interrupted call goes on where it was.
    """
    finder = OfferFinder(toolset, table)
    joiner = Joiner(toolset, table, _JOINED, seed)
    work: list[tuple[Example, Caller]] = []
    for fold in folds_of_pickers:
        caller = Caller.for_fitting(toolset, finder, writer, fold.picker)
        work.extend((example, caller) for example in fold.taken(reserved, joiner))
    known = {judged.example: judged for judged in _read_judged(file)}
    with file.open("a") as stream:
        for number, (example, caller) in enumerate(work):
            if example.id not in known:
                known[example.id] = _judge(toolset, caller, example)
                stream.write(known[example.id].model_dump_json() + "\n")
                stream.flush()
            on_progress(number + 1, len(work))
    return [known[example.id] for example, _ in work]


def _judge(toolset: Toolset, caller: Caller, example: Example) -> Judged:
    rows, right, drafts = [], [], []
    for case in cases_of(example, toolset):
        drafts.append(0)
        for evidence in caller.consider(case.messages):
            drafts[-1] += 1
            rows.append(tuple(map(float, features(toolset, evidence))))
            right.append(score(case, decide(toolset, evidence.draft.calls, 0.0, 0.0), toolset).exact)
            if is_plain(evidence):
                break  # when serving, nobody looks further than such a draft either
    return Judged(example=example.id, rows=tuple(rows), right=tuple(right), drafts=tuple(drafts))


def _read_judged(file: Path) -> list[Judged]:
    """What an earlier run of this version kept."""
    judged = [Judged.model_validate_json(line) for line in kept_lines(file)]
    return [one for one in judged if all(len(row) == FEATURES for row in one.rows)]


def fit_reviewer(judged: Sequence[Judged]) -> Reviewer | None:
    """Fit the reviewer on judged drafts; None when there are none."""
    groups = [group for one in judged for group in one.groups]
    return Reviewer.fit(groups) if groups else None
