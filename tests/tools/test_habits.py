"""Habits: what no training row does, no draft is to do."""

import pytest

from agents.offers import OfferFinder
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from tools.habits import ONE_VALUE_TWICE, SAME_CALL_AGAIN, UNSAID_NUMBER, breaks_habit, twice_filled, with_habits
from tools.kinds import KindTable
from tools.mentions import NUMBER

PLACE = {"type": "string"}
TOOLSET = read_toolset(
    "shop",
    [
        {
            "name": "move",
            "parameters": {"type": "object", "properties": {"from": PLACE, "to": PLACE, "qty": {"type": "integer"}}},
        },
        {"name": "count", "parameters": {"type": "object", "properties": {"at": PLACE}}},
    ],
)
RESULT = Message(role="tool", content='{"on_hand": 83}')


def move(origin: str, target: str, qty: int) -> ToolCall:
    return ToolCall(name="move", arguments={"from": origin, "to": target, "qty": qty})


def row(number: int, *calls: ToolCall) -> Example:
    """One who asks for a count, sees it, and has something moved."""
    messages = (
        Message(role="user", content=f"row {number}: count at Oslo, move {number} to Lyon"),
        Message(role="assistant", tool_calls=(ToolCall(name="count", arguments={"at": "Oslo"}),)),
        RESULT,
    )
    return Example(
        trace_id=str(number), cluster=str(number), messages=messages, steps=(Step(position=3, outcome="calls", calls=calls),)
    )


GOOD = [row(number, move("Oslo", "Lyon", number)) for number in range(25)]


def test_what_no_row_does_is_a_habit() -> None:
    assert with_habits(TOOLSET, KindTable(), GOOD).never == (ONE_VALUE_TWICE, SAME_CALL_AGAIN, UNSAID_NUMBER)
    assert with_habits(TOOLSET, KindTable(), GOOD[:19]).never == (), "nineteen rows prove nothing"
    assert with_habits(TOOLSET, KindTable(), []).never == ()


@pytest.mark.parametrize(
    ("deed", "odd"),
    [
        (ONE_VALUE_TWICE, row(99, move("Oslo", "oslo", 99))),
        (UNSAID_NUMBER, row(99, move("Oslo", "Lyon", 83))),
        (SAME_CALL_AGAIN, row(99, ToolCall(name="count", arguments={"at": "Oslo"}))),
        (SAME_CALL_AGAIN, row(99, move("Oslo", "Lyon", 99), move("Oslo", "Lyon", 99))),
    ],
)
def test_one_row_that_does_it_and_there_is_none(deed: str, odd: Example) -> None:
    table = with_habits(TOOLSET, KindTable(), [*GOOD, odd])
    assert deed not in table.never and len(table.never) == 2
    assert not breaks_habit(table, odd.messages, odd.steps[0].calls)
    if deed != UNSAID_NUMBER:
        assert breaks_habit(with_habits(TOOLSET, KindTable(), GOOD), odd.messages, odd.steps[0].calls)


def test_numbers_of_results_are_offered_where_calls_ever_take_them() -> None:
    messages = GOOD[7].messages
    assert OfferFinder(TOOLSET, KindTable()).collect(messages).values[NUMBER] == [83, 7]
    assert OfferFinder(TOOLSET, with_habits(TOOLSET, KindTable(), GOOD)).collect(messages).values[NUMBER] == [7]


def test_texts_are_compared_and_nothing_else() -> None:
    call = ToolCall(name="move", arguments={"from": "Oslo", "to": "oslo", "item": "oak", "qty": 3, "left": 3})
    assert twice_filled(call) == ["from", "to"]
