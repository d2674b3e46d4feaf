"""TraceStore: every conversation, once, in the order it came."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Engine, Index, UniqueConstraint, delete, func, or_
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import NotFound, StoreError
from core.types.trace import CORRECTION, THREAD, Trace

_SCHEMA_VERSION = Trace.model_fields["schema_version"].default
_BATCH = 500


class TraceRow(SQLModel, table=True):
    """A stored trace; the document is the trace, the columns are for finding it."""

    __tablename__ = "traces"
    __table_args__ = (
        UniqueConstraint("tenant", "id", name="uq_traces_tenant_id"),
        Index("ix_traces_tenant_toolset", "tenant", "toolset"),
    )

    number: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    id: str
    """`Trace.id`, unique within the tenant."""
    tenant: str
    """Whose it is."""
    person: str
    """Who asked; empty for imported traces."""
    subject_key: str = Field(index=True)
    """`Principal.subject_key`, to find and forget."""
    toolset: str
    """Which tools were at hand."""
    outcome: str | None
    """As labelled."""
    source: str
    """Where it came from."""
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The trace as JSON."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class TraceStore:
    """Traces of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    def add(self, traces: Iterable[Trace]) -> int:
        """Store traces that are not there yet, all or none; returns how many were new."""
        added = 0
        with Session(self._engine) as session:
            known = set(session.exec(select(TraceRow.id).where(TraceRow.tenant == self._tenant)))
            for trace in traces:
                if trace.id not in known:
                    known.add(trace.id)
                    session.add(self._row(trace))
                    added += 1
            session.commit()
        return added

    def all(self, toolset: str) -> Iterator[Trace]:
        """Traces of a toolset, oldest first."""
        yield from self.page(toolset, limit=None)

    def page(self, toolset: str | None = None, limit: int | None = 50, offset: int = 0) -> Iterator[Trace]:
        """Traces, oldest first."""
        query = select(TraceRow.document).where(TraceRow.tenant == self._tenant).order_by(col(TraceRow.number))
        if toolset is not None:
            query = query.where(TraceRow.toolset == toolset)
        with Session(self._engine) as session:
            for document in session.exec(query.offset(offset).limit(limit)).yield_per(_BATCH):
                yield _read(document)

    def count(self, toolset: str | None = None) -> int:
        """How many traces there are."""
        query = select(func.count()).select_from(TraceRow).where(TraceRow.tenant == self._tenant)
        if toolset is not None:
            query = query.where(TraceRow.toolset == toolset)
        with Session(self._engine) as session:
            return session.exec(query).one()

    def get(self, trace_id: str) -> Trace:
        """One trace.

        Raises:
            NotFound: This tenant has no such trace.
        """
        query = select(TraceRow.document).where(TraceRow.tenant == self._tenant, TraceRow.id == trace_id)
        with Session(self._engine) as session:
            document = session.exec(query).first()
        if document is None:
            raise NotFound(f"trace {trace_id!r}: not found; `nightschool traces list` shows what is there")
        return _read(document)

    def corrections(self, toolset: str, limit: int = 200) -> Iterator[Trace]:
        """Traces that put a turn right, the newest first."""
        query = select(TraceRow.document).where(
            TraceRow.tenant == self._tenant, TraceRow.toolset == toolset, col(TraceRow.source).startswith(CORRECTION)
        )
        with Session(self._engine) as session:
            for document in session.exec(query.order_by(col(TraceRow.number).desc()).limit(limit)):
                yield _read(document)

    def accept(self, trace_id: str) -> Trace:
        """Somebody says that a trace is right: from now on it teaches. Accepting it again changes nothing.

        Raises:
            NotFound: This tenant has no such trace.
        """
        query = select(TraceRow).where(TraceRow.tenant == self._tenant, TraceRow.id == trace_id)
        with Session(self._engine) as session:
            row = session.exec(query).first()
            if row is None:
                raise NotFound(f"trace {trace_id!r}: not found; `nightschool traces list` shows what is there")
            trace = _read(row.document).model_copy(update={"accepted": True})
            row.document = trace.model_dump(mode="json")
            session.add(row)
            session.commit()
            return trace

    def forget(self, before: datetime, pretend: bool = False) -> int:
        """Delete traces of work with this service recorded before an instant (UTC), or only count them; returns how many.

        What was imported was put there to be learned, and stays.
        """
        of_the_day = or_(col(TraceRow.source).startswith(THREAD), col(TraceRow.source).startswith(CORRECTION))
        due = (col(TraceRow.tenant) == self._tenant, col(TraceRow.created_at) < before, of_the_day)
        with Session(self._engine) as session:
            if pretend:
                return session.exec(select(func.count()).select_from(TraceRow).where(*due)).one()
            gone = session.exec(delete(TraceRow).where(*due)).rowcount
            session.commit()
        return gone

    def _row(self, trace: Trace) -> TraceRow:
        if trace.principal.tenant != self._tenant:
            raise StoreError(f"trace {trace.id} belongs to tenant {trace.principal.tenant!r}, not {self._tenant!r}")
        return TraceRow(
            id=trace.id,
            tenant=self._tenant,
            person=trace.principal.person,
            subject_key=trace.principal.subject_key,
            toolset=trace.toolset,
            outcome=trace.outcome,
            source=trace.source,
            document=trace.model_dump(mode="json"),
            created_at=trace.created_at,
        )


def _read(document: Mapping[Any, Any]) -> Trace:
    if document.get("schema_version", 1) > _SCHEMA_VERSION:
        raise StoreError(f"a trace has schema version {document['schema_version']}, this code reads {_SCHEMA_VERSION}: upgrade")
    return Trace.model_validate(document)
