"""Keeps the first of exactly equal conversations; whole conversations are compared, never single turns."""

from collections.abc import Sequence

from core.types.example import Example
from core.types.message import without_ids, write_messages
from core.types.value import content_hash
from finetune.curate.filtered import Filtered


def exact_duplicates(examples: Sequence[Example]) -> Filtered:
    """Drop an example whose conversation and steps were seen before, call ids aside."""
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
    steps = [[s.position, s.outcome, [[c.name, c.arguments] for c in s.calls], s.query] for s in example.steps]
    return content_hash([write_messages(without_ids(example.messages)), steps], length=32)
