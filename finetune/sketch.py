"""MinHash sketches of what people said in a conversation, to find its near-duplicates (`datasketch`; Broder 1997)."""

from datasketch import MinHash, MinHashLSH

from core.types.example import Example

PERMUTATIONS = 64
_NGRAM = 5
_EMPTY = MinHash(num_perm=PERMUTATIONS, seed=1)
"""Its permutations take longer to draw than a text takes to sketch."""


def said(example: Example) -> str:
    """All that the user said, in lower case, a bar between turns."""
    return " | ".join(" ".join(m.content.lower().split()) for m in example.messages if m.role == "user")


def sketch(text: str) -> MinHash:
    """Of a text's character 5-grams."""
    sketched = _EMPTY.copy()
    padded = f" {text} "
    sketched.update_batch([padded[i : i + _NGRAM].encode() for i in range(max(1, len(padded) - _NGRAM + 1))])
    return sketched


def near_index(jaccard: float) -> MinHashLSH:
    """Finds sketches that share about so much with one, in [0, 1]."""
    return MinHashLSH(threshold=jaccard, num_perm=PERMUTATIONS)
