"""A trace: one conversation with its labelled end, whole; the system of record of what agents did."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from core.types.message import Message, ToolCall, without_ids, write_messages
from core.types.principal import Principal
from core.types.value import Value, content_hash

Outcome = Literal["calls", "ask", "knowledge", "none", "done"]
OUTCOMES: tuple[Outcome, ...] = ("calls", "ask", "knowledge", "none", "done")
Judged = Literal["", "approved", "edited", "rejected"]
THREAD, CORRECTION, TEACHER = "thread ", "correction of ", "teacher "
"""How a trace's source begins that the agent recorded, of one that puts another one right, and of what a larger model says."""
HISTORY = "history"
"""The source of what letters and a journal gave."""
REWORDS = " rewords "
"""What stands in the source of a larger model's other words before the id of the trace they are for."""


def standing(source: str, accepted: bool) -> int:
    """How much reason there is to believe a trace: 0 a teacher's, 1 unconfirmed, 2 confirmed, 3 written to put another right."""
    if source.startswith(TEACHER):
        return 0
    return 1 if not accepted else 3 if source.startswith(CORRECTION) else 2


class Trace(Value):
    """One conversation and how it ended."""

    schema_version: int = 1
    """Raised when a field changes meaning."""
    toolset: str
    """Which tools were at hand."""
    messages: tuple[Message, ...]
    """Everything said, called and returned, in order."""
    outcome: Outcome | None = None
    """What the last turn did; None where nobody said."""
    missing: str | None = None
    """For `ask`: `tool.argument` that was not said."""
    partial: ToolCall | None = None
    """For `ask`: the call as far as it was said."""
    query: str | None = None
    """For `knowledge`: the question's core."""
    unlearned: tuple[int, ...] = ()
    """Which messages, from 0, are answers that nobody is to learn."""
    shape: str | None = None
    """Cluster of near-identical phrasings; rows of one shape are never split between train and exam."""
    source: str = "import"
    """Where it came from: a file, an agent, a correction."""
    accepted: bool = True
    """Whether somebody or some effect confirmed it; imported traces count as accepted."""
    judged: Judged = ""
    """What a person made of its writes before they were done; empty where nobody was asked."""
    author: str = ""
    """Who wrote it to put another one right, which need not be who asked; empty where nobody did, or nobody said who."""
    principal: Principal = Field(default_factory=Principal)
    """Who asked."""
    schema_hashes: dict[str, str] = Field(default_factory=dict)
    """Schema hash of each tool at the time."""
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    """When it was recorded, UTC."""

    @property
    def id(self) -> str:
        """Content hash of tenant, toolset, conversation and label: the same conversation is the same trace."""
        return content_hash([self.principal.tenant, self.toolset, self.conversation_key])

    @property
    def is_of_the_day(self) -> bool:
        """Whether it comes from work with this service, and was not imported."""
        return self.source.startswith((THREAD, CORRECTION))

    @property
    def is_correction(self) -> bool:
        """Whether a person wrote it to put another one right."""
        return self.source.startswith(CORRECTION)

    @property
    def is_taught(self) -> bool:
        """Whether a larger model says that it is right, and no person does."""
        return self.source.startswith(TEACHER)

    @property
    def rewords(self) -> str | None:
        """Id of the trace that a larger model said in other words; None of every other trace."""
        _, marker, original = self.source.rpartition(REWORDS)
        return original if marker and self.is_taught else None

    @property
    def conversation_key(self) -> str:
        """Hash of the whole conversation with its label, for exact duplicates."""
        label: list[Any] = [self.outcome, self.missing, self.query]
        label.append(self.partial and [self.partial.name, self.partial.arguments])
        return content_hash([write_messages(without_ids(self.messages)), label], length=32)
