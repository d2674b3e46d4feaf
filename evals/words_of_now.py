"""A release that was taught tools as they were, examined beside one that was taught them as they are.

What this does not cover: calls before the step are shown to it by their names of now, which it was not taught.
"""

from collections.abc import Sequence

from core.types.message import Message
from core.types.prediction import Prediction
from core.types.tool import Toolset
from evals.suite import Predictor
from tools.migration import Edges, ask_now, calls_now, way_to_now


class InWordsOfNow:
    """A predictor whose calls and questions of then are answered as calls and questions of now."""

    def __init__(self, predictor: Predictor, then: Toolset, now: Toolset, edges: Edges) -> None:
        """`then`: what it was taught; `edges`: what leads from there to `now`. Where nothing does a call stays as it is."""
        self._predictor = predictor
        present = frozenset(now.schema_hashes.values())
        self._ways = {tool.name: way_to_now(tool.schema_hash, present, edges) or () for tool in then.tools}

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next."""
        found = self._predictor.predict(messages)
        ask = (ask_now(found.ask, self._ways) or found.ask) if found.ask is not None else None
        return found.model_copy(update={"tool_calls": calls_now(found.tool_calls, self._ways), "ask": ask})
