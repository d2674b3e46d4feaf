"""The knowledge store: pages and passages in the database. Every index is made from it and can be made again."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    delete,
    text,
    update,
)
from sqlalchemy.orm import defer
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import StoreError
from retrieval.asked import Asked
from retrieval.chunk import Passage
from retrieval.documents import Document


class DocumentRow(SQLModel, table=True):
    """One page."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("tenant", "name", name="uq_document_tenant_name"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    tenant: str
    """Whose."""
    name: str
    """Path relative to the folder it came from."""
    title: str
    """First heading."""
    text: str = Field(sa_column=Column(Text, nullable=False))
    """All of it."""
    digest: str
    """Of name and text."""
    version: str | None = None
    """As the page says."""
    valid_from: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    """As the page says."""
    superseded_by: str | None = None
    """As the page says."""
    added_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""
    root: str | None = None
    """The folder it was read from; None where it came otherwise, or before that was kept."""


class PassageRow(SQLModel, table=True):
    """One passage; its id is never given to another."""

    __tablename__ = "passage"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    """Names it for good."""
    tenant: str = Field(index=True)
    """Whose."""
    document_id: int = Field(sa_column=Column(Integer, ForeignKey("document.id", ondelete="CASCADE"), nullable=False, index=True))
    """Of which page."""
    position: int
    """Which of its page."""
    heading: str = Field(sa_column=Column(Text, nullable=False))
    """Headings above it."""
    text: str = Field(sa_column=Column(Text, nullable=False))
    """Verbatim."""
    vectors: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """(1 + sentences, width) float32, little-endian: of the passage, then of its sentences; rows of unit length."""
    width: int
    """Of a vector."""


_COUNT = text(
    "INSERT INTO knowledge (tenant, revision, encoder) VALUES (:tenant, 1, :encoder)"
    " ON CONFLICT (tenant) DO UPDATE SET revision = knowledge.revision + 1"
)
"""The same words to SQLite and PostgreSQL."""


class KnowledgeRow(SQLModel, table=True):
    """How far a tenant's knowledge has come."""

    __tablename__ = "knowledge"

    tenant: str = Field(primary_key=True)
    """Whose."""
    revision: int
    """Counts changes: an index of another revision is stale."""
    encoder: str
    """Which encoder the vectors are of."""


class Stored(NamedTuple):
    """A passage with its page."""

    id: int
    """Of the passage."""
    passage: Passage
    """What it says."""
    title: str
    """Of its page."""
    version: str | None
    """Of its page."""
    valid_from: date | None
    """Of its page."""


class Page(NamedTuple):
    """What is known of a page without reading it."""

    digest: str
    """Of name and text."""
    root: str | None
    """The folder it was read from."""
    valid_from: date | None
    """As the page says."""
    superseded_by: str | None
    """As the page says."""


