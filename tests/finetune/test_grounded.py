"""Values that nobody said are told from values said in other words, and from habits."""

from typing import Any

import pytest

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from finetune.curate.grounded import LEAST, grounded

_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_UNIT = {"type": "string", "enum": ["box", "piece"]}
TOOLSET = read_toolset(
    "shop",
    [
        {
            "name": "order",
            "parameters": {
                "type": "object",
                "properties": {"item": _TEXT, "qty": _NUMBER, "currency": _TEXT, "code": _TEXT, "when": _TEXT, "unit": _UNIT},
            },
        }
    ],
)


def example(name: str, said: str, *results: str, **arguments: Any) -> Example:
    call = ToolCall(name="order", arguments=arguments)
    messages = (Message(role="user", content=said), *(Message(role="tool", content=result) for result in results))
    return Example(
        trace_id=name, cluster=name, messages=messages, steps=(Step(position=len(messages), outcome="calls", calls=(call,)),)
    )


def usual(**more: Any) -> list[Example]:
    """Enough orders that say all they hold."""
    return [
        example(f"u{n}", f"get {n} chairs from lot {n} on 5 May", item="chairs", qty=n, code=str(n), when="5 May", **more)
        for n in range(LEAST + 5)
    ]


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("two desks please", {"item": "desks", "qty": 2}),
        ("Two DESKS", {"item": "desk", "qty": 2}),
        ("lot five five", {"code": "55"}),
        ("take minus 5 of it", {"qty": 5}),
        ("by the fifth of may", {"when": "2026-05-05"}),
        ("anything", {"unit": "box"}),
        ("anything", {"qty": None}),
        ("anything", {"item": ""}),
        ("the oak-chairs", {"item": "oak chairs"}),
    ],
)
def test_what_is_said_in_other_words_is_said(said: str, arguments: dict[str, Any]) -> None:
    assert grounded([*usual(), example("x", said, **arguments)], TOOLSET, {}, {}).dropped == {}


@pytest.mark.parametrize(
    ("said", "arguments", "argument"),
    [
        ("two desks please", {"item": "lamps", "qty": 2}, "item"),
        ("two desks please", {"item": "desks", "qty": 3}, "qty"),
        ("lot five five", {"code": "56"}, "code"),
        ("some day", {"when": "2026-05-05"}, "when"),
    ],
)
def test_what_nobody_said_is_dropped(said: str, arguments: dict[str, Any], argument: str) -> None:
    assert grounded([*usual(), example("x", said, **arguments)], TOOLSET, {}, {}).dropped == {"x": f"{argument}: nobody said it"}


def test_a_result_says_it_too() -> None:
    assert (
        grounded(
            [*usual(), example("x", "order it", '{"item": "lamps", "qty": 7}', item="lamps", qty=7)], TOOLSET, {}, {}
        ).dropped
        == {}
    )


def test_an_argument_that_is_seldom_said_is_not_judged() -> None:
    unsaid = [example(f"x{n}", "the same", currency=f"c{n}") for n in range(LEAST + 5)]
    assert grounded([*usual(), *unsaid], TOOLSET, {}, {}).dropped == {}


def test_a_habit_is_not_odd_but_one_person_s_is() -> None:
    said = [example(f"s{n}", f"in C{n}", currency=f"C{n}") for n in range(40)]
    habit = [example(f"h{n}", "as always", currency="EUR") for n in range(5)]
    assert grounded([*said, *habit], TOOLSET, {}, {}).dropped == {}
    people = {e.trace_id: "p1" for e in habit} | {e.trace_id: f"q{n % 3}" for n, e in enumerate(said)}
    assert set(grounded([*said, *habit], TOOLSET, people, {}).dropped) == {e.trace_id for e in habit}
    people |= {habit[0].trace_id: "q1"}
    assert grounded([*said, *habit], TOOLSET, people, {}).dropped == {}


def test_what_a_person_put_right_stays_and_few_rows_tell_nothing() -> None:
    odd = example("x", "two desks", item="lamps")
    assert grounded([*usual(), odd], TOOLSET, {}, {"x": None}).dropped == {}
    few = grounded([odd], TOOLSET, {}, {})
    assert few.kept == [odd]
    assert few.not_applicable


@pytest.mark.parametrize("value", [{"deep": ["list"]}, float("inf"), "\ud800", "a" * 5000, -0.0, 1e300])
def test_odd_values_end_calmly(value: Any) -> None:
    assert len(grounded([*usual(), example("x", "odd \ud800 words", item=value, qty=value)], TOOLSET, {}, {}).kept) >= LEAST
