"""Keeps one sort of work from drowning the others: what teaches one tool, or one way to end, is at most a share of a night."""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set

from core.types.example import Example
from core.types.value import content_hash
from finetune.curate.filtered import Filtered

SHARE = 0.5
"""Of all that teaches."""
LEAST = 200
"""Conversations of one sort that are taken in any case."""


def sorts_of(example: Example) -> frozenset[str]:
    """What a conversation teaches: names of tools, and ways to end in brackets."""
    calls = {call.name for step in example.steps if step.outcome == "calls" for call in step.calls}
    return frozenset(calls | {f"({step.outcome})" for step in example.steps if step.outcome != "calls"})


def count_sorts(examples: Sequence[Example]) -> Counter[str]:
    """How many conversations teach each sort."""
    return Counter(sort for example in examples for sort in sorts_of(example))


def balanced(examples: Sequence[Example], put_right: Set[str]) -> Filtered:
    """Drop what one sort has beyond `SHARE` of all or `LEAST` conversations, whichever is more; a conversation of several sorts
    counts for the rarest. Which ones is chance, but the same each time; what people put right stays before all else.

    Args:
        examples: All that is left.
        put_right: Trace ids of corrections.
    """
    counts = count_sorts(examples)
    if len(counts) < 2:
        return Filtered(list(examples), {}, "one sort of work")
    own: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        own[min(sorts_of(example), key=lambda sort: (counts[sort], sort))].append(example)
    dropped: dict[str, str] = {}
    for sort, same in own.items():
        most = max(LEAST, int(SHARE / (1 - SHARE) * (len(examples) - len(same))))
        same.sort(key=lambda each: (each.trace_id not in put_right, content_hash([each.trace_id])))
        dropped.update((example.trace_id, f"more than {most} of {sort}") for example in same[most:])
    return Filtered([example for example in examples if example.trace_id not in dropped], dropped)
