"""Keeps one sort of work from drowning the others: of very many conversations it has no more than all others together."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set

from core.types.example import Example
from core.types.value import content_hash
from finetune.curate.filtered import Filtered

SHARE = 0.5
"""Of what people confirmed, where there is more than `LEAST` of one sort."""
LEAST = 1_000
"""Conversations of one sort that are taken in any case."""
_DONE = "(done)"


def sorts_of(example: Example) -> frozenset[str]:
    """What a conversation teaches: names of tools, and ways to end in brackets."""
    calls = {call.name for step in example.steps if step.outcome == "calls" for call in step.calls}
    return frozenset(calls | {f"({step.outcome})" for step in example.steps if step.outcome != "calls"})


def count_sorts(examples: Sequence[Example]) -> Counter[str]:
    """How many conversations teach each sort."""
    return Counter(sort for example in examples for sort in sorts_of(example))


def rarest_sort(example: Example, counts: Mapping[str, int]) -> str:
    """The sort of a conversation of which there are fewest; that all is done counts only where nothing else is taught."""
    return min(sorts_of(example) - {_DONE} or {_DONE}, key=lambda sort: (counts[sort], sort))


def balanced(examples: Sequence[Example], spared: Set[str]) -> Filtered:
    """Drop what one sort has beyond `LEAST` conversations and a `SHARE` of all; one of several sorts counts for the rarest. Which
    ones is chance, but the same each time.

    Args:
        examples: All that is left.
        spared: Trace ids of what is neither counted nor dropped: what people put right, and what a teacher says.
    """
    counts = count_sorts(examples)
    own: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.trace_id not in spared:
            own[rarest_sort(example, counts)].append(example)
    if len(own) < 2:
        return Filtered(list(examples), {}, "one sort of work")
    dropped: dict[str, str] = {}
    everything = sum(map(len, own.values()))
    for sort, same in own.items():
        most = max(LEAST, int(SHARE / (1 - SHARE) * (everything - len(same))))
        same.sort(key=lambda each: content_hash([each.trace_id]))
        dropped.update((example.trace_id, f"more than {most} of {sort}") for example in same[most:])
    return Filtered([example for example in examples if example.trace_id not in dropped], dropped)
