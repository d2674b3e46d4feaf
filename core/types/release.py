"""A release: adapter, picker, reviewer, kinds, toolset version under one hash; the unit that is gated and promoted."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from core.types.principal import Principal
from core.types.value import Value

ReleaseStatus = Literal["candidate", "refused", "passed"]


class Release(Value):
    """What a night made."""

    schema_version: int = 1
    """Raised when a field changes meaning."""
    id: str
    """`r-` and the content hash of all its files."""
    toolset: str
    """The toolset it was trained for."""
    toolset_version: str
    """Which version of it."""
    schema_hashes: dict[str, str]
    """Schema hash of each tool it learned."""
    base: str
    """Base model, by artefact name."""
    format_hash: str
    """Text format it learned (`core.chat.FORMAT_HASH`)."""
    dataset: str
    """Content hash of the dataset; the manifest in the release folder lists every trace."""
    start: str | None = None
    """The release whose adapter it was trained on from, or has; None where it was trained anew."""
    seed: int
    """Of split, initial weights and batches."""
    status: ReleaseStatus
    """What the gate said."""
    warnings: tuple[str, ...] = ()
    """What a person should know before relying on it."""
    rows: dict[str, int] = Field(default_factory=dict)
    """Conversations by part."""
    exam: dict[str, Any] = Field(default_factory=dict)
    """Summary of the examination, base and candidate."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Tokens, seconds, losses."""
    principal: Principal = Field(default_factory=Principal)
    """Who ran the night."""
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    """UTC."""
