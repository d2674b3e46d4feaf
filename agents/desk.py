"""The desk: everything a turn works with, handed to the graph's nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.guard import SchemaGuard
from agents.memory import Memory
from agents.router import Router
from core.traces import TraceStore
from core.types.message import Message
from core.types.prediction import Prediction
from core.types.principal import Principal
from core.types.tool import Toolset
from retrieval.knowledge import Encoder, Knowledge
from tools.executor import Executor
from tools.resolve import Book


class Decider(Protocol):
    """A release at work."""

    @property
    def release_id(self) -> str:
        """Which release it is."""
        ...

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """The next step of a conversation."""
        ...


@dataclass(frozen=True)
class Thresholds:
    """When a person is asked first."""

    act: float = 0.0
    """A write less sure than this waits for a person."""


@dataclass(frozen=True)
class Desk:
    """What one tenant's turns have at hand."""

    toolset: Toolset
    """What can be called."""
    caller: Decider
    """Decides the next step."""
    executor: Executor
    """The only way to a business system."""
    book: Book
    """What the business system knows of its records."""
    knowledge: Knowledge
    """What can be looked up."""
    encoder: Encoder
    """Makes vectors of texts."""
    router: Router | None
    """Where a turn goes; None leaves it to the caller."""
    traces: TraceStore
    """Where every turn is recorded."""
    principal: Principal
    """For whom, where a turn does not say."""
    memory: Memory | None = None
    """What people put right since the champion learned."""
    guard: SchemaGuard | None = None
    """Knows which tools changed since the release learned them; None trusts that none did."""
    thresholds: Thresholds = Thresholds()
    """When a person is asked first."""

    def speaker(self, by: Mapping[str, Any] | None) -> Principal:
        """For whom a turn is, from its state."""
        return Principal.model_validate(by) if by else self.principal
