"""Two opinions: agreement is of steps, and what it says is counted on the cases where both are of one mind."""

import pytest

from core.types.case import Case
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.tool import read_toolset
from evals.opinions import compare_opinions, same_step
from evals.suite import Examination, examine

TOOLSET = read_toolset(
    "shop",
    [
        {"name": "pay", "parameters": {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}},
        {"name": "look", "parameters": {"type": "object", "properties": {"where": {"type": "string"}}}, "x-risk": "read"},
    ],
)


def pay(*amounts: int) -> Prediction:
    calls = tuple(ToolCall(name="pay", arguments={"amount": amount}) for amount in amounts)
    return Prediction(outcome="calls", tool_calls=calls, confidence=0.9, latency_ms=1.0)


def look(where: str = "shelf") -> Prediction:
    call = ToolCall(name="look", arguments={"where": where})
    return Prediction(outcome="calls", tool_calls=(call,), confidence=0.9, latency_ms=1.0)


def ask(missing: str, **arguments: str) -> Prediction:
    return Prediction(outcome="ask", ask=Ask(tool="pay", missing=missing, arguments=arguments), confidence=0.9, latency_ms=1.0)


NONE = Prediction(outcome="none", confidence=0.9, latency_ms=1.0)


class Says:
    """Answers in turn."""

    def __init__(self, *answers: Prediction) -> None:
        self._answers = list(answers)

    def predict(self, messages: object) -> Prediction:
        """The next one."""
        return self._answers.pop(0)


def examined(cases: list[Case], *answers: Prediction) -> Examination:
    return examine(cases, Says(*answers), TOOLSET)


def case(expected: Prediction) -> Case:
    return Case(
        messages=(Message(role="user", content="do it"),),
        expected=expected.tool_calls,
        outcome=expected.outcome,
        ask=expected.ask,
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (pay(1, 2), pay(2, 1), True),
        (pay(1, 1), pay(1), False),
        (pay(1), pay(2), False),
        (ask("amount"), ask("amount", where="said by one only"), True),
        (ask("amount"), ask("currency"), False),
        (ask("amount"), NONE, False),
        (NONE, NONE.model_copy(update={"confidence": 0.1, "latency_ms": 9.0}), True),
    ],
)
def test_steps_are_compared(one: Prediction, other: Prediction, same: bool) -> None:
    assert same_step(one, other) is same
    assert same_step(other, one) is same


def test_what_agreement_says_is_counted_where_there_is_agreement() -> None:
    cases = [case(pay(1)), case(pay(2)), case(pay(3)), case(look()), case(NONE)]
    first = examined(cases, pay(1), pay(9), pay(7), look(), pay(5))
    second = examined(cases, pay(1), pay(9), pay(3), look("till"), NONE)
    found = compare_opinions(cases, first, second, TOOLSET)

    assert (found.n, found.agree.rate) == (5, 2 / 5)
    assert (found.first.rate, found.second.rate, found.either.rate) == (2 / 5, 3 / 5, 4 / 5)
    assert found.exact_where_agree is not None and found.exact_where_agree.rate == 1 / 2
    assert found.wrong_writes_where_agree == 50.0, "both pay 9 where 2 was right"
    assert found.exact_where_differ is not None and (found.exact_where_differ.n, found.exact_where_differ.rate) == (3, 1 / 3)
    assert found.agree_on_writes is not None and (found.agree_on_writes.n, found.agree_on_writes.rate) == (4, 2 / 4), (
        "of four payments"
    )


def test_where_nobody_agrees_or_writes_there_is_nothing_to_say() -> None:
    cases = [case(NONE)]
    found = compare_opinions(cases, examined(cases, NONE), examined(cases, ask("amount")), TOOLSET)
    assert (found.exact_where_agree, found.wrong_writes_where_agree, found.agree_on_writes) == (None, None, None)


def test_a_row_without_an_answer_agrees_with_nothing() -> None:
    cases = [case(pay(1))]
    right = examined(cases, pay(1))
    lost = right.model_copy(update={"predictions": (None,)})
    assert compare_opinions(cases, lost, right, TOOLSET).agree.rate == 0.0
    assert compare_opinions(cases, lost, lost, TOOLSET).agree.rate == 0.0, "two errors are no agreement"
