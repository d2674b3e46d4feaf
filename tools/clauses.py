"""Clauses: a request cut wherever one wish may end and the next begin; each piece can be judged by itself."""

import re
from collections.abc import Iterable

from core.types.mention import Mention

MIN_WORDS = 2
"""A shorter piece says no wish."""
MOST = 16
"""More are not looked at: each is embedded while somebody waits."""
_JOINT = re.compile(
    r"[.;?!:](?:\s+|$)|\n+|,\s+|\s+[-–—/&]+\s+|\s*\b(?:and|then|plus|also|besides|as well as|after that)\b\s*", re.IGNORECASE
)


def find_clauses(text: str, mentions: Iterable[Mention]) -> list[str]:
    """The first pieces of `text`, in order; none where it does not fall into two or more.

    Args:
        text: What was said.
        mentions: Of this text; nothing is cut inside one ("Jones and Sons", "two hundred and five").
    """
    kept = [(mention.start, mention.end) for mention in mentions]
    pieces: list[str] = []
    end = 0
    for joint in _JOINT.finditer(text):
        if not any(start < joint.end() and joint.start() < stop for start, stop in kept):
            pieces.append(text[end : joint.start()])
            end = joint.end()
    pieces.append(text[end:])
    clauses = [piece.strip() for piece in pieces if len(piece.split()) >= MIN_WORDS]
    return clauses[:MOST] if len(clauses) > 1 else []