class KnowledgeStore:
    """Pages and passages of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    def pages(self) -> dict[str, Page]:
        """The pages there are, by name."""
        without_text = defer(col(DocumentRow.text))  # type: ignore[arg-type]  # it is an attribute, and typed as a column
        query = select(DocumentRow).where(DocumentRow.tenant == self._tenant).options(without_text)
        with Session(self._engine) as session:
            return {row.name: Page(row.digest, row.root, row.valid_from, row.superseded_by) for row in session.exec(query)}

    def revision(self) -> int:
        """How often pages were added, changed or removed."""
        with Session(self._engine) as session:
            row = session.get(KnowledgeRow, self._tenant)
            return row.revision if row is not None else 0

    def put(
        self,
        document: Document,
        passages: Sequence[Passage],
        vectors: Sequence[NDArray[np.float32]],
        encoder: str,
        root: str | None = None,
    ) -> None:
        """Add a page, or put it in place of what it said before; all of it or nothing.

        Args:
            document: The page.
            passages: Its passages.
            vectors: Of each passage, (1 + sentences, width) float32, rows of unit length: its own, then those of its sentences.
            encoder: Which encoder they are of.
            root: The folder it was read from.

        Raises:
            StoreError: Earlier pages were embedded by another encoder.
        """
        with Session(self._engine) as session:
            self._count(session, encoder)
            self._delete(session, document.name)
            row = DocumentRow(tenant=self._tenant, added_at=datetime.now(UTC), root=root, **document.model_dump())
            session.add(row)
            session.flush()
            assert row.id is not None  # flushed
            for passage, rows in zip(passages, vectors, strict=True):
                session.add(
                    PassageRow(
                        tenant=self._tenant,
                        document_id=row.id,
                        position=passage.position,
                        heading=passage.heading,
                        text=passage.text,
                        vectors=np.asarray(rows, dtype="<f4").tobytes(),
                        width=rows.shape[1],
                    )
                )
            session.commit()

    def remove(self, name: str) -> bool:
        """Take a page out; False where there was none."""
        with Session(self._engine) as session:
            self._count(session, None)
            if not self._delete(session, name):
                return False  # and nothing is counted: the session is not committed
            session.commit()
            return True

    def adopt(self, names: Sequence[str], root: str) -> None:
        """Keep from which folder pages are read that did not change."""
        here = (col(DocumentRow.tenant) == self._tenant, col(DocumentRow.name).in_(names))
        with Session(self._engine) as session:
            session.exec(update(DocumentRow).where(*here).values(root=root))
            session.commit()

    def passage_ids(self) -> list[int]:
        """Every passage there is."""
        with Session(self._engine) as session:
            return [
                int(found)
                for found in session.exec(select(PassageRow.id).where(PassageRow.tenant == self._tenant)).all()
                if found
            ]

    def passages(self, ids: Sequence[int]) -> dict[int, Stored]:
        """Passages by id; those that are gone are left out."""
        query = (
            select(PassageRow, DocumentRow)
            .join(DocumentRow, col(DocumentRow.id) == col(PassageRow.document_id))
            .where(PassageRow.tenant == self._tenant, col(PassageRow.id).in_(list(ids)))
        )
        with Session(self._engine) as session:
            return {int(passage.id or 0): _stored(passage, page) for passage, page in session.exec(query).all()}

    def page(self, name: str) -> list[tuple[Passage, NDArray[np.float32]]]:
        """A page's passages in their order, each with its vectors; empty where there is no such page."""
        query = (
            select(PassageRow)
            .join(DocumentRow, col(DocumentRow.id) == col(PassageRow.document_id))
            .where(DocumentRow.tenant == self._tenant, DocumentRow.name == name)
            .order_by(col(PassageRow.position))
        )
        with Session(self._engine) as session:
            return [(_said(row, name), _rows(row.vectors, row.width)) for row in session.exec(query)]

    def places(self, asked: Sequence[Asked]) -> list[int | None]:
        """The passage that says the words of each question's answer now; None where none does any more."""
        pages: dict[str, dict[int, str]] = {one.document: {} for one in asked}
        query = (
            select(PassageRow.id, PassageRow.text, DocumentRow.name)
            .join(DocumentRow, col(DocumentRow.id) == col(PassageRow.document_id))
            .where(DocumentRow.tenant == self._tenant, col(DocumentRow.name).in_(list(pages)))
        )
        with Session(self._engine) as session:
            for found, text, name in session.exec(query):
                pages[name][int(found or 0)] = text
        return [next((key for key, text in pages[one.document].items() if one.quote in text), None) for one in asked]

    def vectors(self, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """By id of the passage (1 + sentences, width): its own vector, then those of its sentences."""
        query = select(PassageRow.id, PassageRow.vectors, PassageRow.width).where(
            PassageRow.tenant == self._tenant, col(PassageRow.id).in_(list(ids))
        )
        with Session(self._engine) as session:
            return {int(found or 0): _rows(vectors, width) for found, vectors, width in session.exec(query).all()}

    def _count(self, session: Session, encoder: str | None) -> None:
        """Count a change; the first statement of a transaction, which has two writers wait for each other.

        The database adds, since two that read the same number would write the same one, and a reader that knows it miss a change.
        """
        session.execute(_COUNT, {"tenant": self._tenant, "encoder": encoder or ""})
        known = session.exec(select(KnowledgeRow.encoder).where(KnowledgeRow.tenant == self._tenant)).one()
        if encoder is not None and known != encoder:
            raise StoreError(f"knowledge was embedded by {known}, not {encoder}: `nightschool knowledge rebuild`")

    def _delete(self, session: Session, name: str) -> bool:
        row = session.exec(self._named(name)).first()
        if row is None:
            return False
        session.exec(delete(PassageRow).where(col(PassageRow.document_id) == row.id))
        session.delete(row)
        session.flush()
        return True

    def _named(self, name: str) -> Any:
        return select(DocumentRow).where(DocumentRow.tenant == self._tenant, DocumentRow.name == name)


def _stored(row: PassageRow, page: DocumentRow) -> Stored:
    return Stored(int(row.id or 0), _said(row, page.name), page.title, page.version, page.valid_from)


def _said(row: PassageRow, page: str) -> Passage:
    return Passage(document=page, heading=row.heading, text=row.text, position=row.position)


def _rows(vectors: bytes, width: int) -> NDArray[np.float32]:
    return np.frombuffer(vectors, dtype="<f4").reshape(-1, width)
