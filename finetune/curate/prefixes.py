"""Conversations that another one goes on from: a thread gives a trace a turn, and only the longest of them has to teach."""

from collections.abc import Sequence

from core.types.example import Example
from finetune.curate.filtered import Filtered


def whole_threads(examples: Sequence[Example]) -> Filtered:
    """Drop an example that begins a longer one which teaches all that it does."""
    longer: dict[str, list[set[str]]] = {}
    for example in examples:
        steps = {step.key for step in example.steps}
        for key in example.keys_before()[1:-1]:
            longer.setdefault(key, []).append(steps)
    kept, dropped = [], {}
    for example in examples:
        own = {step.key for step in example.steps}
        if any(own <= steps for steps in longer.get(example.keys_before()[-1], ())):
            dropped[example.trace_id] = "begins a longer conversation"
        else:
            kept.append(example)
    return Filtered(kept, dropped)
