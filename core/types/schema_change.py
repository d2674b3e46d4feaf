"""How a tool's schema differs from what it was, and what turns calls of then into calls of now."""

from typing import Any, Literal

from pydantic import Field

from core.types.value import Value

ChangeKind = Literal[
    "tool added",
    "tool removed",
    "tool renamed",
    "argument added",
    "argument removed",
    "argument renamed",
    "type changed",
    "choices changed",
    "became required",
    "became optional",
    "other",
]
Cast = Literal["string", "number", "integer", "boolean"]


class SchemaChange(Value):
    """One difference."""

    kind: ChangeKind
    """What happened."""
    tool: str
    """The tool, by its name of then; a new one by its name of now."""
    argument: str = ""
    """Dotted path of then, `[]` for an array's items: `lines[].item`; a new one by its path of now. Empty for the tool itself."""
    was: str = ""
    """Name, type or choices of then."""
    now: str = ""
    """Name, type or choices of now."""
    fits: bool = False
    """Whether calls of then mean the same now as they stand."""

    def __str__(self) -> str:
        """As people read it."""
        place = f"{self.tool}.{self.argument}" if self.argument else self.tool
        return f"{place}: {self.kind}" + (f": {self.was or 'none'} → {self.now or 'none'}" if self.was or self.now else "")


class ToolMigration(Value):
    """What turns calls of a tool as it was into calls of the tool as it became. Paths are those of then, as in `SchemaChange`."""

    becomes: str
    """The tool's name now."""
    arguments: dict[str, str | None] = Field(default_factory=dict)
    """New name by path; None for one that is dropped."""
    casts: dict[str, Cast] = Field(default_factory=dict)
    """New type by path."""
    values: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By path: new value by the old one, as JSON writes a text of it."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Values by name of now for new arguments at the top that a call must have."""
    optional: tuple[str, ...] = ()
    """Paths that need not be said any more: a question for one is none now. Left empty it is told from the schemas."""
