"""Keeps the golden set unseen: an example that resembles a golden request is not trained on.

Two requests resemble each other when their word trigrams overlap (Jaccard) above a threshold after numbers are masked.
Texts of fewer than four words are compared whole: "thanks" may stand on both sides, as everybody says it.
"""

import re
from collections.abc import Iterable, Sequence, Set

from core.types.example import Example
from core.types.message import Message
from finetune.curate.filtered import Filtered

MAX_JACCARD = 0.5
_MIN_WORDS = 4
_WORD = re.compile(r"\d[\d.,/-]*|\w+")


def decontaminated(examples: Sequence[Example], golden: Iterable[Sequence[Message]], traces: Set[str] = frozenset()) -> Filtered:
    """Drop examples with a user turn that resembles a user turn of a golden conversation, or that are of such a trace."""
    shingles = [shingle for messages in golden for shingle in _shingles(messages)]
    index: dict[tuple[str, ...], set[int]] = {}
    for number, shingle in enumerate(shingles):
        for trigram in shingle:
            index.setdefault(trigram, set()).add(number)
    if not shingles and not traces:
        return Filtered(list(examples), {}, "no golden requests")
    kept, dropped = [], {}
    for example in examples:
        if example.trace_id in traces or any(_resembles(shingle, shingles, index) for shingle in _shingles(example.messages)):
            dropped[example.trace_id] = "resembles a golden case"
        else:
            kept.append(example)
    return Filtered(kept, dropped)


def jaccard(a: str, b: str) -> float:
    """Word-trigram Jaccard of two texts in [0, 1], numbers masked; 0 when either has fewer than four words."""
    left, right = trigrams(a), trigrams(b)
    return len(left & right) / len(left | right) if left and right else 0.0


def trigrams(text: str) -> frozenset[tuple[str, ...]]:
    """Word trigrams, lower case, numbers masked; empty for fewer than four words."""
    words = ["0" if word[0].isdigit() else word for word in _WORD.findall(text.lower())]
    return frozenset(zip(words, words[1:], words[2:], strict=False)) if len(words) >= _MIN_WORDS else frozenset()


def _shingles(messages: Sequence[Message]) -> list[frozenset[tuple[str, ...]]]:
    found = [trigrams(message.content) for message in messages if message.role == "user"]
    return [shingle for shingle in found if shingle]


def _resembles(
    shingle: frozenset[tuple[str, ...]],
    golden: Sequence[frozenset[tuple[str, ...]]],
    index: dict[tuple[str, ...], set[int]],
) -> bool:
    near = {number for trigram in shingle for number in index.get(trigram, ())}
    return any(len(shingle & golden[n]) / len(shingle | golden[n]) > MAX_JACCARD for n in near)
