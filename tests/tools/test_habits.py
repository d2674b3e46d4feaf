"""Habits: what no training row does, no draft is to do."""

import pytest

from agents.offers import OfferFinder
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from tools.habits import (
    ONE_NUMBER_TWICE,
    ONE_VALUE_TWICE,
    SAME_CALL_AGAIN,
    UNSAID_NUMBER,
    breaks_habit,
    filled_by_one,
    twice_filled,
    with_habits,
)
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
        (ONE_VALUE_TWICE, row(99, move("Lyon", "lyon", 99))),
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


def report(since: str, until: str) -> ToolCall:
    return ToolCall(name="report", arguments={"from": since, "to": until})


def test_what_one_tool_does_stays_a_habit_of_the_others() -> None:
    of_a_month = row(99, report("Lyon", "Lyon"))
    never = with_habits(TOOLSET, KindTable(), [*GOOD, of_a_month]).never
    assert ONE_VALUE_TWICE not in never and f"{ONE_VALUE_TWICE} move" in never
    table = KindTable(never=never)
    assert not breaks_habit(table, of_a_month.messages, [report("Lyon", "Lyon")])
    assert breaks_habit(table, of_a_month.messages, [move("Lyon", "lyon", 99)])


def test_what_is_said_twice_may_stand_in_two_places() -> None:
    table = with_habits(TOOLSET, KindTable(), GOOD)
    said = [Message(role="user", content="move 5 from Oslo to Oslo")]
    assert not breaks_habit(table, said, [move("Oslo", "Oslo", 5)])
    assert breaks_habit(table, said, [move("Bern", "Bern", 5)])


def sold(number: int, **line: float) -> Example:
    call = ToolCall(name="sell", arguments={"lines": [line]})
    said = Message(role="user", content=f"row {number}: sell {number} at 7.5")
    steps = (Step(position=1, outcome="calls", calls=(call,)),)
    return Example(trace_id=str(number), cluster=str(number), messages=(said,), steps=steps)


def test_a_number_said_once_is_no_quantity_and_price() -> None:
    rows = [sold(number, qty=number, price=7.5) for number in range(30, 55)]
    table = with_habits(TOOLSET, KindTable(), rows)
    assert ONE_NUMBER_TWICE in table.never
    said = (Message(role="user", content="sell 12 and then 30 of the other"),)
    assert breaks_habit(table, said, [ToolCall(name="sell", arguments={"lines": [{"qty": 12}, {"qty": 30, "price": 30}]})])
    assert not breaks_habit(table, said, [ToolCall(name="sell", arguments={"lines": [{"qty": 12}, {"qty": 12}]})])
    assert breaks_habit(table, said, [ToolCall(name="sell", arguments={"lines": [{"qty": 0, "price": 0}]})])
    both = sold(7, qty=7.5, price=7.5)
    assert ONE_NUMBER_TWICE not in with_habits(TOOLSET, KindTable(), [*rows, both]).never


def test_what_fills_two_arguments_can_be_left_out_of_either() -> None:
    said = (Message(role="user", content="move 3 to Oslo"),)
    assert filled_by_one(move("Oslo", "oslo", 3), said) == ["from", "to"]
    call = ToolCall(name="sell", arguments={"qty": 3, "price": 3, "to": "Oslo", "lines": [{"qty": 3}]})
    assert filled_by_one(call, said) == ["qty", "price"]
    assert not filled_by_one(call, (*said, Message(role="user", content="at 3")))


def test_numbers_of_results_are_offered_where_calls_ever_take_them() -> None:
    messages = GOOD[7].messages
    assert OfferFinder(TOOLSET, KindTable()).collect(messages).values[NUMBER] == [83, 7]
    assert OfferFinder(TOOLSET, with_habits(TOOLSET, KindTable(), GOOD)).collect(messages).values[NUMBER] == [7]


def test_texts_are_compared_and_nothing_else() -> None:
    call = ToolCall(name="move", arguments={"from": "Oslo", "to": "oslo", "item": "oak", "qty": 3, "left": 3})
    assert twice_filled(call) == ["from", "to"]
