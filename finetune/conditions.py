"""Conditions: ways a second wish hangs on the result of a first one, and whether that result is such that it comes to it.

By a number ("how many chairs are left? If fewer than 40, order some") or by whether anything is found at all ("what does Acme
owe? If nothing, quote them"). Rows of one wish say nothing of either, and what is drawn here is right by construction: the result
is read, or made, to meet the condition or to fail it.
"""

import random
from typing import Any, NamedTuple

from core.types.value import is_number

_AT_LEAST = (
    *(". If it is {} or more, ", ", and if there are at least {}, ", "; only with {} or above, ", ". {} at least? Then "),
    *(" - provided that it is not under {}, ", ": from {} up, ", ". As long as it shows {} or more, "),
)
_BELOW = (
    *(". If it is less than {}, ", ", and if there are fewer than {}, ", "; should it be below {}, ", ". Under {}? "),
    *(" - unless it is {} or more, ", ": when under {}, ", ". Only in case it is short of {}, "),
)
_SOME = (
    *(". If there is any, ", ", and if there are some, ", "; only if something comes up, ", ". If so, ", ". Some? Then "),
    *(" - provided there is one, ", ". Only in that case ", "; should there be any, "),
)
_NONE = (
    *(". If there is none, ", ", and if there are none, ", "; should nothing come up, ", ". If not, ", ". None? Then "),
    *(" - unless there is one, ", ", and failing that ", ". If it is zero, "),
)
"""What stands between the wishes, a bound in its place."""
_LARGEST = 1e9


class Condition(NamedTuple):
    """What hangs on a result."""

    joint: str
    """What is said between the wishes."""
    result: Any
    """The first one's result, as JSON holds it."""
    met: bool
    """Whether it comes to the second."""


def on_number(result: Any, order: random.Random) -> Condition | None:
    """A bound that the only number of a result reaches half of the time; None where it has not just one."""
    told = _only_number(result)
    if told is None:
        return None
    as_large = order.random() < 0.5
    reached = order.random() < 0.5
    bound = order.randint(1, max(1, int(told))) if reached else order.randint(int(told) + 1, 2 * int(told) + 9)
    joint = order.choice(_AT_LEAST if as_large else _BELOW).format(bound)
    return Condition(joint, result, (told >= bound) is as_large)


def on_finding(result: Any, order: random.Random) -> Condition | None:
    """Whether a result holds anything, emptied half of the time; None where it has neither just one list nor just one number."""
    empty = emptied(result)
    if empty is None:
        return None
    must_hold, holds = order.random() < 0.5, order.random() < 0.5
    return Condition(order.choice(_SOME if must_hold else _NONE), result if holds else empty, holds is must_hold)


def emptied(result: Any) -> Any:
    """A result that found nothing, by the pattern of one that did: its only list empty, or else its only number zero.

    A count of the list's length becomes zero with it. None where there is nothing to empty.
    """
    if not isinstance(result, dict):
        return None
    lists = [value for value in result.values() if isinstance(value, list)]
    if len(lists) == 1 and lists[0]:
        counts = {key: 0 for key, value in result.items() if type(value) is int and value == len(lists[0])}
        return {key: [] if isinstance(value, list) else value for key, value in result.items()} | counts
    if not lists and _only_number(result):
        return {key: 0 if is_number(value) else value for key, value in result.items()}
    return None


def _only_number(result: Any) -> float | None:
    """The number of a result that has just one, counted at its top; small enough to be counted up to."""
    fields = result.values() if isinstance(result, dict) else ()
    numbers = [value for value in fields if is_number(value)]
    return numbers[0] if len(numbers) == 1 and 0 <= numbers[0] < _LARGEST else None
