"""An example: one conversation made ready to train on, with provenance."""

import hashlib
import json
from typing import Any

from core.types.message import Message, ToolCall, without_ids, write_messages
from core.types.trace import Outcome
from core.types.value import Value, content_hash


def plain_numbers(value: Any) -> Any:
    """The value, whole numbers written as such."""
    if isinstance(value, dict):
        return {name: plain_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
        """Content hash, call ids and the order of calls aside: they are a multiset, and 5 is 5.0."""
        calls = sorted(([call.name, plain_numbers(call.arguments)] for call in self.calls), key=content_hash)
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
        """Hash of the first so many messages; for many of them see `keys_before`."""
        return self.keys_before()[position]

    def keys_before(self) -> list[str]:
        """Of the first none, one, two … messages, call ids aside, each in time that does not depend on what stands before it."""
        running, keys = hashlib.sha256(), []
        for written in [None, *write_messages(without_ids(self.messages))]:
            running.update(json.dumps(written, sort_keys=True).encode() + b"\n")
            keys.append(running.copy().hexdigest()[:32])
        return keys

    @property
    def id(self) -> str:
        """Content hash of conversation and steps."""
        return content_hash([self.model_dump(mode="json", exclude={"trace_id", "cluster"})])
