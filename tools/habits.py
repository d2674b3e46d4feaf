"""Habits: what no call of the training rows ever does. A draft that does it is wrong, however likely the words are.

A few hundred rows are enough to tell that numbers come from people and not from results, that nothing goes from a place to the
same place, and that what has just been done is not done again; a reviewer fitted on a fraction of them cannot know.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from core.types.example import Example
from core.types.message import Message, ToolCall, calls_this_turn
from core.types.tool import Toolset
from tools.kinds import KindTable, leaves
from tools.numbers import find_numbers

UNSAID_NUMBER, ONE_VALUE_TWICE, SAME_CALL_AGAIN = "unsaid_number", "one_value_twice", "same_call_again"
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
    never = sorted(deed for deed, count in could.items() if count >= _ENOUGH and not did[deed])
    return table.model_copy(update={"never": tuple(never)})


def breaks_habit(table: KindTable, messages: Sequence[Message], calls: Sequence[ToolCall]) -> bool:
    """Whether a step with these calls does what calls never do; unsaid numbers apart, which are not even offered."""
    done = calls_this_turn(messages)
    for call in calls:
        if ONE_VALUE_TWICE in table.never and twice_filled(call):
            return True
        if SAME_CALL_AGAIN in table.never and any(call.same_as(earlier) for earlier in done):
            return True
        done.append(call)
    return False


def twice_filled(call: ToolCall) -> list[str]:
    """Arguments of a call that have the text of another one."""
    texts = {name: value.casefold() for name, value in call.arguments.items() if isinstance(value, str)}
    counts = Counter(texts.values())
    return [name for name, value in texts.items() if counts[value] > 1]


def _deeds(toolset: Toolset, messages: Sequence[Message], calls: Sequence[ToolCall]) -> Iterator[tuple[str, bool]]:
    """Everything the calls of a step could have done, and whether they did."""
    said = {spoken.value for message in messages if message.role == "user" for spoken in find_numbers(message.content)}
    done = calls_this_turn(messages)
    for call in calls:
        tool = toolset.by_name.get(call.name)
        filled = [value for _, _, value in leaves(call.arguments, tool.parameters if tool else {})]
        numbers = [value for value in filled if isinstance(value, int | float) and not isinstance(value, bool)]
        if numbers:
            yield UNSAID_NUMBER, any(number not in said for number in numbers)
        if sum(isinstance(value, str) for value in call.arguments.values()) > 1:
            yield ONE_VALUE_TWICE, bool(twice_filled(call))
        if done:
            yield SAME_CALL_AGAIN, any(call.same_as(earlier) for earlier in done)
        done.append(call)
