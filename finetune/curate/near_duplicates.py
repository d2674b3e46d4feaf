"""Keeps a few of conversations that say nearly the same and do the same: a flood of them teaches no more than some do."""

import re
from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from core.types.example import Example
from finetune.curate.filtered import Filtered
from finetune.sketch import PERMUTATIONS, said, sketch

JACCARD = 0.9
MOST = 3
_FIGURES = re.compile(r"\d[\d.,/-]*")


def near_duplicates(examples: Sequence[Example], needed: Set[str] = frozenset(), most: int = MOST) -> Filtered:
    """Drop an example when `most` before it share nearly all that was said, figures aside, and do the same, step by step.

    Values may differ: that is why more than one is kept.

    Args:
        examples: All of them.
        needed: Trace ids of what is kept however like others it is: what put others right.
        most: How many are kept.
    """
    known: dict[tuple[tuple[str, ...], ...], _Sketches] = {}
    kept, dropped = [], {}
    for example in examples:
        does = tuple((step.outcome, *(call.name for call in step.calls)) for step in example.steps)
        alike = known.setdefault(does, _Sketches())
        own = sketch(_FIGURES.sub("0", said(example))).hashvalues.astype(np.uint32)
        if example.trace_id not in needed and alike.count_near(own) >= most:
            dropped[example.trace_id] = f"near-duplicate of {most} others"
        else:
            alike.add(own)
            kept.append(example)
    return Filtered(kept, dropped)


class _Sketches:
    """Sketches, all of which one is compared with at once: for the thousands that do the same no index is faster."""

    def __init__(self) -> None:
        self._rows = np.empty((16, PERMUTATIONS), np.uint32)
        self._count = 0

    def count_near(self, own: NDArray[np.uint32]) -> int:
        """How many share so much; the share of equal minima estimates the Jaccard index."""
        return int(((self._rows[: self._count] == own).mean(axis=1) >= JACCARD).sum())

    def add(self, own: NDArray[np.uint32]) -> None:
        """Keep one more."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._count] = own
        self._count += 1
