"""Keeps the golden set unseen: an example that resembles a golden request is not trained on.

Two requests resemble each other when their word trigrams overlap (Jaccard) above a threshold after numbers are masked; signs of
scripts without spaces are words. Texts of fewer than four words are compared whole, as they are, with what a golden conversation
says last; where nothing is called for them they may stand on both sides, as everybody says "thanks".
"""

import re
from collections.abc import Iterable, Sequence, Set

from core.types.example import Example
from core.types.message import Message
from finetune.curate.filtered import Filtered

MAX_JACCARD = 0.5
_MIN_WORDS = 4
_SIGN = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"\d[\d.,/-]*|[{_SIGN}]|[^\W{_SIGN}]+")


class Likeness:
    """Tells whether a conversation resembles one of many."""

    def __init__(self, known: Iterable[Sequence[Message]]) -> None:
        conversations = list(known)
        self._none = not conversations
        self._known = [shingle for messages in conversations for shingle in _shingles(messages)]
        self._short = {said[-1] for messages in conversations if (said := _short_texts(messages))} - {""}
        self._index: dict[tuple[str, ...], set[int]] = {}
        for number, shingle in enumerate(self._known):
            for trigram in shingle:
                self._index.setdefault(trigram, set()).add(number)

    def __bool__(self) -> bool:
        return not self._none

    def __call__(self, messages: Sequence[Message], calls: bool = True) -> bool:
        """Whether a user turn resembles one of a known conversation; `calls`: whether anything is called or asked for it."""
        if calls and not self._short.isdisjoint(_short_texts(messages)):
            return True
        return any(map(self._resembles, _shingles(messages)))

    def _resembles(self, shingle: frozenset[tuple[str, ...]]) -> bool:
        near = {number for trigram in shingle for number in self._index.get(trigram, ())}
        return any(len(shingle & self._known[n]) / len(shingle | self._known[n]) > MAX_JACCARD for n in near)


def decontaminated(examples: Sequence[Example], golden: Iterable[Sequence[Message]], traces: Set[str] = frozenset()) -> Filtered:
    """Drop examples with a user turn that resembles a user turn of a golden conversation, or that are of such a trace."""
    like = Likeness(golden)
    if not like and not traces:
        return Filtered(list(examples), {}, "no golden requests")
    kept, dropped = [], {}
    for example in examples:
        calls = any(step.outcome != "none" for step in example.steps)
        if example.trace_id in traces or like(example.messages, calls):
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


def _short_texts(messages: Sequence[Message]) -> list[str]:
    """The user turns in order, in plain form; empty those of so many words that trigrams tell of them."""
    words = [_WORD.findall(message.content.lower()) for message in messages if message.role == "user"]
    return [" ".join(said) if len(said) < _MIN_WORDS else "" for said in words]


def _shingles(messages: Sequence[Message]) -> list[frozenset[tuple[str, ...]]]:
    found = [trigrams(message.content) for message in messages if message.role == "user"]
    return [shingle for shingle in found if shingle]
