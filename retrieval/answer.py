"""Answers made of quotations: the sentences of the best passages that say most about a question, each with its source.

Nothing is written anew: what is not on a page cannot be said.
"""

from collections.abc import Sequence

import numpy as np

from core.types.value import Value
from retrieval.chunk import pieces_of
from retrieval.knowledge import Encoder, Hit

SUPPORT = 0.38
"""Cosine of a question and the nearest sentence below which no page is said to answer it."""
_PASSAGES = 2
"""Passages quoted, at most."""
_ALMOST = 0.97
"""A second passage is quoted where its score comes so near the first's."""
_LINES = 3
"""Sentences, items or rows quoted of a passage, at most."""


class Source(Value):
    """Where a quotation stands."""

    document: str
    """Name of the page."""
    heading: str
    """Headings above it."""
    version: str | None
    """Of the page."""
    valid_from: str | None
    """ISO day from which the page holds."""
    superseded_by: str | None
    """The page that holds instead."""
    quote: str
    """Verbatim."""


class Answer(Value):
    """What the pages say."""

    text: str
    """To show a person."""
    sources: tuple[Source, ...]
    """Quotations, best first; empty where nothing supports an answer."""

    @property
    def supported(self) -> bool:
        """Whether any page says something about it."""
        return bool(self.sources)


NOTHING = Answer(text="None of the pages I can look up says anything about that.", sources=())


def answer(question: str, hits: Sequence[Hit], encoder: Encoder) -> Answer:
    """Quote what the best passages say.

    Args:
        question: As asked.
        hits: Of a search for it, best first.
        encoder: The encoder the search used.
    """
    if not hits or max(hit.cosine for hit in hits[:_PASSAGES]) < SUPPORT:
        return NOTHING
    taken = [hit for hit in hits[:_PASSAGES] if hit is hits[0] or hit.score >= _ALMOST * hits[0].score]
    sources = [_source(question, hit, encoder) for hit in taken]
    return Answer(text="\n\n".join(map(_shown, sources)), sources=tuple(sources))


def _source(question: str, hit: Hit, encoder: Encoder) -> Source:
    return Source(
        document=hit.document,
        heading=hit.heading,
        version=hit.version,
        valid_from=hit.valid_from,
        superseded_by=hit.superseded_by,
        quote=_quote(question, hit.text, encoder),
    )


def _quote(question: str, text: str, encoder: Encoder) -> str:
    """The lines nearest to the question, in the order of the page; a table's row comes with its head."""
    pieces = pieces_of(text)
    if len(pieces) <= _LINES:
        return "\n".join(pieces)
    vectors = encoder.embed([question, *pieces])
    best = set(map(int, np.argsort(-(vectors[1:] @ vectors[0]), kind="stable")[:_LINES]))
    rows = [at for at, piece in enumerate(pieces) if piece.startswith("|")]
    if rows and best & set(rows):
        best.add(rows[0])
    return "\n".join(pieces[at] for at in sorted(best))


def _shown(source: Source) -> str:
    version = f", version {source.version}" if source.version else ""
    since = f", valid from {source.valid_from}" if source.valid_from else ""
    until = f", superseded by {source.superseded_by}" if source.superseded_by else ""
    return f"{source.quote}\n({source.heading}: {source.document}{version}{since}{until})"
