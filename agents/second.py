"""The second opinion: a write that two bases both write acts; where they differ, a person decides."""

from collections.abc import Sequence
from typing import Protocol

from core.types.message import Message
from core.types.prediction import Prediction
from core.types.tool import Toolset

DOUBT = 0.5
"""Confidence of a write the second opinion does not share, as a factor: below any threshold that lets writes act."""


class Opinion(Protocol):
    """Anything that decides the next step."""

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next."""
        ...


class SecondOpinion:
    """Asks a second caller about the first one's writes; reads and questions need not wait for it."""

    def __init__(self, toolset: Toolset, first: Opinion, second: Opinion) -> None:
        self._toolset, self._first, self._second = toolset, first, second

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """The first caller's step, its confidence raised where both agree on a write and lowered where they do not."""
        first = self._first.predict(messages)
        if not writes(first, self._toolset):
            return first
        second = self._second.predict(messages)
        agreed = same_calls(first, second)
        confidence = max(first.confidence, second.confidence) if agreed else DOUBT * min(first.confidence, second.confidence)
        return first.model_copy(update={"confidence": confidence, "latency_ms": first.latency_ms + second.latency_ms})


def writes(prediction: Prediction, toolset: Toolset) -> bool:
    """Whether a step holds a call that is more than a read."""
    return any(toolset.by_name[call.name].risk != "read" for call in prediction.tool_calls)


def same_calls(first: Prediction, second: Prediction) -> bool:
    """Whether two steps hold the same calls, in whatever order."""
    left = list(second.tool_calls)
    for call in first.tool_calls:
        match = next((other for other in left if call.same_as(other)), None)
        if match is None:
            return False
        left.remove(match)
    return not left
