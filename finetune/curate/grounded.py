"""Values that nobody said: an argument that is filled with what was said, and then with what was not.

A value is grounded where a person or a result says it, in other words too: "two" is 2, "five five" is 55, "in the kitchens" says
"kitchen". Not every argument is filled so: which ones are is told by how often they are, by other people where these are known.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from rapidfuzz import fuzz, process

from core.types.example import Example, Step
from core.types.message import Message
from core.types.tool import Toolset
from finetune.curate.cut import cut_before
from finetune.curate.filtered import Filtered
from tools.dates import find_dates
from tools.kinds import leaves
from tools.numbers import find_digits, find_numbers
from tools.plain import plain

LEAST = 20
"""Fillings of an argument from which on it can be told how it is filled."""
USUALLY = 0.8
"""Share of an argument's fillings that must be said for the others to be odd."""
_HABIT, _HABITUAL = 3, 0.5
"""A value so often, and in such a share of its uses, put in without a word is a habit ("EUR")."""
_ALIKE = 80
"""rapidfuzz's edit ratio from which two words are one in two forms."""


def grounded(examples: Sequence[Example], toolset: Toolset, people: Mapping[str, str], sure: Mapping[str, object]) -> Filtered:
    """Examples without steps that say what nobody said, where that is not usual, and without what followed from them.

    Args:
        examples: All of them.
        toolset: What the calls are of.
        people: By trace id who did it; what nobody did here is not there.
        sure: Trace ids of what a person put right, which is taken at their word.
    """
    filled = [use for example in examples for step in example.steps for use in _uses(example, step, toolset, people)]
    by_argument: dict[str, list[_Use]] = defaultdict(list)
    for use in filled:
        by_argument[use.argument].append(use)
    if all(len(uses) < LEAST for uses in by_argument.values()):
        return Filtered(list(examples), {}, f"no argument filled {LEAST} times")
    positions: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for argument, uses in by_argument.items():
        for use in _odd(uses):
            if use.trace_id not in sure and use.position < positions.get(use.trace_id, use.position + 1):
                positions[use.trace_id] = use.position
                reasons[use.trace_id] = f"{argument}: nobody said it"
    return cut_before(examples, positions, reasons)


class _Use(NamedTuple):
    """One filling of an argument."""

    trace_id: str
    position: int
    argument: str
    value: str
    person: str | None
    said: bool


def _uses(example: Example, step: Step, toolset: Toolset, people: Mapping[str, str]) -> Iterator[_Use]:
    said = _Said(example.messages[: step.position])
    for call in step.calls:
        tool = toolset.by_name.get(call.name)
        for name, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
            if value is not None and not isinstance(value, bool) and not schema.get("enum") and "const" not in schema:
                yield _Use(example.trace_id, step.position, name, str(value), people.get(example.trace_id), said.has(value))


def _odd(uses: Sequence[_Use]) -> Iterator[_Use]:
    """Fillings that nobody said, of an argument that others fill with what was said."""
    by_person: dict[str | None, Counter[bool]] = defaultdict(Counter)
    for use in uses:
        by_person[use.person][use.said] += 1
    everybody = sum(by_person.values(), Counter[bool]())
    known = [person for person in by_person if person is not None]
    unsaid: dict[str, list[_Use]] = defaultdict(list)
    times = Counter(use.value for use in uses)
    for use in uses:
        if not use.said:
            unsaid[use.value].append(use)
    for value, own in unsaid.items():
        is_one_person = len({use.person for use in own}) == 1 and own[0].person is not None and len(known) > 1
        habit = len(own) >= _HABIT and len(own) >= _HABITUAL * times[value] and not is_one_person
        for use in own:
            others = everybody - by_person[use.person] if use.person is not None and len(known) > 1 else everybody
            if not habit and others.total() >= LEAST and others[True] >= USUALLY * others.total():
                yield use


class _Said:
    """What a conversation says up to a step."""

    def __init__(self, messages: Sequence[Message]) -> None:
        calls = [json.dumps(call.arguments, ensure_ascii=False) for message in messages for call in message.tool_calls]
        self._text = "\n".join([*(message.content for message in messages), *calls])

    def has(self, value: Any) -> bool:
        """Whether it says a value, in these words or in others."""
        if isinstance(value, int | float):
            return abs(value) in self._numbers
        said = plain(str(value))
        if said.strip() == "" or said in self._plain:
            return True
        if find_dates(str(value)) and self._has_date:
            return True
        compact = said.replace(" ", "")
        if compact.isascii() and compact.isdecimal() and (compact in self._digits or float(compact) in self._numbers):
            return True
        return all(self._has_word(word) for word in said.split())

    @cached_property
    def _plain(self) -> str:
        return plain(self._text)

    @cached_property
    def _words(self) -> list[str]:
        return list(dict.fromkeys(self._plain.split()))

    @cached_property
    def _numbers(self) -> set[float]:
        return {abs(float(number.value)) for number in find_numbers(self._text)}

    @cached_property
    def _digits(self) -> set[str]:
        return {digits.value for digits in find_digits(self._text)}

    @cached_property
    def _has_date(self) -> bool:
        return bool(find_dates(self._text))

    def _has_word(self, word: str) -> bool:
        numbers = [number.value for number in find_numbers(word)]
        if numbers:
            return float(numbers[0]) in self._numbers
        return process.extractOne(word, self._words, scorer=fuzz.ratio, score_cutoff=_ALIKE) is not None
