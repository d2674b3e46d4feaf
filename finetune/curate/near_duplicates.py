"""Keeps a few of conversations that say nearly the same and do the same: a flood of them teaches no more than some do."""

import re
from collections.abc import Sequence, Set
from itertools import islice

from datasketch import MinHash, MinHashLSH

from core.types.example import Example
from finetune.curate.filtered import Filtered
from finetune.sketch import near_index, said, sketch

JACCARD = 0.9
MOST = 3
_MISSED = 0.9
"""What is found too much is looked at once more."""
_FIGURES = re.compile(r"\d[\d.,/-]*")


def near_duplicates(examples: Sequence[Example], needed: Set[str] = frozenset(), most: int = MOST) -> Filtered:
    """Drop an example when `most` before it share nearly all that was said, figures aside, and do the same, step by step.

    Values may differ: that is why more than one is kept.

    Args:
        examples: All of them.
        needed: Trace ids of what is kept however like others it is: what put others right.
        most: How many are kept.
    """
    known: dict[tuple[tuple[str, ...], ...], tuple[MinHashLSH, dict[int, MinHash]]] = {}
    kept, dropped = [], {}
    for number, example in enumerate(examples):
        does = tuple((step.outcome, *(call.name for call in step.calls)) for step in example.steps)
        alike, sketches = known.setdefault(does, (near_index(JACCARD, _MISSED), {}))
        own = sketch(_FIGURES.sub("0", said(example)))
        near = (other for other in alike.query(own) if sketches[other].jaccard(own) >= JACCARD)
        if example.trace_id not in needed and len(list(islice(near, most))) == most:
            dropped[example.trace_id] = f"near-duplicate of {most} others"
        else:
            alike.insert(number, own)
            sketches[number] = own
            kept.append(example)
    return Filtered(kept, dropped)
