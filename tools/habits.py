"""Habits: what no call of the training rows ever does. A draft that does it is wrong, however likely the words are.

A few hundred rows are enough to tell that numbers come from people and not from results, that nothing goes from a place to the
same place, and that what has just been done is not done again; a reviewer fitted on a fraction of them cannot know.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.types.example import Example
from core.types.message import Message, ToolCall, calls_this_turn
from core.types.tool import Toolset
from core.types.value import is_number
from tools.kinds import KindTable, leaves
from tools.numbers import find_numbers

UNSAID_NUMBER, ONE_VALUE_TWICE, SAME_CALL_AGAIN = "unsaid_number", "one_value_twice", "same_call_again"
ONE_NUMBER_TWICE = "one_number_twice"
"""And the other one: a text, or a number, that was said once and fills two arguments."""
_ENOUGH = 20
"""Calls that could have done it, and did not, from which it is a habit."""


def with_habits(toolset: Toolset, table: KindTable, examples: Sequence[Example]) -> KindTable:
    """The table with what calls never do, by training examples only."""
    could: Counter[str] = Counter()
    did: Counter[str] = Counter()
    for example in examples:
        for step in example.steps:
            for deed, done in _deeds(toolset, example.messages[: step.position], step.calls):
                could[deed] += 1
                did[deed] += done
    never = {deed for deed, count in could.items() if count >= _ENOUGH and not did[deed]}
    own = {deed for deed in never if deed.partition(" ")[0] in never and " " in deed}  # what no tool does is said once
    return table.model_copy(update={"never": tuple(sorted(never - own))})


def breaks_habit(table: KindTable, messages: Sequence[Message], calls: Sequence[ToolCall]) -> bool:
    """Whether a step with these calls does what calls never do; unsaid numbers apart, which are not even offered."""
    done = calls_this_turn(messages)
    for call in calls:
        if _never(table, ONE_VALUE_TWICE, call) and _texts_used_twice(call, messages):
            return True
        if _never(table, ONE_NUMBER_TWICE, call) and _numbers_used_twice(call, messages):
            return True
        if SAME_CALL_AGAIN in table.never and any(call.same_as(earlier) for earlier in done):
            return True
        done.append(call)
    return False


def _never(table: KindTable, deed: str, call: ToolCall) -> bool:
    return deed in table.never or _of_tool(deed, call) in table.never


def _of_tool(deed: str, call: ToolCall) -> str:
    """A deed of one tool's calls: where reports may be of one month since and until, goods still go from one place to another."""
    return f"{deed} {call.name}"


def twice_filled(call: ToolCall) -> list[str]:
    """Arguments of a call that have the text of another one."""
    texts = {name: value.casefold() for name, value in call.arguments.items() if isinstance(value, str)}
    counts = Counter(texts.values())
    return [name for name, value in texts.items() if counts[value] > 1]


def filled_by_one(call: ToolCall, messages: Sequence[Message]) -> list[str]:
    """Arguments of a call that have a text or a number which another one has too, though it was said only once."""
    twice = {*_texts_used_twice(call, messages), *_used_twice(call.arguments, messages)}
    return [name for name, value in call.arguments.items() if _folded(value) in twice]


def _texts_used_twice(call: ToolCall, messages: Sequence[Message]) -> list[str]:
    texts = Counter(value.casefold() for value in call.arguments.values() if isinstance(value, str))
    repeated = {text: count for text, count in texts.items() if count > 1}
    said = [message.content.casefold() for message in messages] if repeated else []
    return [text for text, count in repeated.items() if sum(content.count(text) for content in said) < count]


def _numbers_used_twice(call: ToolCall, messages: Sequence[Message]) -> list[float]:
    return [number for level in _levels(call) for number in _used_twice(level, messages)]


def _levels(call: ToolCall) -> list[Mapping[str, Any]]:
    """The arguments, and each line of them: two lines may well be of as many, but no line is of as many as it costs."""
    lines = [line for value in call.arguments.values() if isinstance(value, list) for line in value if isinstance(line, dict)]
    return [call.arguments, *lines]


def _numbers(level: Mapping[str, Any]) -> Counter[float]:
    return Counter(filter(is_number, level.values()))


def _used_twice(level: Mapping[str, Any], messages: Sequence[Message]) -> list[float]:
    repeated = {number: count for number, count in _numbers(level).items() if count > 1}
    said = Counter(spoken.value for message in messages for spoken in find_numbers(message.content)) if repeated else Counter()
    return [number for number, count in repeated.items() if said[number] < count]


def _folded(value: Any) -> Any:
    """A value as it is compared; lists and objects are those of lines, and are not."""
    return value.casefold() if isinstance(value, str) else value if is_number(value) else None


def _deeds(toolset: Toolset, messages: Sequence[Message], calls: Sequence[ToolCall]) -> Iterator[tuple[str, bool]]:
    """Everything the calls of a step could have done, and whether they did."""
    said = {spoken.value for message in messages if message.role == "user" for spoken in find_numbers(message.content)}
    done = calls_this_turn(messages)
    for call in calls:
        tool = toolset.by_name.get(call.name)
        filled = [value for _, _, value in leaves(call.arguments, tool.parameters if tool else {})]
        numbers = [value for value in filled if is_number(value)]
        if numbers:
            yield UNSAID_NUMBER, any(number not in said for number in numbers)
        for deed, could, did in (
            (ONE_VALUE_TWICE, sum(isinstance(value, str) for value in call.arguments.values()), _texts_used_twice),
            (ONE_NUMBER_TWICE, max(_numbers(level).total() for level in _levels(call)), _numbers_used_twice),
        ):
            if could > 1:
                done_now = bool(did(call, messages))
                yield deed, done_now
                yield _of_tool(deed, call), done_now
        if done:
            yield SAME_CALL_AGAIN, any(call.same_as(earlier) for earlier in done)
        done.append(call)
