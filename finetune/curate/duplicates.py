"""Keeps the first of exactly equal conversations; whole conversations are compared, never single turns."""

from collections.abc import Sequence

from core.types.example import Example
from core.types.value import content_hash
from finetune.curate.filtered import Filtered


def exact_duplicates(examples: Sequence[Example]) -> Filtered:
    """Drop an example whose conversation and steps were seen before, call ids and the order of calls aside."""
    seen: set[str] = set()
    kept, dropped = [], {}
    for example in examples:
        key = _key(example)
        if key in seen:
            dropped[example.trace_id] = "exact duplicate"
        else:
            seen.add(key)
            kept.append(example)
    return Filtered(kept, dropped)


def _key(example: Example) -> str:
    return content_hash([example.keys_before()[-1], [step.key for step in example.steps]], length=32)
