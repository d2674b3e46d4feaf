"""Facts: results counted and compared by code."""

import json
from typing import Any

import pytest

from core.types.message import Message
from tools.facts import Facts, find_facts

ASKED = Message(role="user", content="is that enough?")


def result(content: Any) -> Message:
    return Message(role="tool", content=content if isinstance(content, str) else json.dumps(content))


def test_fields_are_compared_with_what_was_said() -> None:
    words, texts = find_facts([ASKED, result({"item": "oak chair", "on_hand": 83})], [43, 94.5])
    assert texts == ("on_hand 83>=43", "on_hand 83<94.5")
    assert words == ("has:item", "has:on_hand", "on_hand:first>=", "on_hand:most<", "on_hand:least>=")


def test_lists_are_counted_up_to_many() -> None:
    words, texts = find_facts([ASKED, result({"matches": [], "overdue": [1, 2, 3, 4]})], [])
    assert texts == ("matches 0", "overdue 4")
    assert {"len:matches:0", "nothing", "len:overdue:3"} <= set(words)
    assert "nothing" not in find_facts([ASKED, result({"overdue": [1]})], []).words


def test_zero_and_yes_or_no_are_facts_of_their_own() -> None:
    words, texts = find_facts([ASKED, result({"residual": 0.0, "blocked": True})], [])
    assert {"zero:residual", "is:blocked:True"} <= set(words) and texts == ()


def test_only_results_at_the_end_count() -> None:
    first, second = result({"old": 1}), result({"new": 2})
    told = Message(role="assistant", content="ok")
    assert find_facts([ASKED, first, told, second], [2]).texts == ("new 2>=2",)
    assert find_facts([ASKED, first, second], [1]).texts == ("old 1>=1", "new 2>=1")
    assert find_facts([first, ASKED], [1]) == find_facts([], [1]) == Facts((), ())


@pytest.mark.parametrize(
    "content", ["", "no json", "[1]", "3", "null", "[" * 5000, '{"a": NaN}', '{"a": 1e400}', '{"a": 1' + "0" * 400 + "}"]
)
def test_what_cannot_be_read_or_compared_states_nothing_false(content: str) -> None:
    assert find_facts([ASKED, result(content)], [10**400]).texts == ()
