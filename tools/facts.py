"""Facts: what code reads off the newest tool results, so that no model has to count or compare.

"If there are at least 43, move them": whether 83 is enough is arithmetic, and a small model is bad at it.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from core.types.message import Message

_MAX_FIELDS, _MAX_TEXTS, _MAX_COMPARED, _MANY = 50, 6, 3, 3
_LARGEST = 1e15
"""Larger numbers are codes, and past what a float tells apart."""


class Facts(NamedTuple):
    """Facts about the results a conversation ends with; none of both where it does not end with a result."""

    words: tuple[str, ...]
    """For the picker, without values: `has:state`, `len:invoices:2` (at most three), `nothing` for any empty list,
    `zero:residual`, `on_hand:first>=`."""
    texts: tuple[str, ...]
    """For the writer: `invoices 2`, `on_hand 83>=43`; at most six."""


def find_facts(messages: Sequence[Message], said: Sequence[float]) -> Facts:
    """Facts about the results at the end of a conversation.

    Args:
        messages: The conversation.
        said: Numbers of the last user turn, in the order said; fields of the results are compared with the first three.
    """
    said = [number for number in said if abs(number) <= _LARGEST]
    words: list[str] = []
    texts: list[str] = []
    for document in _results(messages):
        for key, value in islice(document.items(), _MAX_FIELDS):
            words.append(f"has:{key}")
            if isinstance(value, list):
                words.extend((f"len:{key}:{min(len(value), _MANY)}", *(() if value else ("nothing",))))
                texts.append(f"{key} {len(value)}")
            elif isinstance(value, bool):
                words.append(f"is:{key}:{value}")
            elif isinstance(value, int | float) and abs(value) <= _LARGEST:
                words.extend(_compared_words(key, value, said))
                texts.extend(f"{key} {value:.10g}{_sign(value, number)}{number:.10g}" for number in said[:_MAX_COMPARED])
    return Facts(tuple(dict.fromkeys(words)), tuple(dict.fromkeys(texts))[:_MAX_TEXTS])


def _results(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """Results after the model's last turn, in order, where they are JSON objects."""
    first = len(messages)
    while first and messages[first - 1].role == "tool":
        first -= 1
    for message in messages[first:]:
        try:
            document = json.loads(message.content)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            yield document


def _compared_words(key: str, value: float, said: Sequence[float]) -> Iterator[str]:
    if value == 0:
        yield f"zero:{key}"
    if said:
        yield f"{key}:first{_sign(value, said[0])}"
        yield f"{key}:most{_sign(value, max(said))}"
        yield f"{key}:least{_sign(value, min(said))}"


def _sign(value: float, other: float) -> str:
    return ">=" if value >= other else "<"
