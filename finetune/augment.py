"""Augmentation: the same phrasings with other names, ids, amounts and choices.

A few thousand rows show each phrasing once or twice, always with the same values. Swapping values teaches that they are to be
copied, not remembered. Only values of training rows are used, so nothing of an exam and no name reserved for it can leak in.
"""

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.types.example import Example
from core.types.message import Message, ToolCall
from core.types.tool import Toolset
from core.types.value import is_number
from tools.choices import ChoiceFinder
from tools.kinds import KindTable, Slot, leaves, slot_of
from tools.numbers import find_numbers

_MIN_NUMBER, _MAX_NUMBER = 10, 10**12
_CONDITION = re.compile(r"\b(?:if|unless|otherwise|when|only|whether|than)\b", re.IGNORECASE)
"""A result may have been compared with something: another number could turn the answer."""
_CHOICE_SHARE = 0.5
"""Share of the variants that say other choices: what goes together ("credit card") is to be learned too."""


class Swapper:
    """Writes variants of conversations: the same words around other values, used by training rows elsewhere."""

    def __init__(self, toolset: Toolset, table: KindTable, training: Sequence[Example], seed: int) -> None:
        self._toolset, self._table, self._seed = toolset, table, seed
        self._patterns = {
            kind: [re.compile(pattern, re.IGNORECASE) for pattern in entry.patterns] for kind, entry in toolset.vocabulary.items()
        }
        pools: dict[str, set[str]] = defaultdict(set)
        known = {kind: {n.casefold(): n for n in entry.names} for kind, entry in toolset.vocabulary.items()}
        for example in training:
            for kind, value in self._mentioned(example):
                if value.casefold() in known.get(kind, {}):
                    pools[kind].add(known[kind][value.casefold()])
        self._pools = {kind: sorted(names) for kind, names in pools.items()}
        self._choices = ChoiceFinder(toolset, table)
        contents = [content for example in training for content in _said(example)]
        self._said_choices = {str(mention.value) for content in contents for mention in self._choices.find(content)}

    def variant(self, example: Example, number: int) -> Example:
        """Variant `number` of an example; the same number gives the same variant. Values that cannot be swapped stay."""
        order = random.Random(f"{self._seed}/{number}/{example.id}")
        names = self._names(example, order)
        # where there are results, a condition on them may hang on a number
        conditional = any(message.role == "tool" for message in example.messages)
        numbers = self._carried(example, order) if conditional else self._numbers(example, order)
        said, choices = self._choices_of(example, order) if order.random() < _CHOICE_SHARE else ({}, {})
        words = {**{old: new for old, new, _ in numbers.values()}, **said, **names}
        return _rewritten(example, words, {**choices, **names}, numbers) if words else example

    def repriced(self, example: Example, number: int) -> Example | None:
        """The example with nothing but the numbers changed that were copied from results; None where there are none."""
        carried = self._carried(example, random.Random(f"{self._seed}/{number}/{example.id}"))
        return _rewritten(example, {old: new for old, new, _ in carried.values()}, {}, carried) if carried else None

    def _mentioned(self, example: Example) -> Iterator[tuple[str, str]]:
        """Kind and value of every argument that is filled by a mention."""
        for slot, value in self._filled(example):
            if slot.mode in ("mention", "digits") and isinstance(value, str):
                yield slot.kind, value

    def _filled(self, example: Example) -> Iterator[tuple[Slot, Any]]:
        """Slot and value of every scalar argument."""
        for call in _calls(example):
            tool = self._toolset.by_name.get(call.name)
            for name, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
                yield slot_of(self._toolset, self._table, name, schema), value

    def _names(self, example: Example, order: random.Random) -> dict[str, str]:
        said = "\n".join(message.content for message in example.messages)
        table: dict[str, str] = {}
        for kind, value in self._mentioned(example):
            if value in table or not _stands_in(value, said):
                continue
            if value.isdecimal() or any(pattern.fullmatch(value) for pattern in self._patterns.get(kind, ())):
                table[value] = _scrambled(value, order)
            elif len(pool := self._pools.get(kind, [])) > 1:
                taken = {new.casefold() for new in table.values()}
                new = order.choice([name for name in pool if name.casefold() not in taken] or pool)
                table[value] = new.lower() if value.islower() else new
        return table

    def _choices_of(self, example: Example, order: random.Random) -> tuple[dict[str, str], dict[str, str]]:
        """What to put in the place of the words that say choices, and of their values; different choices stay different."""
        allowed: dict[str, set[str]] = {}
        for slot, value in self._filled(example):
            if slot.mode == "choice" and isinstance(value, str):
                texts = {choice for choice in slot.choices if isinstance(choice, str)}
                allowed[value] = allowed.get(value, texts) & texts
        surfaces: dict[str, set[str]] = defaultdict(set)
        for content in _said(example):
            for mention in self._choices.find(content):
                if _stands_in(mention.surface, content):
                    surfaces[str(mention.value)].add(mention.surface)
        taken = allowed.keys() - surfaces.keys()
        values: dict[str, str] = {}
        for old in sorted(allowed.keys() & surfaces.keys()):
            values[old] = order.choice(sorted((allowed[old] & self._said_choices) - taken) or [old])
            taken.add(values[old])
        if len(set(values.values())) < len(values):  # of few choices none may have been left for the last but one that is taken
            return {}, {}
        return {surface: new.replace("_", " ") for old, new in values.items() if new != old for surface in surfaces[old]}, values

    def _numbers(self, example: Example, order: random.Random) -> dict[float, tuple[str, str, float]]:
        """By value: the words that say it, the words and the value to put in their place."""
        said = "\n".join(_said(example))
        spoken = find_numbers(said)
        table: dict[float, tuple[str, str, float]] = {}
        for call in _calls(example):
            tool = self._toolset.by_name.get(call.name)
            for _, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
                if isinstance(value, bool) or not isinstance(value, int | float) or value < _MIN_NUMBER:
                    continue
                places = [said[s.start : s.end] for s in spoken if s.value == value]
                if len(places) == 1 and _says_plainly(places[0], value) and said.count(places[0]) == 1:
                    figures = _scrambled(places[0].replace(",", ""), order)
                    new = int(figures) if figures.isdecimal() else float(figures)
                    if not _allows(schema, new):
                        continue
                    table[float(value)] = (places[0], _grouped(figures) if "," in places[0] else figures, new)
        return table

    def _carried(self, example: Example, order: random.Random) -> dict[float, tuple[str, str, float]]:
        """As `_numbers`, of those that nobody said and a result did, such as a price that was looked up: it is to be copied."""
        said = "\n".join(_said(example))
        if _CONDITION.search(said):
            return {}
        known = {float(spoken.value) for spoken in find_numbers(said)}
        results = "\n".join(message.content for message in example.messages if message.role == "tool")
        texts = {value for call in _calls(example) for _, _, value in leaves(call.arguments, {}) if isinstance(value, str)}
        table: dict[float, tuple[str, str, float]] = {}
        for call in _calls(example):
            tool = self._toolset.by_name.get(call.name)
            for _, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
                if (
                    isinstance(value, bool)
                    or not isinstance(value, int | float)
                    or not _MIN_NUMBER <= value < _MAX_NUMBER
                    or value in known
                ):
                    continue
                shown = json.dumps(value)
                spelled = {results[s.start : s.end] for s in find_numbers(results) if s.value == value}
                if spelled == {shown} and _stands_in(shown, results) and shown not in texts:
                    new = _scrambled(shown, order)
                    if not _allows(schema, json.loads(new)):
                        continue
                    table[float(value)] = (shown, new, json.loads(new))
        return table


