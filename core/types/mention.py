"""A mention: a typed span of the conversation that could fill an argument of its kind."""

from core.types.value import Value


class Mention(Value):
    """One typed span."""

    kind: str
    """What it could fill: a vocabulary kind, or `number`, `date`, `digits`."""
    surface: str
    """The words as said."""
    value: str | int | float
    """What is written for it: strings as said, numbers as numbers, spelled digits as digits."""
    start: int
    """First character in the text it was found in."""
    end: int
    """One past its last character."""
    inside: bool = False
    """True when it is part of a longer id or name; never offered, never missed."""
