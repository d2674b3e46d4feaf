"""What is plainly no action is not asked of the model; what is not plain is."""

from collections.abc import Sequence

import pytest

from agents.routed import SURE, RoutedCaller, route_of
from agents.router import Routed
from core.types.message import Message
from core.types.prediction import Prediction


class _Router:
    def __init__(self, best: str, confidence: float) -> None:
        self._found = Routed(label="out_of_scope", confidence=confidence, best=best)

    def route(self, texts: Sequence[str]) -> list[Routed]:
        return [self._found for _ in texts]


class _Caller:
    release_id = "r-1"

    def predict(self, messages: Sequence[Message]) -> Prediction:
        return Prediction(outcome="done", confidence=0.5, latency_ms=1.0)


def _asked(best: str, confidence: float, *messages: Message) -> Prediction:
    return RoutedCaller(_Caller(), _Router(best, confidence)).predict(messages)  # type: ignore[arg-type]  # a stand-in


@pytest.mark.parametrize(
    ("best", "confidence", "outcome"),
    [
        ("knowledge", 0.9, "knowledge"),
        ("smalltalk", 0.9, "none"),
        ("out_of_scope", 0.9, "none"),
        ("action", 0.9, "done"),
        ("mixed", 0.9, "done"),
        ("knowledge", SURE - 0.01, "done"),
    ],
)
def test_a_sure_route_decides_by_itself(best: str, confidence: float, outcome: str) -> None:
    found = _asked(best, confidence, Message(role="user", content="until when"))
    assert (found.outcome, found.query) == (outcome, "until when" if outcome == "knowledge" else None)


def test_only_what_a_person_says_is_routed() -> None:
    said = Message(role="user", content="hold them")
    assert _asked("smalltalk", 1.0, said, Message(role="tool", content="{}", tool_call_id="c")).outcome == "done"


def test_without_a_router_everything_is_left_to_the_caller() -> None:
    assert route_of(None, "hello").label == "action"
    assert route_of(_Router("knowledge", 0.2), "hello").label == "action"  # type: ignore[arg-type]  # a stand-in
