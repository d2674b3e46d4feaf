"""Every failed row has one class, and the class says what went wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types.case import Case
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.tool import Toolset, read_toolset
from core.types.trace import OUTCOMES, Outcome
from evals.failures import Failure, count_failures, failure_class
from evals.scorers.exact import score

PROPERTIES = {
    "customer": {"type": "string", "x-kind": "customer"},
    "amount": {"type": "number", "x-kind": "money"},
    "due": {"type": "string", "x-kind": "date"},
    "when": {"type": "string"},
    "note": {"type": "string", "x-kind": "text"},
    "reason": {"type": "string"},
    "tone": {"type": "string", "enum": ["kind", "firm"]},
    "urgent": {"type": "boolean"},
    "lines": {"type": "array", "items": {"type": "object", "properties": {"item": {"type": "string", "x-kind": "product"}}}},
}
TOOLSET: Toolset = read_toolset(
    "shop",
    [
        {"name": "pay", "parameters": {"type": "object", "properties": PROPERTIES, "required": ["customer"]}},
        {"name": "find", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}},
    ],
)
PAY, FIND = ToolCall(name="pay", arguments={"customer": "Acme"}), ToolCall(name="find", arguments={"query": "Acme"})
ASK = Ask(tool="pay", missing="customer", arguments={})
ASK_FIND = Ask(tool="find", missing="query", arguments={})
ASK_AMOUNT = Ask(tool="pay", missing="amount", arguments={})


def case(*expected: ToolCall, outcome: Outcome | None = None, ask: Ask | None = None) -> Case:
    return Case(messages=(Message(role="user", content="please"),), expected=expected, outcome=outcome, ask=ask)


def predicted(*calls: ToolCall, outcome: Outcome = "calls", ask: Ask | None = None) -> Prediction:
    return Prediction(outcome=outcome, tool_calls=calls, ask=ask, confidence=0.5, latency_ms=1)


@pytest.mark.parametrize(
    ("wanted", "came", "failure"),
    [
        (case(PAY), None, "error"),
        (case(PAY), predicted(PAY), None),
        (case(PAY), predicted(outcome="ask", ask=ASK), "asked instead of calling"),
        (case(PAY), predicted(outcome="done"), "done too early"),
        (case(PAY), predicted(outcome="knowledge"), "searched instead of calling"),
        (case(PAY), predicted(outcome="none"), "did nothing instead of calling"),
        (case(PAY), predicted(), "did nothing instead of calling"),
        (case(PAY), predicted(FIND), "wrong tool"),
        (case(PAY, FIND), predicted(PAY), "second wish dropped"),
        (case(PAY), predicted(PAY, FIND), "extra call"),
        (case(PAY), predicted(PAY, PAY), "extra call"),
        (case(outcome="ask", ask=ASK), predicted(PAY), "called instead of asking"),
        (case(outcome="ask", ask=ASK), predicted(outcome="done"), "did not ask"),
        (case(outcome="ask", ask=ASK), predicted(outcome="ask", ask=ASK_FIND), "asked about the wrong tool"),
        (case(outcome="ask", ask=ASK), predicted(outcome="ask", ask=ASK_AMOUNT), "wrong missing argument"),
        (case(outcome="done"), predicted(FIND), "called after the task was done"),
        (case(outcome="none"), predicted(FIND), "called where nothing was to be called"),
        (case(), predicted(FIND), "called where nothing was to be called"),
        (case(outcome="done"), predicted(outcome="ask", ask=ASK), "asked where nothing was missing"),
        (case(outcome="none"), predicted(outcome="knowledge"), "knowledge and none confused"),
        (case(outcome="knowledge"), predicted(outcome="none"), "knowledge and none confused"),
        (case(outcome="knowledge"), predicted(outcome="done"), "ended the wrong way"),
    ],
)
def test_a_wrong_step_is_named(wanted: Case, came: Prediction | None, failure: str | None) -> None:
    assert failure_class(wanted, came, TOOLSET) == failure


@pytest.mark.parametrize(
    ("expected", "got", "failure"),
    [
        ({"customer": "Acme", "amount": 5}, {"customer": "Acme"}, "optional argument left out"),
        ({"customer": "Acme", "amount": 5}, {"amount": 5}, "required argument left out"),
        ({"customer": "Acme"}, {"customer": "Acme", "amount": 5}, "argument added"),
        ({"due": "friday"}, {"when": "friday"}, "value in the wrong argument"),
        ({"customer": "Acme"}, {"customer": "Apex"}, "wrong name"),
        ({"amount": 5}, {"amount": 50}, "wrong number"),
        ({"due": "the ides"}, {"due": "friday"}, "wrong date"),
        ({"when": "next friday"}, {"when": "friday"}, "wrong date"),
        ({"when": "2025-03-01"}, {"when": "2025-03-02"}, "wrong date"),
        ({"note": "the left hinge squeaks"}, {"note": "left hinge"}, "free text cut short"),
        ({"note": "left hinge"}, {"note": "the left hinge squeaks"}, "free text too long"),
        ({"note": "left hinge"}, {"note": "right hinge"}, "wrong free text"),
        ({"reason": "the left hinge squeaks badly"}, {"reason": "the left hinge"}, "free text cut short"),
        ({"reason": "left hinge"}, {"reason": "left"}, "wrong name"),
        ({"tone": "kind"}, {"tone": "firm"}, "wrong choice"),
        ({"urgent": True}, {"urgent": False}, "wrong choice"),
        ({"lines": [{"item": "oak"}]}, {"lines": []}, "list entry left out"),
        ({"lines": []}, {"lines": [{"item": "oak"}]}, "list entry added"),
        ({"lines": [{"item": "oak"}]}, {"lines": [{"item": "ash"}]}, "wrong name"),
        ({"lines": [{"item": "oak"}]}, {"lines": "oak"}, "wrong name"),
        ({"unheard": 5}, {"unheard": 6}, "wrong number"),
    ],
)
def test_a_wrong_argument_is_named(expected: dict[str, Any], got: dict[str, Any], failure: str) -> None:
    wanted, came = ToolCall(name="pay", arguments=expected), ToolCall(name="pay", arguments=got)
    assert failure_class(case(wanted), predicted(came), TOOLSET) == failure


def test_of_two_calls_of_one_tool_the_one_that_fits_best_is_compared() -> None:
    first = ToolCall(name="pay", arguments={"customer": "Acme", "amount": 5})
    second = ToolCall(name="pay", arguments={"customer": "Apex", "amount": 6})
    off = ToolCall(name="pay", arguments={"customer": "Acme", "amount": 7})
    worse = ToolCall(name="pay", arguments={"customer": "Other", "amount": 8})
    assert failure_class(case(first, second), predicted(worse, off), TOOLSET) == "wrong number"


def test_failures_are_counted_most_frequent_first() -> None:
    cases = [case(PAY), case(PAY), case(PAY), case(PAY)]
    predictions = [predicted(FIND), None, predicted(FIND), predicted(PAY)]
    counts = count_failures(cases, predictions, TOOLSET)
    assert list(counts.items()) == [("wrong tool", 2), ("error", 1)]


ARGUMENTS = st.dictionaries(
    st.sampled_from([*PROPERTIES, "unheard"]),
    st.none()
    | st.booleans()
    | st.integers(0, 3)
    | st.sampled_from(["Acme", "next friday", "a b c d e f", ""])
    | st.lists(st.integers(0, 1), max_size=2),
    max_size=3,
)
CALLS = st.lists(st.builds(ToolCall, name=st.sampled_from(["pay", "find", "invented"]), arguments=ARGUMENTS), max_size=3).map(
    tuple
)
ASKS = st.none() | st.sampled_from([ASK, ASK_FIND, ASK_AMOUNT])


@given(CALLS, st.none() | st.sampled_from(OUTCOMES), ASKS, CALLS, st.sampled_from(OUTCOMES), ASKS)
def test_a_row_has_a_class_exactly_when_it_is_not_exact(
    expected: tuple[ToolCall, ...],
    outcome: Outcome | None,
    ask: Ask | None,
    got: tuple[ToolCall, ...],
    said: Outcome,
    asked: Ask | None,
) -> None:
    wanted, came = case(*expected, outcome=outcome, ask=ask), predicted(*got, outcome=said, ask=asked)
    failure = failure_class(wanted, came, TOOLSET)
    assert (failure is None) == score(wanted, came, TOOLSET).exact
    assert failure is None or failure in set(Failure)
