"""A scene: what was said and done, and whether it went as its title says."""

from typing import Literal

from core.types.value import Value

Who = Literal["person", "agent", "change", "base", "note"]


class Line(Value):
    """One line of a scene."""

    who: Who
    """`change` is a row of the business system before and after, `base` the untrained model, `note` what the tour did or saw."""
    text: str
    """In words."""


class Scene(Value):
    """One scene that was played."""

    title: str
    """What it is to show."""
    lines: tuple[Line, ...]
    """What happened, in order."""
    shown: bool
    """Whether it went as the title says: looked up in the company, not in what was said."""
    seconds: float
    """Wall time."""
