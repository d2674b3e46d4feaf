"""Routing before deciding: what is plainly looked up, small talk or out of scope is not asked of the model."""

from collections.abc import Sequence

from agents.desk import Decider
from agents.router import Routed, Router
from core.types.message import Message
from core.types.prediction import Prediction

SURE = 0.6
"""From this confidence on the router is believed; below, the caller finds the way by itself."""
_ACTION = "action"


def route_of(router: Router | None, said: str) -> Routed:
    """The route of what was said; `action`, which leaves it to the caller, where the router is not sure or there is none."""
    if router is None:
        return Routed(label=_ACTION, confidence=1.0, best=_ACTION)
    routed = router.route([said])[0]
    return routed.model_copy(update={"label": routed.best if routed.confidence >= SURE else _ACTION})


class RoutedCaller:
    """A release behind a router, as the graph has them: for examinations of single decisions."""

    def __init__(self, caller: Decider, router: Router) -> None:
        self._caller, self._router = caller, router

    @property
    def release_id(self) -> str:
        """Which release decides."""
        return self._caller.release_id

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """The next step of a conversation."""
        if messages and messages[-1].role == "user":
            routed = route_of(self._router, messages[-1].content)
            if routed.label == "knowledge":
                return _without_calls("knowledge", routed, messages[-1].content)
            if routed.label in ("smalltalk", "out_of_scope"):
                return _without_calls("none", routed, None)
        return self._caller.predict(messages)


def _without_calls(outcome: str, routed: Routed, query: str | None) -> Prediction:
    return Prediction.model_validate({"outcome": outcome, "query": query, "confidence": routed.confidence, "latency_ms": 0.0})
