"""The exact scorer keeps the contract's rules."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types.case import Case
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.tool import Toolset, read_toolset
from core.types.trace import Outcome
from evals.scorers.exact import calls_equal, names_equal, score, values_equal

NUMBER, STRING, INTEGER = {"type": "number"}, {"type": "string"}, {"type": "integer"}
LINES = {"type": "array", "items": {"type": "object", "properties": {"item": STRING, "qty": NUMBER}}}
TOOLSET: Toolset = read_toolset(
    "shop",
    [
        {"name": "find", "x-risk": "read", "parameters": {"type": "object", "properties": {"query": STRING}}},
        {"name": "quote", "parameters": {"type": "object", "properties": {"customer": STRING, "lines": LINES}}},
        {"name": "pay", "x-risk": "destructive", "parameters": {"type": "object", "properties": {"amount": NUMBER}}},
    ],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.lists(
    st.builds(
        ToolCall, name=st.sampled_from(["find", "pay", "other"]), arguments=st.dictionaries(st.text(max_size=2), JSON, max_size=2)
    ),
    max_size=4,
)


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


def case(*expected: ToolCall, outcome: Outcome | None = None, ask: Ask | None = None) -> Case:
    return Case(messages=(Message(role="user", content="please"),), expected=expected, outcome=outcome, ask=ask, shape="7")


def predicted(*calls: ToolCall, outcome: Outcome = "calls", ask: Ask | None = None) -> Prediction:
    return Prediction(outcome=outcome, tool_calls=calls, ask=ask, confidence=0.8, latency_ms=12.0)


@pytest.mark.parametrize(
    ("expected", "got", "schema", "equal"),
    [
        (4, 4.0, NUMBER, True),
        (4, 4.0, None, True),
        (4, 5, NUMBER, False),
        (4, "4", NUMBER, True),
        (4, " 4.0 ", INTEGER, True),
        ("4", 4, NUMBER, True),
        ("4", "4.0", NUMBER, True),
        (0.1, "0.1", NUMBER, True),
        (4, "4", STRING, False),
        ("4", "4.0", STRING, False),
        (4, "4", None, False),
        (4, "4", {"type": ["number", "null"]}, True),
        (4, "4", {"anyOf": [{"type": "null"}, NUMBER]}, True),
        (1980, "1,980", NUMBER, False),
        (4, "four", NUMBER, False),
        (4, "nan", NUMBER, False),
        (1, "1e9999999999999999999", NUMBER, False),
        (True, 1, NUMBER, False),
        (True, "true", {"type": "boolean"}, False),
        (False, False, {"type": "boolean"}, True),
        (None, None, None, True),
        (None, "", STRING, False),
        (" Acme ", "Acme", STRING, True),
        ("Cafe\u0301", "Café", STRING, True),
        ("acme", "Acme", STRING, False),
        ("Acme  Ltd", "Acme Ltd", STRING, False),
        ("2025-03-01", "20250301", STRING, True),
        ("2025-03-01", "2025-03-02", STRING, False),
        ("2025-03-01", "1 March 2025", STRING, False),
        ("2025-03-01", "2025-03-01T00:00:00", STRING, False),
        ({"item": "oak", "qty": 4}, {"qty": "4", "item": "oak "}, LINES["items"], True),
        ({"item": "oak", "qty": 4}, {"item": "oak"}, LINES["items"], False),
        ({"item": "oak"}, {"item": "oak", "qty": 4}, LINES["items"], False),
        ({"item": "oak", "note": 4}, {"item": "oak", "note": "4"}, LINES["items"], False),
        ([{"qty": 1}, {"qty": 2}], [{"qty": "1"}, {"qty": 2.0}], LINES, True),
        ([{"qty": 1}, {"qty": 2}], [{"qty": 2}, {"qty": 1}], LINES, False),
        (["a"], ["a", "a"], None, False),
        (["a"], "a", None, False),
    ],
)
def test_values_are_equal_by_the_contract(expected: Any, got: Any, schema: dict[str, Any] | None, equal: bool) -> None:
    assert values_equal(expected, got, schema) is equal
    assert values_equal(got, expected, schema) is equal


@given(JSON, st.sampled_from([None, NUMBER, STRING, LINES]))
def test_a_value_equals_itself(value: Any, schema: dict[str, Any] | None) -> None:
    assert values_equal(value, value, schema)


@given(CALLS, st.randoms(use_true_random=False))
def test_the_order_of_calls_does_not_matter(calls: list[ToolCall], shuffler: random.Random) -> None:
    shuffled = list(calls)
    shuffler.shuffle(shuffled)
    assert calls_equal(calls, shuffled, TOOLSET)
    assert names_equal(calls, shuffled)


@given(CALLS, st.integers(min_value=0))
def test_a_call_too_few_or_too_many_is_not_equal(calls: list[ToolCall], place: int) -> None:
    if calls:
        fewer = [kept for i, kept in enumerate(calls) if i != place % len(calls)]
        assert not calls_equal(calls, fewer, TOOLSET)
        assert not calls_equal(fewer, calls, TOOLSET)


def test_ids_do_not_count_and_duplicates_do() -> None:
    twice = [ToolCall(name="find", arguments={"query": "a"}, id="1"), ToolCall(name="find", arguments={"query": "a"}, id="2")]
    assert calls_equal(twice, [call("find", query="a"), call("find", query="a")], TOOLSET)
    assert not calls_equal(twice, [call("find", query="a"), call("find", query="b")], TOOLSET)


PAY, PAY_TEXT, OTHER = call("pay", amount=5), call("pay", amount="5"), call("pay", amount=6)
FIND, UNKNOWN = call("find", query="a"), call("invented", amount=5)
ASK = Ask(tool="pay", missing="amount", arguments={})
ASK_QUOTE = Ask(tool="quote", missing="amount", arguments={})
ASK_OTHER = Ask(tool="pay", missing="date", arguments={"amount": 5})


@pytest.mark.parametrize(
    ("wanted", "came", "exact", "name", "no_call", "asks_right", "wrong_writes"),
    [
        (case(PAY), predicted(PAY_TEXT), True, True, None, None, 0),
        (case(PAY, outcome="calls"), predicted(PAY), True, True, None, None, 0),
        (case(PAY), predicted(OTHER), False, True, None, None, 1),
        (case(PAY), predicted(PAY, PAY), False, False, None, None, 1),
        (case(PAY, FIND), predicted(FIND, PAY), True, True, None, None, 0),
        (case(PAY), predicted(PAY, FIND), False, False, None, None, 0),
        (case(FIND), predicted(UNKNOWN), False, False, None, None, 1),
        (case(PAY), predicted(outcome="done"), False, False, None, None, 0),
        (case(), predicted(outcome="done"), True, True, True, None, 0),
        (case(outcome="none"), predicted(outcome="none"), True, True, True, None, 0),
        (case(outcome="none"), predicted(outcome="knowledge"), False, True, False, None, 0),
        (case(outcome="none"), predicted(FIND), False, False, False, None, 0),
        (case(outcome="ask", ask=ASK), predicted(outcome="ask", ask=ASK), True, True, True, True, 0),
        (case(outcome="ask", ask=ASK), predicted(outcome="ask", ask=ASK_OTHER), False, True, True, False, 0),
        (case(outcome="ask", ask=ASK), predicted(outcome="ask", ask=ASK_QUOTE), False, False, True, False, 0),
        (case(outcome="ask", ask=ASK), predicted(outcome="none"), False, False, False, False, 0),
        (case(outcome="ask", ask=ASK), predicted(PAY), False, False, False, False, 1),
    ],
)
def test_a_row_is_scored_by_the_contract(
    wanted: Case, came: Prediction, exact: bool, name: bool, no_call: bool | None, asks_right: bool | None, wrong_writes: int
) -> None:
    got = score(wanted, came, TOOLSET)
    assert (got.exact, got.name, got.no_call, got.asks_right, got.wrong_writes) == (
        exact,
        name,
        no_call,
        asks_right,
        wrong_writes,
    )
    assert (got.confidence, got.latency_ms, got.cluster, got.outcome, got.error) == (0.8, 12.0, "7", wanted.outcome, False)


@pytest.mark.parametrize(
    ("wanted", "no_call", "asks_right"),
    [(case(PAY), None, None), (case(outcome="done"), False, None), (case(outcome="ask", ask=ASK), False, False)],
)
def test_an_errored_row_is_wrong_in_every_respect(wanted: Case, no_call: bool | None, asks_right: bool | None) -> None:
    got = score(wanted, None, TOOLSET)
    assert (got.exact, got.name, got.no_call, got.asks_right) == (False, False, no_call, asks_right)
    assert (got.wrong_writes, got.confidence, got.error) == (0, 0.0, True)
