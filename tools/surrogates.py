"""Surrogates: other names and numbers in the place of personal data, the same for the same, so that arguments still match."""

import json
import random
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from core.types.message import Message, ToolCall
from core.types.trace import Trace
from tools.names import is_legal, normal
from tools.personal import KINDS, PersonalData

NAME = "name"
_WORD = re.compile(r"[^\W\d_]{3,}")
_DRAWS = 100
_SYLLABLES = tuple(first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou")


class Surrogates:
    """Hides personal data in all that is to leave the house, and puts it back in what returns."""

    def __init__(self, personal: PersonalData, key: bytes) -> None:
        """Args:
        personal: Finds it.
        key: Secret; another key gives other surrogates, and without it none leads back.
        """
        self._personal, self._key = personal, key
        self._meant: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """The text with surrogates; a JSON document keeps its form."""
        document = _document(text)
        if document is not None:
            return json.dumps(_each_text(document, self._hide), ensure_ascii=False)
        return self._hide(text)

    def hide_value(self, value: Any) -> Any:
        """A value, such as the arguments of a call, with surrogates in its texts."""
        return _each_text(value, self._hide)

    def hide_message(self, message: Message) -> Message:
        """A message with surrogates in text and arguments."""
        calls = tuple(self._hide_call(call) for call in message.tool_calls)
        return message.model_copy(update={"content": self.hide(message.content), "tool_calls": calls})

    def hide_trace(self, trace: Trace) -> Trace:
        """A trace with surrogates in all that was said, called and returned."""
        update = {
            "messages": tuple(self.hide_message(message) for message in trace.messages),
            "partial": trace.partial and self._hide_call(trace.partial),
            "query": trace.query and self.hide(trace.query),
        }
        return trace.model_copy(update=update)

    def restore(self, value: Any) -> Any:
        """What surrogates given so far stand for, in a text or in the texts of a value."""
        return _each_text(value, self._restore)

    def _hide_call(self, call: ToolCall) -> ToolCall:
        return call.model_copy(update={"arguments": self.hide_value(call.arguments)})

    def _hide(self, text: str) -> str:
        pieces, end = [], 0
        for found in self._personal.find(text):
            said = text[found.start : found.end]
            pieces += [
                text[end : found.start],
                self._named(said) if found.entity in KINDS else self._surrogate(said, found.entity),
            ]
            end = found.end
        return "".join([*pieces, text[end:]])

    def _named(self, said: str) -> str:
        """Word by word, so that part of a name is part of its surrogate, too."""
        shown = _WORD.sub(lambda word: word[0] if _is_plain(word[0]) else self._surrogate(word[0], NAME), said)
        return shown if shown != said else self._surrogate(said, NAME)

    def _surrogate(self, said: str, entity: str) -> str:
        for attempt in range(_DRAWS):
            order = random.Random(blake2b(f"{entity} {attempt} {said.casefold()}".encode(), key=self._key).digest())
            made = _made(said, entity, order)
            if made != said and self._meant.setdefault(made, said).casefold() == said.casefold():
                return made
        raise ValueError(f"no surrogate for a text of {len(said)} characters")

    def _restore(self, text: str) -> str:
        surrogates = sorted((one for one in self._meant if one in text), key=len, reverse=True)
        either = "|".join(map(re.escape, surrogates))
        return re.sub(either, lambda found: self._meant[found[0]], text) if surrogates else text


def _made(said: str, entity: str, order: random.Random) -> str:
    if entity == NAME:
        return "".join(order.choice(_SYLLABLES) for _ in range(4)).title()
    if entity == "EMAIL_ADDRESS":
        return "".join(order.choice(_SYLLABLES) for _ in range(5)) + "@example.org"
    return "".join(order.choice("0123456789") if char.isdigit() else char for char in said)


def _is_plain(word: str) -> bool:
    """Whether a word of a name says nothing of whose it is."""
    return is_legal(normal(word)) or normal(word) == "&"


def _document(text: str) -> Any:
    """What a text of JSON holds, if it is an object or a list; else None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _each_text(value: Any, turn: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return turn(value)
    if isinstance(value, dict):
        return {name: _each_text(inner, turn) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(inner, turn) for inner in value]
    return value
