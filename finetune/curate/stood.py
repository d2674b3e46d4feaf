"""Keeps conversations whose writes have stood: none was taken back since, and they are old enough to be judged by that."""

from collections.abc import Mapping, Sequence

from core.types.example import Example
from finetune.curate.filtered import Filtered


def stood(examples: Sequence[Example], fates: Mapping[str, str]) -> Filtered:
    """Drop an example of whose trace something is told.

    Args:
        examples: All of them.
        fates: By trace id what speaks against it (`finetune/fates.py`).
    """
    kept = [example for example in examples if example.trace_id not in fates]
    return Filtered(kept, {e.trace_id: fates[e.trace_id] for e in examples if e.trace_id in fates})
