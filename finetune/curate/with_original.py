"""Keeps what a teacher said in other words only beside what it rewords: what is wrong with the one is wrong with the other."""

from collections.abc import Mapping, Sequence

from core.types.example import Example
from finetune.curate.filtered import Filtered


def with_original(examples: Sequence[Example], rewords: Mapping[str, str]) -> Filtered:
    """Drop paraphrases whose original was left out: taken back, put right, disputed, or like a golden request.

    Args:
        examples: All that is left.
        rewords: The trace id of the original, by that of the paraphrase.
    """
    if not rewords:
        return Filtered(list(examples), {}, "nothing said in other words")
    left = {example.trace_id for example in examples}
    dropped = {
        example.trace_id: "what it rewords is left out"
        for example in examples
        if example.trace_id in rewords and rewords[example.trace_id] not in left
    }
    return Filtered([example for example in examples if example.trace_id not in dropped], dropped)
