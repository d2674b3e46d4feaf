"""Keeps of conversations that went the same way up to a step, and then another, those that there is most reason to believe."""

from collections import Counter
from collections.abc import Mapping, Sequence

from core.types.example import Example
from finetune.curate.filtered import Filtered

TAUGHT, OF_THE_DAY, IMPORTED, PUT_RIGHT = -1, 0, 1, 2
"""How far a trace is trusted: said by a model, let be, brought to be learned, written to put something right."""


def agreed(examples: Sequence[Example], trust: Mapping[str, int]) -> Filtered:
    """Drop an example with a step that others, after the very same conversation, do otherwise.

    What the most trusted do is right; where these differ, what more than half of them do; else nobody is believed.

    Args:
        examples: What there is, duplicates aside or not.
        trust: By trace id; what is not there was let be.
    """
    said: dict[str, dict[int, Counter[str]]] = {}
    places = [example.keys_before() for example in examples]
    for example, before in zip(examples, places, strict=True):
        for step in example.steps:
            by_trust = said.setdefault(before[step.position], {})
            by_trust.setdefault(trust.get(example.trace_id, OF_THE_DAY), Counter())[step.key] += 1
    right = {place: _right(by_trust) for place, by_trust in said.items() if len({k for c in by_trust.values() for k in c}) > 1}
    kept, dropped = [], {}
    for example, before in zip(examples, places, strict=True):
        if all(step.key in right.get(before[step.position], (step.key,)) for step in example.steps):
            kept.append(example)
        else:
            dropped[example.trace_id] = "others do otherwise after the same words"
    return Filtered(kept, dropped)


def _right(by_trust: Mapping[int, Counter[str]]) -> set[str]:
    steps = by_trust[max(by_trust)]
    step, count = steps.most_common(1)[0]
    return {step} if 2 * count > steps.total() else set()
