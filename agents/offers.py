"""Offers: what this very conversation offers to fill arguments with, by kind. What is not offered cannot be written."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.chat import neutral
from core.types.mention import Mention
from core.types.message import Message
from core.types.tool import Toolset, Vocabulary
from tools.choices import ChoiceFinder, is_findable
from tools.clauses import find_clauses
from tools.habits import UNSAID_NUMBER
from tools.kinds import DATE_KIND, KindTable, Slot, leaves, slot_of
from tools.mentions import DIGITS, NUMBER, NameIndex, find_mentions

_MAX_SPAN_WORDS, _MIN_LOOSE = 240, 3
_PIECE = re.compile(r"\S+")
_EDGE = re.compile(r"^([^\w+#@€$£]*)(.*?)([^\w%€$£]*)$", re.DOTALL)


class Word:
    """A piece of a request between white space: its core and the punctuation around it."""

    __slots__ = ("after", "before", "core", "end", "gap", "start")

    def __init__(self, before: str, core: str, after: str, gap: str, start: int) -> None:
        """`start` is the place of the core's first character in the text."""
        self.before, self.core, self.after, self.gap = before, core, after, gap
        self.start, self.end = start, start + len(core)


class Offers:
    """Values by kind, and the words free text may be cut from."""

    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = {}
        self.bare: frozenset[str] = frozenset()
        """Kinds whose numbers may be said as bare digits."""
        self.texts: list[list[Word]] = []
        self.choices: set[str] = set()
        """Enumerated values that were said."""
        self.last_choices: set[str] = set()
        """Those of the last user turn."""
        self.last_user: list[Mention] = []
        """Mentions of the last user turn, for the reviewer."""
        self.loose: list[str] = []
        """Its clauses of some words that mention nothing: what free text is made of."""

    def add(self, kind: str, value: Any) -> None:
        """Offer `value` for arguments of `kind`, once."""
        known = self.values.setdefault(kind, [])
        if not any(value == other and type(value) is type(other) for other in known):
            known.append(value)

    def of(self, slot: Slot) -> list[Any]:
        """What may fill a slot, span texts apart."""
        if slot.mode == "choice":
            heard = {*self.choices, *self.values.get(slot.kind, [])}
            return [choice for choice in slot.choices if not slot.said or choice in heard or not is_findable(choice)]
        if slot.mode == "number":
            return self.values.get(NUMBER, [])
        if slot.mode == "digits":
            return [*self.values.get(DIGITS, []), *self.values.get(slot.kind, [])]
        if slot.mode == "mention":
            digits = self.values.get(DIGITS, []) if slot.kind in self.bare else []
            return [*self.values.get(slot.kind, []), *digits]
        return [*slot.choices, *self.values.get(slot.kind, [])]


class OfferFinder:
    """Collects offers for one toolset: built once a release, used for every request."""

    def __init__(self, toolset: Toolset, table: KindTable) -> None:
        self._toolset, self.table = toolset, table
        learned = {kind: Vocabulary(names=names) for kind, names in table.learned.items() if kind == DATE_KIND}
        self._index = NameIndex({**toolset.vocabulary, **learned})
        self._bare = frozenset(kind for kind, entry in toolset.vocabulary.items() if entry.bare)
        self._choices = ChoiceFinder(toolset, table)
        self._slots_by_name = _slots_by_name(toolset, table)

    def collect(self, messages: Sequence[Message]) -> Offers:
        """Offers of a conversation: every user turn, arguments already called, and tool results, newest first."""
        offers = Offers()
        offers.bare = self._bare
        for position in range(len(messages) - 1, -1, -1):
            message = messages[position]
            if message.role == "user":
                self._collect_text(offers, neutral(message.content), is_last=not offers.texts)
            elif message.role == "tool":
                self._collect_result(offers, message.content)
            for call in message.tool_calls:
                tool = self._toolset.by_name.get(call.name)
                for name, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
                    self._collect_argument(offers, name, schema, value)
        return offers

    def _collect_text(self, offers: Offers, text: str, is_last: bool) -> None:
        budget = _MAX_SPAN_WORDS - sum(map(len, offers.texts))
        offers.texts.append(words_of(text)[:budget] if budget > 0 else [])
        found = find_mentions(text, self._index)
        choices = {str(mention.value) for mention in self._choices.find(text)}
        offers.choices |= choices
        if is_last:
            offers.last_user, offers.last_choices = found, choices
            offers.loose = _loose(text, found)
        for mention in found:
            if not mention.inside:
                offers.add(mention.kind, mention.value)

    def _collect_argument(self, offers: Offers, name: str, schema: Mapping[str, Any], value: Any) -> None:
        slot = slot_of(self._toolset, self.table, name, schema)
        offers.add(NUMBER if slot.mode == "number" else slot.kind, value)

    def _collect_result(self, offers: Offers, content: str) -> None:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return
        for key, value in _result_leaves(document):
            if isinstance(value, bool):
                continue
            if isinstance(value, int | float):
                if UNSAID_NUMBER not in self.table.never:
                    offers.add(NUMBER, _tidy(value))
            elif isinstance(value, str) and len(value) <= 200:
                clean = neutral(value)
                for mention in find_mentions(clean, self._index):
                    if not mention.inside and mention.kind not in (NUMBER, DIGITS):
                        offers.add(mention.kind, mention.value)
                for slot in self._slots_by_name.get(key, ()):
                    offers.add(slot.kind, clean)


def _loose(text: str, mentions: Sequence[Mention]) -> list[str]:
    surfaces = [mention.surface for mention in mentions if not mention.inside]
    clauses = find_clauses(text, mentions)
    return [clause for clause in clauses if len(clause.split()) >= _MIN_LOOSE and not any(s in clause for s in surfaces)]


def _slots_by_name(toolset: Toolset, table: KindTable) -> dict[str, tuple[Slot, ...]]:
    """Slots of string arguments by argument name: a result field of the same name may fill them."""
    found: dict[str, dict[str, Slot]] = {}

    def visit(name: str, schema: Mapping[str, Any]) -> None:
        if schema.get("properties"):
            for inner, inner_schema in schema["properties"].items():
                visit(inner, inner_schema)
        elif schema.get("items"):
            visit(name, schema["items"])
        else:
            slot = slot_of(toolset, table, name, schema)
            if slot.mode in ("mention", "span", "digits"):
                found.setdefault(name, {})[slot.kind] = slot

    for tool in toolset.tools:
        visit("", tool.parameters)
    return {name: tuple(slots.values()) for name, slots in found.items()}


def _result_leaves(document: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > 8:
        return
    if isinstance(document, dict):
        for inner_key, inner in list(document.items())[:100]:
            yield from _result_leaves(inner, inner_key, depth + 1)
    elif isinstance(document, list):
        for inner in document[:50]:
            yield from _result_leaves(inner, key, depth + 1)
    else:
        yield key, document


def _tidy(value: int | float) -> int | float:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def words_of(text: str) -> list[Word]:
    """A text cut at white space."""
    words = []
    end = 0
    for match in _PIECE.finditer(text):
        edges = _EDGE.match(match[0])
        before, core, after = edges.groups() if edges and edges[2] else ("", match[0], "")
        words.append(Word(before, core, after, text[end : match.start()], match.start() + len(before)))
        end = match.end()
    return words
