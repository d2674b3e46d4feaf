"""Keeps a few of conversations that say nearly the same and do the same: a flood of them teaches no more than some do."""

import re
from collections.abc import Sequence

from datasketch import MinHash

from core.types.example import Example
from finetune.curate.filtered import Filtered
from finetune.sketch import near_index, said, sketch

JACCARD = 0.9
MOST = 3
_MISSED = 0.9
"""What is found too much is looked at once more."""
_FIGURES = re.compile(r"\d[\d.,/-]*")


def near_duplicates(examples: Sequence[Example], most: int = MOST) -> Filtered:
    """Drop an example when `most` before it share nearly all that was said, figures aside, and do the same, step by step.

    Values may differ: that is why more than one is kept.
    """
    found = near_index(JACCARD, _MISSED)
    known: list[tuple[tuple[tuple[str, ...], ...], MinHash]] = []
    kept, dropped = [], {}
    for number, example in enumerate(examples):
        does = tuple((step.outcome, *(call.name for call in step.calls)) for step in example.steps)
        own = sketch(_FIGURES.sub("0", said(example)))
        known.append((does, own))
        near = [known[other] for other in found.query(own)]
        if sum(did == does and other.jaccard(own) >= JACCARD for did, other in near) >= most:
            dropped[example.trace_id] = f"near-duplicate of {most} others"
        else:
            found.insert(number, own)
            kept.append(example)
    return Filtered(kept, dropped)
