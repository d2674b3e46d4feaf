"""Keeps one person's habits from becoming everybody's: at most a share of what came in is taken from one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from core.types.example import Example
from core.types.value import content_hash
from finetune.curate.filtered import Filtered

SHARE = 0.3
LEAST = 200
"""Conversations that one person may give in any case."""


def capped(examples: Sequence[Example], people: Mapping[str, str]) -> Filtered:
    """Drop what one person said beyond `SHARE` of all or `LEAST` conversations, whichever is more; which ones is chance, but the
    same each time.

    Args:
        examples: All that is left.
        people: Who said it, by trace id; what nobody said here, for it was imported, and what put others right is not there.
    """
    owned: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.trace_id in people:
            owned[people[example.trace_id]].append(example)
    if len(owned) < 2:
        return Filtered(list(examples), {}, "fewer than two people")
    most = max(LEAST, int(SHARE * len(examples)))
    dropped = {
        example.trace_id: f"more than {most} of one person"
        for own in owned.values()
        for example in sorted(own, key=lambda each: content_hash([each.trace_id]))[most:]
    }
    return Filtered([example for example in examples if example.trace_id not in dropped], dropped)
