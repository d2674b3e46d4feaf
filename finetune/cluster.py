"""Clusters of near-duplicate conversations, so that no phrasing stands on both sides of a split.

Conversations that come with a `shape` keep it; where that is the trace id of another one they are where that is. Others are
joined when their requests share most of their character 5-grams, by MinHash with locality-sensitive hashing, and transitively;
where one of them is as near to a conversation of a shape, all are of that shape, the first one's where there are several.
"""

from collections.abc import Sequence

from core.types.example import Example
from finetune.sketch import near_index, said, sketch

JACCARD = 0.6


def cluster(examples: Sequence[Example]) -> list[Example]:
    """The same examples, in order, with `cluster` set where no shape was given: a shape that is near, or a member's trace id."""
    own = {example.trace_id: index for index, example in enumerate(examples) if example.cluster == example.trace_id}
    loose = [index for index, example in enumerate(examples) if example.cluster in own]
    if not loose:
        return list(examples)
    leader = {index: index for index in loose}

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    lsh = near_index(JACCARD)
    for index, example in enumerate(examples):
        if index not in leader:
            lsh.insert(index, sketch(said(example)))
    shaped: list[tuple[int, int]] = []
    for index in loose:
        sketched = sketch(said(examples[index]))
        for near in (*lsh.query(sketched), own[examples[index].cluster]):
            if near in leader:
                first, second = sorted((find(index), find(near)))
                leader[second] = first
            else:
                shaped.append((near, index))
        lsh.insert(index, sketched)
    shapes: dict[int, str] = {}
    for near, index in sorted(shaped):
        shapes.setdefault(find(index), examples[near].cluster)
    return [
        example.model_copy(update={"cluster": shapes.get(root := find(index), examples[root].trace_id)})
        if index in leader
        else example
        for index, example in enumerate(examples)
    ]
