"""An effect: what a call did to a business system, or would do."""

from typing import Any

from core.types.value import Value


class Change(Value):
    """What happened to one record."""

    table: str
    """What kind of record."""
    key: dict[str, Any]
    """Which one."""
    before: dict[str, Any] | None
    """Changed fields as they were; None for a new record."""
    after: dict[str, Any] | None
    """The same fields as they are now; None for one that was deleted."""
    counter: bool = False
    """Whether only a number sequence moved on: others move it too, and nobody decides about it."""


class Effect(Value):
    """One call, proposed or carried out."""

    tool: str
    """What was called."""
    result: dict[str, Any]
    """What it gives back, as JSON."""
    changes: tuple[Change, ...] = ()
    """The field diff; empty for reads."""
    reply: str = ""
    """The result in words."""
