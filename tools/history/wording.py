"""Back from what a business system holds to the words it was asked in: "SO-00298" to "so 298", a day to "next Friday".

The opposite of `tools/resolve.py`: every span of a letter that may fill an argument is resolved, and the one that gives what the
journal holds is the word for it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from core.types.mention import Mention
from core.types.tool import Tool, Toolset, Vocabulary
from tools.day_readers import Look
from tools.days import days_of
from tools.directory import Directory, Match
from tools.mentions import DATE, DIGITS, NUMBER, NameIndex, find_mentions
from tools.names import plain
from tools.numbers import find_numbers
from tools.resolve import Book

_NUMBER_OF = re.compile(r"\D*?0*(\d+)")
_TEXT = "text"
_REMEMBERED = 100_000


class Worded(NamedTuple):
    """A call as a letter asks for it."""

    arguments: dict[str, Any]
    """What is said of them, in the letter's words; what a journal adds besides is left out."""
    said: int
    """How many values are."""
    unsaid: int
    """How many are not."""


class VocabularyBook:
    """What a vocabulary knows of records, where no business system can be asked."""

    def __init__(self, vocabulary: Mapping[str, Vocabulary]) -> None:
        self._kinds = {kind for kind, entry in vocabulary.items() if entry.names}
        self._directory = Directory((kind, name, name) for kind, entry in vocabulary.items() for name in entry.names)

    @property
    def today(self) -> date:
        """Not asked: a letter has its own day."""
        raise NotImplementedError

    def match(self, kind: str, said: str, near: Mapping[str, str]) -> list[Match] | None:
        """See `tools.resolve.Book`."""
        return self._directory.match(kind, said) if kind in self._kinds else None

    def words(self, kind: str) -> Mapping[str, tuple[str, ...]] | None:
        """None: a vocabulary does not say which words mean the same."""
        return None


class Wording:
    """Words calls in the language of letters."""

    def __init__(self, toolset: Toolset, book: Book | None = None) -> None:
        """`book` is the business system's own; else the toolset's vocabulary tells what it can."""
        self._bare = frozenset(kind for kind, entry in toolset.vocabulary.items() if entry.bare)
        self._index = NameIndex(toolset.vocabulary)
        self._book = book or VocabularyBook(toolset.vocabulary)
        self.mentions = lru_cache(_REMEMBERED)(lambda text: tuple(find_mentions(text, self._index)))
        self.numbers = lru_cache(_REMEMBERED)(lambda text: frozenset(abs(number.value) for number in find_numbers(text)))
        self.is_meant = lru_cache(_REMEMBERED)(self._stands_for)
        self._match = lru_cache(_REMEMBERED)(lambda kind, said: self._book.match(kind, said, {}))

    def worded(self, tool: Tool, arguments: Mapping[str, Any], text: str, day: date) -> Worded | None:
        """A call of a journal as a letter asks for it; None where the letter does not ask for it.

        It does where it says every argument the tool requires, and of any line of a list what a line requires.

        Args:
            tool: What was called.
            arguments: As the journal holds them.
            text: The letter.
            day: When it was written.
        """
        run = _Run(self, text, day)
        found = run.object(tool.parameters, arguments)
        if found is None or tool.first_unmet(found) is not None:
            return None
        return Worded(found, run.said, run.unsaid)

    def kinds_of(self, kind: str) -> tuple[str, ...]:
        """Kinds of mentions that may stand for a kind: a number may be said without what stands before it."""
        return (kind, NUMBER, DIGITS) if kind in self._bare else (kind,)

    def _stands_for(self, kind: str, said: str, value: str) -> bool:
        """Whether words stand for what a journal calls so."""
        if plain(said) == plain(value):
            return True
        if words := self._book.words(kind):
            return any(plain(said) in map(plain, (word, *others)) for word, others in words.items() if word == value)
        number, other = _NUMBER_OF.fullmatch(said.replace(" ", "").replace("-", "")), _NUMBER_OF.search(value.replace("-", ""))
        if number and other and number[1] == other[1] and not said.isalpha():
            return not said[0].isalpha() or said[0].casefold() == value[0].casefold()
        found = self._match(kind, said) or []
        return len(found) == 1 and value in (found[0].key, found[0].name)


class _Run:
    """One call and one letter."""

    def __init__(self, wording: Wording, text: str, day: date) -> None:
        self._wording, self._text, self._day = wording, text, day
        self.said = self.unsaid = 0

    def object(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any] | None:
        """What of an object is said; None where something it requires is not."""
        properties, required = schema.get("properties") or {}, schema.get("required") or ()
        found = {name: self._value(properties.get(name) or {}, value) for name, value in values.items() if value is not None}
        if any(found.get(name) is None for name in required):
            return None
        return {name: value for name, value in found.items() if value is not None}

    def _value(self, schema: Mapping[str, Any], value: Any) -> Any:
        if isinstance(value, Mapping):
            return self.object(schema, value)
        if isinstance(value, list):
            items = [self._value(schema.get("items") or {}, item) for item in value]
            return None if not items or any(item is None for item in items) else items
        if isinstance(value, bool) or schema.get("enum") or "const" in schema:
            return value
        found = self._number(value) if isinstance(value, int | float) else self._words(schema, str(value))
        self.said += found is not None
        self.unsaid += found is None
        return found

    def _number(self, value: float) -> Any:
        return value if abs(value) in self._wording.numbers(self._text) else None

    def _words(self, schema: Mapping[str, Any], value: str) -> str | None:
        kind = schema.get("x-kind")
        if kind == DATE:
            return self._day_said(schema, value)
        if isinstance(kind, str) and kind != _TEXT:
            kinds = self._wording.kinds_of(kind)
            own = [m for m in self._wording.mentions(self._text) if m.kind in kinds and not m.inside]
            meant = (mention.surface for mention in _longest_first(own) if self._wording.is_meant(kind, mention.surface, value))
            if (found := next(meant, None)) is not None:
                return found
        there = re.search(rf"(?<!\w){re.escape(value.strip())}(?!\w)", self._text, re.IGNORECASE) if value.strip() else None
        return there[0] if there else None

    def _day_said(self, schema: Mapping[str, Any], value: str) -> str | None:
        look: Look = "back" if schema.get("x-look") == "back" else "ahead"
        for mention in _longest_first([m for m in self._wording.mentions(self._text) if m.kind == DATE]):
            days = days_of(mention.surface, self._day, look)
            if days is not None and value in (days.first.isoformat(), days.last.isoformat()):
                return mention.surface
        return None


def _longest_first(mentions: list[Mention]) -> Iterator[Mention]:
    return iter(sorted(mentions, key=lambda mention: mention.start - mention.end))


def call_key(name: str, arguments: Mapping[str, Any]) -> str:
    """Names a call by what it says."""
    return json.dumps([name, arguments], sort_keys=True, ensure_ascii=False)
