"""Keeps what a teacher said in other words only beside what it rewords: what is wrong with the one is wrong with the other."""

from collections.abc import Mapping, Sequence

from core.types.example import Example
from finetune.curate.cut import cut_before
from finetune.curate.filtered import Filtered


def with_original(examples: Sequence[Example], rewords: Mapping[str, str]) -> Filtered:
    """Drop paraphrases whose original was left out, as taken back, put right, disputed, or like a golden request; and cut one off
    where its original was.

    Args:
        examples: All that is left.
        rewords: The trace id of the original, by that of the paraphrase.
    """
    if not rewords:
        return Filtered(list(examples), {}, "nothing said in other words")
    ends = {example.trace_id: example.steps[-1].position + 1 for example in examples}
    return cut_before(
        examples, {each: ends.get(original, 0) for each, original in rewords.items()}, "what it rewords is left out"
    )