def _says_plainly(figures: str, value: float) -> bool:
    """Whether figures are a number as a program writes it, thousands apart perhaps: "1,250.50", not "1.250" for 1250."""
    return re.fullmatch(r"\d[\d,]*(?:\.\d+)?", figures) is not None and float(figures.replace(",", "")) == value


def _grouped(figures: str) -> str:
    """Figures with commas between thousands; decimals stay as many as they are."""
    whole, point, decimals = figures.partition(".")
    return f"{int(whole):,}{point}{decimals}"


def _allows(schema: Mapping[str, Any], number: float) -> bool:
    """Whether a number may stand where one of a few, or one between bounds, is wanted."""
    if schema.get("enum") or "const" in schema:
        return False
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum", schema.get("exclusiveMaximum"))
    return (low is None or number > low) and (high is None or number < high)


def _calls(example: Example) -> list[ToolCall]:
    return [*(call for step in example.steps for call in step.calls), *(c for m in example.messages for c in m.tool_calls)]


def _said(example: Example) -> list[str]:
    return [message.content for message in example.messages if message.role == "user"]


def _scrambled(text: str, order: random.Random) -> str:
    """Every digit of the last run of digits drawn anew; the first of a run stays above zero where it was."""
    runs = list(re.finditer(r"\d+", text))
    if not runs:
        return text
    last = runs[-1]
    drawn = [str(order.randint(1, 9)) if i == 0 and last[0][0] != "0" else str(order.randint(0, 9)) for i in range(len(last[0]))]
    return text[: last.start()] + "".join(drawn) + text[last.end() :]


def _standing(words: Iterable[str]) -> re.Pattern[str]:
    """Any of the words, where none is part of a longer word, id or number."""
    alternatives = "|".join(re.escape(old) for old in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w.,/-])(?:{alternatives})(?![\w/-]|[.,]\d)")


def _stands_in(value: str, text: str) -> bool:
    return _standing([value]).search(text) is not None


def _rewritten(
    example: Example, words: dict[str, str], values: dict[str, str], numbers: dict[float, tuple[str, str, float]]
) -> Example:
    pattern = _standing(words)

    def text(content: str) -> str:
        return pattern.sub(lambda match: words[match[0]], content)

    def value(old: Any) -> Any:
        if isinstance(old, str):  # what says several words may say names and numbers among them
            return values.get(old, text(old) if " " in old else old)
        if isinstance(old, dict):
            return {key: value(inner) for key, inner in old.items()}
        if isinstance(old, list):
            return [value(inner) for inner in old]
        if is_number(old) and old in numbers:
            return numbers[old][2]
        return old

    def call(old: ToolCall) -> ToolCall:
        return old.model_copy(update={"arguments": value(old.arguments)})

    def message(old: Message) -> Message:
        return old.model_copy(update={"content": text(old.content), "tool_calls": tuple(call(c) for c in old.tool_calls)})

    steps = tuple(
        step.model_copy(update={"calls": tuple(call(c) for c in step.calls), "query": step.query and text(step.query)})
        for step in example.steps
    )
    return example.model_copy(update={"messages": tuple(message(m) for m in example.messages), "steps": steps})
