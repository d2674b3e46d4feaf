"""Keeps conversations that have stood: no write of theirs was taken back since, they are old enough to be judged by that, and
nobody who judged them anew found otherwise."""

from collections.abc import Mapping, Sequence

from core.types.example import Example
from finetune.curate.filtered import Filtered


def stood(examples: Sequence[Example], fates: Mapping[str, str]) -> Filtered:
    """Drop an example of whose trace something is told.

    Args:
        examples: All of them.
        fates: By trace id what speaks against it (`finetune/fates.py`, `finetune/audit_sample.py`).
    """
    kept = [example for example in examples if example.trace_id not in fates]
    return Filtered(kept, {e.trace_id: fates[e.trace_id] for e in examples if e.trace_id in fates})
