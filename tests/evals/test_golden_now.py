"""Golden cases follow the tools they were verified for, and releases of then are judged by what they mean now."""

from collections.abc import Sequence
from typing import Any

import pytest

from core.types.case import Case
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset, read_toolset
from evals.gate import judge
from evals.golden_now import CaseClock
from evals.golden_sets import GoldenCase
from evals.suite import examine
from evals.words_of_now import InWordsOfNow
from tools.migration import edges_between


def shop(argument: str, *more: str) -> Toolset:
    properties = {name: {"type": "string"} for name in ("order", argument, *more)}
    parameters = {"type": "object", "properties": properties, "required": ["order", argument]}
    return read_toolset("shop", [{"name": "cancel_order", "parameters": parameters}, {"name": "look"}])


THEN, NOW = shop("reason"), shop("why")
RENAMED = ToolMigration(becomes="cancel_order", arguments={"reason": "why"})
DECLARED = {THEN.schema_hashes["cancel_order"]: [(NOW.schema_hashes["cancel_order"], RENAMED)]}
EDGES = edges_between([THEN, NOW], DECLARED)
CLOCK = CaseClock([THEN, NOW], EDGES)


def cancelling(number: int, argument: str) -> ToolCall:
    return ToolCall(name="cancel_order", arguments={"order": f"S{number}", argument: "late"})


def asked(number: int, *before: Message) -> tuple[Message, ...]:
    return (*before, Message(role="user", content=f"cancel S{number}, it is late"))


def case(number: int, argument: str = "reason", *before: Message) -> Case:
    return Case(messages=asked(number, *before), expected=(cancelling(number, argument),), outcome="calls")


def case_of_now(golden: GoldenCase, clock: CaseClock = CLOCK) -> Case:
    brought = clock.bring(golden)
    assert isinstance(brought, Case), brought
    return brought


class Cancelling:
    """Cancels what it is told to, in the words it was taught."""

    def __init__(self, argument: str) -> None:
        self._argument = argument

    def predict(self, messages: Sequence[Message]) -> Prediction:
        number = int(messages[-1].content.split("S")[1].split(",")[0])
        calls = (cancelling(number, self._argument),)
        return Prediction(outcome="calls", tool_calls=calls, confidence=0.9, latency_ms=1.0)


@pytest.mark.parametrize("schemas", [THEN.schema_hashes, {}])
def test_what_is_expected_and_what_was_called_before_follow_the_tool(schemas: dict[str, str]) -> None:
    before = Message(role="assistant", tool_calls=(cancelling(1, "reason"),))
    brought = case_of_now(GoldenCase(case(2, "reason", before), schemas))
    assert brought.expected == (cancelling(2, "why"),) and brought.messages[0].tool_calls == (cancelling(1, "why"),)


@pytest.mark.parametrize("schemas", [THEN.schema_hashes, {}])
def test_a_question_follows_the_tool(schemas: dict[str, str]) -> None:
    ask = Ask(tool="cancel_order", missing="reason", arguments={"order": "S1"})
    brought = case_of_now(GoldenCase(Case(messages=asked(1), outcome="ask", ask=ask), schemas))
    assert brought.ask == Ask(tool="cancel_order", missing="why", arguments={"order": "S1"})


def test_what_was_verified_for_the_tools_of_now_stays_as_it_is() -> None:
    wrongly = Message(role="assistant", tool_calls=(ToolCall(name="cancel_order", arguments={"ordre": "S1"}),))
    for golden in (case(1, "why"), case(1, "why", wrongly), Case(messages=asked(1), outcome="none")):
        assert case_of_now(GoldenCase(golden)) == golden


def test_a_case_says_of_which_schema_it_is_where_its_calls_do_not() -> None:
    swapped = ToolMigration(becomes="cancel_order", values={"reason": {"late": "delayed"}})
    wider = shop("reason", "note")
    edges = {THEN.schema_hashes["cancel_order"]: [(wider.schema_hashes["cancel_order"], swapped)]}
    clock = CaseClock([THEN, wider], edges)
    (said,) = case_of_now(GoldenCase(case(1), THEN.schema_hashes), clock).expected
    (unsaid,) = case_of_now(GoldenCase(case(1)), clock).expected
    assert (said.arguments["reason"], unsaid.arguments["reason"]) == ("delayed", "late")


@pytest.mark.parametrize("schemas", [THEN.schema_hashes, {}])
def test_where_nothing_leads_to_now_it_is_left_out_and_why(schemas: dict[str, str]) -> None:
    clock = CaseClock([THEN, NOW], edges_between([THEN, NOW], {}))
    assert clock.bring(GoldenCase(case(1), schemas)) == "cancel_order: called by a schema of another time"


def test_what_fits_no_version_and_what_need_not_be_asked_is_left_out() -> None:
    stray = case(1).model_copy(update={"expected": (ToolCall(name="cancel", arguments={}),)})
    assert CLOCK.bring(GoldenCase(stray)) == "expected[0]: unknown tool 'cancel'; the toolset has cancel_order, look"
    dropped = ToolMigration(becomes="cancel_order", arguments={"reason": None}, defaults={"why": "-"})
    edges = {THEN.schema_hashes["cancel_order"]: [(NOW.schema_hashes["cancel_order"], dropped)]}
    ask = Ask(tool="cancel_order", missing="reason", arguments={"order": "S1"})
    brought = CaseClock([THEN, NOW], edges).bring(GoldenCase(Case(messages=asked(1), outcome="ask", ask=ask)))
    assert brought == "cancel_order: asks for reason, which need not be said any more"


def test_after_a_rename_the_gate_lets_a_release_through_that_is_as_good() -> None:
    cases = [case_of_now(GoldenCase(case(number), THEN.schema_hashes)) for number in range(40)]
    champion = examine(cases, InWordsOfNow(Cancelling("reason"), THEN, NOW, EDGES), NOW)
    candidate = examine(cases, Cancelling("why"), NOW)
    assert judge(candidate.scores, champion.scores, against_base=False).passed
    assert champion.summary.exact.rate == candidate.summary.exact.rate == 1.0


def test_a_champion_asks_in_words_of_now_and_what_nothing_leads_from_stays() -> None:
    class Asking(Cancelling):
        def predict(self, messages: Sequence[Message]) -> Prediction:
            ask = Ask(tool="cancel_order", missing=self._argument, arguments={})
            return Prediction(outcome="ask", ask=ask, confidence=0.9, latency_ms=1.0)

    def missing(edges: Any) -> str:
        ask = InWordsOfNow(Asking("reason"), THEN, NOW, edges).predict(asked(1)).ask
        assert ask is not None
        return ask.missing

    assert (missing(EDGES), missing({})) == ("why", "reason")
