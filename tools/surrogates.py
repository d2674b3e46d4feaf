"""Surrogates: other names and numbers in the place of personal data, the same for the same, so that arguments still match."""

import json
import random
import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from core.types.message import Message, ToolCall
from core.types.trace import Trace
from tools.names import is_legal, normal
from tools.personal import KINDS, PersonalData

NAME, FIGURE = "name", "figure"
_WORD = re.compile(r"[^\W\d_]+|\d+")
_SEPARATOR = re.compile(r"[\s()/-]+")
_FIRMS = ("customer", "supplier", "lead", "opportunity")
"""Kinds whose names may end in a legal form."""
_PLAIN_KEY = re.compile(r"[a-z][a-z0-9_]*")
_OPENS = re.compile(r"[{\[]")
_ESCAPED = re.compile(r"\\+u(?:(d[89ab]..)\\+u(d[c-f]..)|([0-9a-f]{4}))", re.IGNORECASE)
"""A sign as JSON may write it: in one unit of UTF-16, or in two."""
_LEAST_NUMBER, _MOST_NUMBER = 10**7, 10**19
"""Whole numbers that may be a telephone's or a card's."""
_MOST_TRIES = 1_000
"""Brackets of a text that open no document, from which on none is looked for: each costs time that grows with the text."""
_DRAWS = 100
_DECODER = json.JSONDecoder()
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

    def fresh(self) -> "Surrogates":
        """The same with nothing given yet: what was hidden elsewhere is not put back into what this one restores."""
        return Surrogates(self._personal, self._key)

    def are_left_in(self, text: str) -> bool:
        """Whether a surrogate still stands in a text, however it is spelled."""
        return any(made.casefold() in text.casefold() for made in self._meant if made != self._meant[made])

    def hide(self, text: str) -> str:
        """The text with surrogates; a JSON document keeps its form, and so does one within a text, at any depth."""
        return "".join(self._hide_piece(piece) for piece in _pieces(text))

    def hide_value(self, value: Any) -> Any:
        """A value, such as the arguments of a call, with surrogates in its texts."""
        return _each_text(value, self.hide)

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

    def _hide_piece(self, text: str) -> str:
        """A document text by text; other text as it reads with its escapes of JSON resolved, if there is something to hide."""
        document = _document(text)
        if document is not None:
            try:
                shown = _each_text(document, self.hide, with_keys=True)
                return text if shown == document else json.dumps(shown, ensure_ascii=False)
            except RecursionError:  # nested deeper than can be followed: read as any text
                pass
        read = _ESCAPED.sub(_read_escape, text)
        hidden = self._hide(read)
        return text if hidden == read else hidden

    def _hide(self, text: str) -> str:
        pieces, end = [], 0
        for found in self._personal.find(text):
            said = text[found.start : found.end]
            shown = self._named(said, found.entity) if found.entity in KINDS else self._surrogate(said, found.entity)
            pieces += [text[end : found.start], shown]
            end = found.end
        return "".join([*pieces, text[end:]])

    def _named(self, said: str, kind: str) -> str:
        """Word by word, so that part of a name is part of its surrogate, too; only a firm's legal form stays."""
        words = list(_WORD.finditer(said))
        legal = len(words) > 1 and kind in _FIRMS and is_legal(normal(words[-1][0]))
        pieces, end = [], 0
        for number, word in enumerate(words):
            stays = normal(word[0]) == "&" or (legal and number == len(words) - 1)
            shown = word[0] if stays else self._surrogate(word[0], FIGURE if word[0].isdigit() else NAME)
            pieces += [said[end : word.start()], shown]
            end = word.end()
        return "".join([*pieces, said[end:]])

    def _surrogate(self, said: str, entity: str) -> str:
        same = _SEPARATOR.sub("", said.casefold())
        attempt = 0
        while True:  # millions of words can be made
            order = random.Random(blake2b(f"{entity} {attempt} {same}".encode("utf-8", "replace"), key=self._key).digest())
            made = _made(said, entity if attempt < _DRAWS else NAME, order)
            if made != said and self._meant.setdefault(made, said).casefold() == said.casefold():
                return made
            attempt += 1

    def _restore(self, text: str) -> str:
        surrogates = sorted((one for one in self._meant if one in text), key=len, reverse=True)
        either = "|".join(map(re.escape, surrogates))
        return re.sub(either, lambda found: self._meant[found[0]], text) if surrogates else text


def _made(said: str, entity: str, order: random.Random) -> str:
    if entity == "EMAIL_ADDRESS":
        return "".join(order.choice(_SYLLABLES) for _ in range(5)) + "@example.org"
    if entity == "IP_ADDRESS":
        return "fd00::" + ":".join(f"{order.randrange(0x10000):x}" for _ in range(3)) if ":" in said else _private(order)
    if entity == NAME or not any(char.isdigit() for char in said):
        return "".join(order.choice(_SYLLABLES) for _ in range(4)).title()
    letters = entity == "IBAN_CODE"
    return "".join(_other(char, order, letters and at > 1) for at, char in enumerate(said))  # an account's country stays


def _other(char: str, order: random.Random, letters: bool) -> str:
    if char.isdigit():
        return order.choice("0123456789")
    return order.choice(ascii_uppercase if char.isupper() else ascii_lowercase) if letters and char.isalpha() else char


def _private(order: random.Random) -> str:
    return ".".join(["10", *(str(order.randrange(256)) for _ in range(3))])


def _pieces(text: str) -> Iterator[str]:
    """A text cut where a JSON document within it begins and ends; in one piece where nothing in it is escaped, or where it is
    nested deeper than can be followed."""
    end = at = 0
    tries = _MOST_TRIES if "\\" in text else 0
    while tries and (opening := _OPENS.search(text, at)):
        try:
            _, at = _DECODER.raw_decode(text, opening.start())
        except ValueError:
            at, tries = opening.end(), tries - 1
        except RecursionError:
            break
        else:
            yield from (text[end : opening.start()], text[opening.start() : at])
            end = at
    yield text[end:]


def _read_escape(found: re.Match[str]) -> str:
    """The sign it stands for; one that would end a text or break a line as JSON has it otherwise, half of one as it is."""
    units = [unit for unit in found.groups() if unit]
    try:
        sign = b"".join(bytes.fromhex(unit) for unit in units).decode("utf-16-be")
    except ValueError:
        return found[0]
    return f"\\{sign}" if sign in '"\\' else " " if sign < " " else sign


def _document(text: str) -> Any:
    """What a text of JSON holds, if it is an object or a list; else None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _each_text(value: Any, turn: Callable[[str], str], with_keys: bool = False) -> Any:
    """A value with its texts turned; a whole number of many digits is read as a text, as a telephone number may be one."""
    if isinstance(value, str):
        return turn(value)
    if isinstance(value, dict):
        names = (turn(name) if with_keys and not _PLAIN_KEY.fullmatch(name) else name for name in value)
        return {name: _each_text(inner, turn, with_keys) for name, inner in zip(names, value.values(), strict=True)}
    if isinstance(value, list | tuple):
        return [_each_text(inner, turn, with_keys) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and _LEAST_NUMBER <= abs(value) < _MOST_NUMBER:
        turned = turn(str(value))
        return int(turned) if turned.lstrip("-").isdigit() else value
    return value
