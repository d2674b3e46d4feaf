"""What a filter returns."""

from typing import NamedTuple

from core.types.example import Example


class Filtered(NamedTuple):
    """Examples kept, and what was dropped for which reason."""

    kept: list[Example]
    """In the order given."""
    dropped: dict[str, str]
    """Reason by trace id."""
    not_applicable: str = ""
    """What a filter lacked that would have told it something; it kept everything. Empty where it could judge."""
