"""Cuts conversations off where a step is not to be believed: with it goes all that followed from it."""

from collections.abc import Mapping, Sequence

from core.types.example import Example
from finetune.curate.filtered import Filtered


def cut_before(examples: Sequence[Example], positions: Mapping[str, int], reasons: Mapping[str, str] | str) -> Filtered:
    """Examples without the step at a position and those after it; one of which no step is left is dropped.

    Args:
        examples: All of them.
        positions: By trace id; what is not there stays whole.
        reasons: Why one is dropped, for all or by trace id.
    """
    kept, dropped = [], {}
    for example in examples:
        position = positions.get(example.trace_id)
        steps = example.steps if position is None else tuple(step for step in example.steps if step.position < position)
        if not steps:
            dropped[example.trace_id] = reasons if isinstance(reasons, str) else reasons[example.trace_id]
        elif position is None:
            kept.append(example)
        else:
            messages = example.messages[: steps[-1].position + 1]
            kept.append(example.model_copy(update={"steps": steps, "messages": messages}))
    return Filtered(kept, dropped)
