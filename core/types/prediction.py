"""A prediction: what the caller decided to do next, in the contract's form."""

from typing import Any

from core.types.message import ToolCall
from core.types.trace import Outcome
from core.types.value import Value


class Ask(Value):
    """A question for one missing argument."""

    tool: str
    """The call that is incomplete."""
    missing: str
    """First unmet required argument in schema order, without the tool's name."""
    arguments: dict[str, Any]
    """What was said so far."""


class Written(Value):
    """What the model wrote for a step, and what that took."""

    tokens: tuple[str, ...]
    """The pieces of the draft taken, in order."""
    logprobs: tuple[float, ...]
    """Natural-log probability of each piece before the grammar."""
    prompt_tokens: int
    """Tokens of the prompt, counted once."""
    drafts: int
    """How many drafts were written, the one taken among them."""


class Prediction(Value):
    """The next step of a conversation."""

    outcome: Outcome
    """What to do."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Empty for every outcome but `calls`."""
    ask: Ask | None = None
    """Set for `ask` only."""
    query: str | None = None
    """Set for `knowledge` only."""
    left_open: tuple[str, ...] = ()
    """Wishes of this turn, in the person's words, that nothing was done about although all is done; mostly none."""
    confidence: float
    """Probability in [0, 1] that the step is exactly right, by the reviewer."""
    latency_ms: float
    """Wall time of the decision, milliseconds."""
    written: Written | None = None
    """How it was written; None where no model wrote it."""

    def to_row(self) -> dict[str, Any]:
        """The prediction as the contract's JSON row."""
        return {
            "outcome": self.outcome,
            "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in self.tool_calls],
            "ask": self.ask.model_dump() if self.ask else None,
            "query": self.query,
            "confidence": round(self.confidence, 6),
            "latency_ms": round(self.latency_ms, 2),
        }
