"""Questions that were answered well: what people ask in their own words, and the words of a page that answered it.

A question like one of them is likely answered by the same words, however little it has in common with the page. Where a page no
longer says them, they count for nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, DateTime, Engine, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from core.types.principal import Principal


class AskedRow(SQLModel, table=True):
    """One question with its answer's place."""

    __tablename__ = "asked"
    __table_args__ = (
        UniqueConstraint("tenant", "question", "document", "quote", name="uq_asked_tenant_question_place"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    tenant: str = Field(index=True)
    """Whose."""
    subject_key: str
    """Who said that it was answered well."""
    question: str = Field(sa_column=Column(Text, nullable=False))
    """As asked."""
    document: str
    """The page that answers it."""
    quote: str = Field(sa_column=Column(Text, nullable=False))
    """The words of the page that do, verbatim."""
    vector: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """(width,) float32, little-endian, of unit length."""
    encoder: str
    """What made it."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class Asked(NamedTuple):
    """A question and the place of its answer."""

    question: str
    """As asked."""
    document: str
    """The page."""
    quote: str
    """Words of it, verbatim and from one passage."""


class Likeness(NamedTuple):
    """An earlier question that is like one asked now."""

    asked: Asked
    """It, and what answered it."""
    cosine: float
    """How like, in [-1, 1]."""


class AskedStore:
    """The questions of one tenant, and a search among them that follows what any process adds."""

    def __init__(self, engine: Engine, tenant: str, encoder: str) -> None:
        self._engine, self._tenant, self._encoder = engine, tenant, encoder
        self._last = 0
        self._known: list[Asked] = []
        self._vectors: NDArray[np.float32] | None = None

    def add(self, asked: Sequence[Asked], vectors: NDArray[np.float32], principal: Principal) -> int:
        """Keep questions; those that are there already change nothing.

        Args:
            asked: What was asked.
            vectors: (len(asked), width) float32, rows of unit length.
            principal: Who says that they were answered well.

        Returns:
            How many are new.
        """
        added = 0
        with Session(self._engine) as session:
            known = {Asked(row.question, row.document, row.quote) for row in session.exec(self._query())}
            for one, vector in zip(asked, vectors, strict=True):
                if one in known:
                    continue
                known.add(one)
                added += 1
                session.add(
                    AskedRow(
                        tenant=self._tenant,
                        subject_key=principal.subject_key,
                        vector=np.asarray(vector, dtype="<f4").tobytes(),
                        encoder=self._encoder,
                        created_at=datetime.now(UTC),
                        **one._asdict(),
                    )
                )
            session.commit()
        return added

    def like(self, vector: NDArray[np.float32], limit: int) -> list[Likeness]:
        """The earlier questions most like one, most like first."""
        vectors = self._follow()
        if vectors is None:
            return []
        cosines = vectors @ vector
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [Likeness(self._known[at], float(cosines[at])) for at in best]

    def _follow(self) -> NDArray[np.float32] | None:
        """Vectors of all there are now, one row each; None where there is none."""
        with Session(self._engine) as session:
            new = list(session.exec(self._query().where(col(AskedRow.id) > self._last).order_by(col(AskedRow.id))))
        if new:
            rows = np.stack([np.frombuffer(row.vector, dtype="<f4") for row in new])
            self._vectors = rows if self._vectors is None else np.concatenate([self._vectors, rows])
            self._known += [Asked(row.question, row.document, row.quote) for row in new]
            self._last = max(int(row.id or 0) for row in new)
        return self._vectors

    def _query(self) -> Any:
        return select(AskedRow).where(AskedRow.tenant == self._tenant, AskedRow.encoder == self._encoder)
