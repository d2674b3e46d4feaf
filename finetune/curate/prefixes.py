"""Conversations that another one goes on from: a thread gives a trace a turn, and only the longest of them has to teach."""

from collections.abc import Sequence

from core.types.example import Example
from core.types.message import without_ids, write_messages
from core.types.value import content_hash
from finetune.curate.filtered import Filtered


def whole_threads(examples: Sequence[Example]) -> Filtered:
    """Drop an example that begins a longer one which teaches all that it does."""
    longer: dict[str, list[set[str]]] = {}
    for example in examples:
        steps = {step.key for step in example.steps}
        for length in range(1, len(example.messages)):
            longer.setdefault(_conversation_key(example, length), []).append(steps)
    kept, dropped = [], {}
    for example in examples:
        own = {step.key for step in example.steps}
        if any(own <= steps for steps in longer.get(_conversation_key(example, len(example.messages)), ())):
            dropped[example.trace_id] = "begins a longer conversation"
        else:
            kept.append(example)
    return Filtered(kept, dropped)


def _conversation_key(example: Example, length: int) -> str:
    return content_hash(write_messages(without_ids(example.messages[:length])), length=32)
