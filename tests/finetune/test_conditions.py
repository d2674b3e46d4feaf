"""Conditions: what is said, the result, and whether it is met agree."""

import random
from typing import Any

import pytest

from finetune.conditions import emptied, on_finding, on_number


@pytest.mark.parametrize(
    ("result", "empty"),
    [
        ({"bills": [1, 2], "count": 2, "page": 1}, {"bills": [], "count": 0, "page": 1}),
        ({"item": "oak", "left": 4, "final": True}, {"item": "oak", "left": 0, "final": True}),
        ({"bills": []}, None),
        ({"bills": [1], "leads": [2]}, None),
        ({"left": 4, "reserved": 1}, None),
        ({"left": 0}, None),
        ({"state": "sent"}, None),
        ([1, 2], None),
        ("sent", None),
        (None, None),
    ],
)
def test_a_result_is_emptied_of_what_it_found(result: Any, empty: Any) -> None:
    assert emptied(result) == empty


@pytest.mark.parametrize("left", [0, 1, 30, 2.5])
def test_a_bound_is_reached_or_not_as_said(left: float) -> None:
    order = random.Random(0)
    drawn = [condition for _ in range(60) if (condition := on_number({"left": left}, order))]
    assert len(drawn) == 60 and {condition.met for condition in drawn} == {True, False}
    for condition in drawn:
        (bound,) = [int(word) for word in condition.joint.replace(",", " ").replace("?", " ").split() if word.isdigit()]
        as_small = any(word in condition.joint for word in ("less", "fewer", "below", "Under", "when under", "short", "unless"))
        assert condition.met is ((left >= bound) is not as_small), condition


@pytest.mark.parametrize("result", [{"left": -1}, {"left": 1e12}, {"a": 1, "b": 2}, {"left": True}, [3], 3, None])
def test_nothing_hangs_on_what_has_not_just_one_number(result: Any) -> None:
    assert on_number(result, random.Random(0)) is None


def test_a_finding_is_kept_or_emptied() -> None:
    order = random.Random(0)
    drawn = [condition for _ in range(60) if (condition := on_finding({"bills": ["B-1"]}, order))]
    assert {(bool(condition.result["bills"]), condition.met) for condition in drawn} == {
        (held, met) for held in (True, False) for met in (True, False)
    }
