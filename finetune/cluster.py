"""Clusters of near-duplicate conversations, so that no phrasing stands on both sides of a split.

Conversations that come with a `shape` keep it. Others are joined when their requests share most of their character
5-grams, by MinHash with locality-sensitive hashing (`datasketch`; Broder 1997), and transitively.
"""

from collections.abc import Sequence

from datasketch import MinHash, MinHashLSH

from core.types.example import Example

JACCARD = 0.6
_PERMUTATIONS = 64
_NGRAM = 5


def cluster(examples: Sequence[Example]) -> list[Example]:
    """The same examples, in order, with `cluster` set to the first member's trace id where no shape was given."""
    loose = [index for index, example in enumerate(examples) if example.cluster == example.trace_id]
    sketches = {index: _sketch(_text(examples[index])) for index in loose}
    leader = {index: index for index in loose}

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    lsh = MinHashLSH(threshold=JACCARD, num_perm=_PERMUTATIONS)
    for index in loose:
        for near in lsh.query(sketches[index]):
            first, second = sorted((find(index), find(near)))
            leader[second] = first
        lsh.insert(index, sketches[index])
    return [
        example.model_copy(update={"cluster": examples[find(index)].trace_id}) if index in leader else example
        for index, example in enumerate(examples)
    ]


def _text(example: Example) -> str:
    return " | ".join(" ".join(m.content.lower().split()) for m in example.messages if m.role == "user")


def _sketch(text: str) -> MinHash:
    sketch = MinHash(num_perm=_PERMUTATIONS, seed=1)
    padded = f" {text} "
    for start in range(max(1, len(padded) - _NGRAM + 1)):
        sketch.update(padded[start : start + _NGRAM].encode())
    return sketch
