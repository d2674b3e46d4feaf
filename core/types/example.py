"""An example: one conversation made ready to train on, with provenance."""

from core.types.message import Message, ToolCall, without_ids, write_messages
from core.types.trace import Outcome
from core.types.value import Value, content_hash


class Step(Value):
    """One turn that teaches: what to write after the first `position` messages."""

    position: int
    """How many messages stand before the turn; the turn itself is not among them."""
    outcome: Outcome
    """What the turn does."""
    calls: tuple[ToolCall, ...] = ()
    """The calls; for `ask` the one partial call."""
    missing: str | None = None
    """For `ask`: the missing argument, without the tool's name."""
    query: str | None = None
    """For `knowledge`: what to search."""

    @property
    def key(self) -> str:
        """Content hash, call ids aside."""
        calls = [[call.name, call.arguments] for call in self.calls]
        return content_hash([self.position, self.outcome, calls, self.missing, self.query], length=32)


class Example(Value):
    """A conversation and the steps in it that teach."""

    schema_version: int = 1
    """Raised when a field changes meaning."""
    trace_id: str
    """The trace it came from."""
    cluster: str
    """Examples of one cluster stay on one side of every split."""
    messages: tuple[Message, ...]
    """The conversation."""
    steps: tuple[Step, ...]
    """Teaching turns in order; at least one."""

    def key_before(self, position: int) -> str:
        """Content hash of the first so many messages, call ids aside."""
        return content_hash(write_messages(without_ids(self.messages[:position])), length=32)

    @property
    def id(self) -> str:
        """Content hash of conversation and steps."""
        return content_hash([self.model_dump(mode="json", exclude={"trace_id", "cluster"})])
