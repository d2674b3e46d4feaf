"""Marks: the request with each mention's kind written before it, as the model reads it.

"bill Acme for a dozen oak chairs" becomes "bill customer:Acme for 12:a dozen product:oak chairs". Whether Acme is a customer or
a warehouse is known to the ERP and to no weights; a mark says it where it is needed, and what follows the colon is spelled in
the very tokens the call is written in.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

from core.chat import json_text, neutral
from core.types.mention import Mention
from core.types.message import Message
from core.types.tool import Tool, Toolset
from tools.choices import ChoiceFinder
from tools.clauses import find_clauses
from tools.kinds import KindTable, Slot, slot_of, slots
from tools.mentions import DIGITS, NUMBER, NameIndex, find_mentions
from tools.things import Thing, by_place, written_as

_REMEMBERED = 2048
"""Texts whose mentions are kept while serving."""
AT_NIGHT = 65_536
"""And at night, which goes over all its rows some ten times, for marks, masks, clauses and roles."""
_FIGURE = re.compile(r"\d[\d.,]*")


class Marker:
    """Marks the user's words for one toolset; the same when training and when serving."""

    def __init__(self, toolset: Toolset, table: KindTable, remembered: int = _REMEMBERED) -> None:
        """`remembered`: of how many texts, those read last, the mentions are kept."""
        # Dates learned from training rows are left out: every date of those rows would be marked, and not every date after.
        self._mentions = lru_cache(remembered)(partial(find_mentions, index=NameIndex(toolset.vocabulary)))
        self._choices = lru_cache(remembered)(ChoiceFinder(toolset, table).find)
        self._joins = table.max_calls > 1
        found = list(slots(toolset, table))
        filled = {(slot.mode, slot.kind) for _, slot in found}
        modes = {mode for mode, _ in filled}
        self._kinds = {kind for mode, kind in filled if mode == "mention"}
        self._arguments = {kind for mode, kind in filled if mode == "choice"}
        self._valued = {kind for kind, mode in ((NUMBER, "number"), (DIGITS, "digits")) if mode in modes}
        self.free_texts = {tool.name: _free_texts(toolset, table, tool) for tool in toolset.tools}
        """By name of a tool those of its arguments that are filled with words of the request."""
        self._fills: dict[str, set[str]] = {}
        for name, slot in found:
            for key in _filled_by(slot):
                self._fills.setdefault(key, set()).add(name)

    def mark(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The conversation with marks in every user turn."""
        return tuple(
            message.model_copy(update={"content": self.mark_text(message.content)}) if message.role == "user" else message
            for message in messages
        )

    def mark_text(self, text: str) -> str:
        """One user turn with marks; a text that mentions nothing comes back without outer white space, else as it is."""
        text = neutral(text)
        pieces: list[str] = []
        end = 0
        for start, _, label in self._labels([*_first_readings(self._mentions(text)), *self._choices(text)], self._label):
            pieces.extend((text[end:start], label, ":"))
            end = start
        return "".join((*pieces, text[end:]))

    def mask_text(self, text: str) -> str:
        """One user turn with each mention's kind in its place and every figure as 0: what is wished, whatever it is about."""
        text = neutral(text)
        pieces: list[str] = []
        end = 0
        for start, stop, label in self._labels(self._mentions(text), self._kind_label):
            pieces.extend((_FIGURE.sub("0", text[end:start]), label))
            end = stop
        return "".join((*pieces, _FIGURE.sub("0", text[end:])))

    def mentions(self, text: str) -> list[Mention]:
        """Every mention of one user turn, as `neutral` spells it."""
        return self._mentions(neutral(text))

    def numbers(self, text: str) -> list[float]:
        """Numbers said in one user turn, in reading order, each in its first reading; figures inside names and ids are none."""
        found = (m.value for m in _first_readings(self._mentions(neutral(text))) if m.kind == NUMBER and not m.inside)
        return [value for value in found if isinstance(value, int | float)]

    def clauses(self, text: str) -> list[str]:
        """One user turn cut where a wish may end, never inside a mention; none where no step ever held two calls."""
        text = neutral(text)
        return find_clauses(text, self._mentions(text)) if self._joins else []

    def things(self, text: str) -> list[Thing]:
        """What one user turn says that could fill an argument, in reading order, by places in the text `neutral` makes of it."""
        text = neutral(text)
        things = []
        for readings in by_place([*self._mentions(text), *self._choices(text)]):
            fills = {name for m in readings for key in (m.kind, f"={m.value}") for name in self._fills.get(key, ())}
            things.append(
                Thing(
                    min(m.start for m in readings),
                    max(m.end for m in readings),
                    "/".join(sorted({m.kind for m in readings})),
                    frozenset(written_as(m.value) for m in readings),
                    frozenset(fills),
                )
            )
        return things

    def heard(self, text: str) -> Counter[str]:
        """How often one user turn mentions each kind, each enumerated value as `=value`, and something for an argument's enum."""
        text = neutral(text)
        places = {(mention.kind, mention.start) for mention in self._mentions(text) if not mention.inside}
        found = Counter(kind for kind, _ in places)
        for choice in self._choices(text):
            found.update((choice.kind, f"={choice.value}"))
        return found

    def _labels(self, mentions: Iterable[Mention], label_of: Callable[[Mention], str | None]) -> Iterator[tuple[int, int, str]]:
        """Labelled spans (start, end, label) in order; of overlapping mentions the longest has one, with all its kinds."""
        spans: dict[tuple[int, int], list[str]] = {}
        for mention in mentions:
            label = None if mention.inside else label_of(mention)
            if label is not None:
                spans.setdefault((mention.start, mention.end), []).append(label)
        taken: list[tuple[int, int]] = []
        for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span)):
            if all(end <= other or start >= last for other, last in taken):
                taken.append((start, end))
        for span in sorted(taken):
            yield *span, "|".join(dict.fromkeys(spans[span]))

    def _kind_label(self, mention: Mention) -> str | None:
        return mention.kind.replace("_", " ") if mention.kind in self._kinds else None

    def _label(self, mention: Mention) -> str | None:
        kind = self._kind_label(mention)
        if kind is not None:
            return kind
        if mention.kind in (NUMBER, DIGITS):
            value = json_text(mention.value).strip('"')
            return value if mention.kind in self._valued and value != mention.surface else None
        if mention.value != mention.surface:
            return str(mention.value)  # a choice, as it is written
        return mention.kind.replace("_", " ") if mention.kind in self._arguments else None


def _first_readings(mentions: Iterable[Mention]) -> Iterator[Mention]:
    """The mentions with one number for a figure: "1.250" is marked as 1250 alone, though 1.25 may be written for it too."""
    seen: set[tuple[int, int]] = set()
    for mention in mentions:
        if mention.kind == NUMBER and (mention.start, mention.end) in seen:
            continue
        if mention.kind == NUMBER:
            seen.add((mention.start, mention.end))
        yield mention


def _free_texts(toolset: Toolset, table: KindTable, tool: Tool) -> tuple[str, ...]:
    flat = {name: schema for name, schema in tool.properties.items() if not schema.get("items") and not schema.get("properties")}
    return tuple(name for name, schema in flat.items() if slot_of(toolset, table, name, schema).mode == "span")


def _filled_by(slot: Slot) -> tuple[str, ...]:
    """Kinds of mentions that can fill a slot, and enumerated values as `=value`."""
    if slot.mode == "choice":
        return tuple(f"={choice}" for choice in slot.choices)
    if slot.mode == "mention":
        return (slot.kind,)
    return {"number": (NUMBER,), "digits": (DIGITS,)}.get(slot.mode, ())
