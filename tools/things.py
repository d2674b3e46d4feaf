"""Things: what a request says that could fill an argument, all readings of the same words taken together."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from core.types.mention import Mention


class Thing(NamedTuple):
    """One place of a text."""

    start: int
    """First character."""
    end: int
    """One past the last."""
    kinds: str
    """What it may be, sorted and joined by `/`."""
    values: frozenset[Any]
    """What may be written for it, as `written_as` spells it."""
    fills: frozenset[str]
    """Names of the arguments it could fill."""


def by_place(mentions: Iterable[Mention]) -> list[list[Mention]]:
    """Mentions in reading order, those of the same words together; parts of longer names are left out."""
    groups: list[list[Mention]] = []
    for mention in sorted((m for m in mentions if not m.inside), key=lambda m: (m.start, -m.end)):
        if groups and mention.start < max(m.end for m in groups[-1]):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return groups


def written_as(value: Any) -> Any:
    """A value as it is compared: texts whatever their case."""
    return value.casefold() if isinstance(value, str) else value
