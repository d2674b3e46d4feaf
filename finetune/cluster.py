"""Clusters of near-duplicate conversations, so that no phrasing stands on both sides of a split.

Conversations that come with a `shape` keep it; where that is the trace id of another one they are where that is. Others are
joined when their requests share most of their character 5-grams, by MinHash with locality-sensitive hashing, and transitively.
"""

from collections.abc import Sequence

from core.types.example import Example
from finetune.sketch import near_index, said, sketch

JACCARD = 0.6


def cluster(examples: Sequence[Example]) -> list[Example]:
    """The same examples, in order, with `cluster` set to the first member's trace id where no shape was given."""
    own = {example.trace_id: index for index, example in enumerate(examples) if example.cluster == example.trace_id}
    loose = [index for index, example in enumerate(examples) if example.cluster in own]
    sketches = {index: sketch(said(examples[index])) for index in loose}
    leader = {index: index for index in loose}

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    lsh = near_index(JACCARD)
    for index in loose:
        for near in (*lsh.query(sketches[index]), own[examples[index].cluster]):
            first, second = sorted((find(index), find(near)))
            leader[second] = first
        lsh.insert(index, sketches[index])
    return [
        example.model_copy(update={"cluster": examples[find(index)].trace_id}) if index in leader else example
        for index, example in enumerate(examples)
    ]
