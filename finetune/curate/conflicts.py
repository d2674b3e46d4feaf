"""Keeps of conversations that went the same way up to a step, and then another, those that most agree on."""

from collections import Counter
from collections.abc import Sequence, Set

from core.types.example import Example, Step
from core.types.message import without_ids, write_messages
from core.types.value import content_hash
from finetune.curate.filtered import Filtered


def agreed(examples: Sequence[Example], trusted: Set[str] = frozenset()) -> Filtered:
    """Drop an example with a step that others, after the very same conversation, do otherwise.

    What a trusted trace does is right; else what more than half of them do; else nobody is believed.

    Args:
        examples: Not twice the same.
        trusted: Trace ids of what people wrote to put something right.
    """
    said: dict[str, Counter[str]] = {}
    sure: dict[str, set[str]] = {}
    for example in examples:
        for step in example.steps:
            before = _before(example, step)
            said.setdefault(before, Counter())[step.key] += 1
            if example.trace_id in trusted:
                sure.setdefault(before, set()).add(step.key)
    right = {before: _right(steps, sure.get(before, set())) for before, steps in said.items() if len(steps) > 1}
    kept, dropped = [], {}
    for example in examples:
        if all(step.key in right.get(_before(example, step), (step.key,)) for step in example.steps):
            kept.append(example)
        else:
            dropped[example.trace_id] = "others do otherwise after the same words"
    return Filtered(kept, dropped)


def _right(steps: Counter[str], sure: set[str]) -> set[str]:
    if sure:
        return sure if len(sure) == 1 else set()
    step, count = steps.most_common(1)[0]
    return {step} if 2 * count > steps.total() else set()


def _before(example: Example, step: Step) -> str:
    return content_hash(write_messages(without_ids(example.messages[: step.position])), length=32)
