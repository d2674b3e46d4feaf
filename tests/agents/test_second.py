"""The second opinion raises agreement, lowers disagreement, and leaves reads alone."""

from collections.abc import Sequence

import pytest

from agents.second import DOUBT, SecondOpinion
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.tool import Toolset, read_toolset

USER = (Message(role="user", content="post INV-1"),)


@pytest.fixture
def toolset() -> Toolset:
    argument = {"type": "object", "properties": {"invoice": {"type": "string"}}}
    return read_toolset(
        "t", [{"name": "post", "parameters": argument}, {"name": "look", "parameters": argument, "x-risk": "read"}]
    )


class Fixed:
    """Always answers the same, and counts how often it was asked."""

    def __init__(self, confidence: float, *calls: ToolCall) -> None:
        outcome = "calls" if calls else "none"
        self._answer = Prediction(outcome=outcome, tool_calls=calls, confidence=confidence, latency_ms=1.0)
        self.asked = 0

    def predict(self, messages: Sequence[Message]) -> Prediction:
        self.asked += 1
        return self._answer


def post(invoice: str) -> ToolCall:
    return ToolCall(name="post", arguments={"invoice": invoice})


def test_a_write_both_write_is_surer(toolset: Toolset) -> None:
    both = SecondOpinion(toolset, Fixed(0.6, post("INV-1"), post("INV-2")), Fixed(0.9, post("INV-2"), post("INV-1")))
    assert both.predict(USER).confidence == 0.9


@pytest.mark.parametrize("other", [(post("INV-2"),), (), (post("INV-1"), post("INV-1"))])
def test_a_write_only_one_writes_is_doubted(toolset: Toolset, other: tuple[ToolCall, ...]) -> None:
    decided = SecondOpinion(toolset, Fixed(0.9, post("INV-1")), Fixed(0.8, *other)).predict(USER)
    assert decided.tool_calls == (post("INV-1"),)
    assert decided.confidence == pytest.approx(DOUBT * 0.8)


def test_a_read_does_not_wait_for_the_second(toolset: Toolset) -> None:
    second = Fixed(0.1)
    SecondOpinion(toolset, Fixed(0.7, ToolCall(name="look", arguments={})), second).predict(USER)
    assert second.asked == 0
