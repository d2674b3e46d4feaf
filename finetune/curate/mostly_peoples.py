"""Keeps a night from being taught by models: what a model says and no person confirmed is a small part of it."""

from collections.abc import Sequence, Set

from core.types.example import Example
from core.types.value import content_hash
from finetune.curate.filtered import Filtered

SHARE = 0.3
"""Of all that teaches, what no person confirmed; where no person confirmed anything there is nothing to be a part of."""


def most_unconfirmed(rows: int) -> int:
    """How many of so many rows may be what no person confirmed."""
    return int(SHARE * rows)


def mostly_peoples(examples: Sequence[Example], unconfirmed: Set[str]) -> Filtered:
    """Drop what nobody confirmed beyond `SHARE` of all that is left; which is chance, but the same each time.

    Args:
        examples: All that is left.
        unconfirmed: Trace ids of what a model says.
    """
    doubtful = [example for example in examples if example.trace_id in unconfirmed]
    if not doubtful:
        return Filtered(list(examples), {}, "no model's answers")
    most = int(SHARE / (1 - SHARE) * (len(examples) - len(doubtful)))
    surplus = sorted(doubtful, key=lambda each: content_hash([each.trace_id]))[most:]
    dropped = {example.trace_id: f"more than {SHARE:.0%} that nobody confirmed" for example in surplus}
    return Filtered([example for example in examples if example.trace_id not in dropped], dropped)
