"""TraceStore: every conversation, once, in the order it came."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, Column, ColumnElement, DateTime, Engine, Index, UniqueConstraint, delete, func, or_
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import NotFound, StoreError
from core.types.trace import CORRECTION, TEACHER, THREAD, Trace, standing

_SCHEMA_VERSION = Trace.model_fields["schema_version"].default
_BATCH = 500
_Each = TypeVar("_Each")


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
        """Store traces that are not there yet, all or none; returns how many were new.

        The same conversation is new again where there is more reason to believe it: what a teacher said and now a person did,
        what nobody confirmed and now is, what was let be and now stands as a correction.
        """
        added = 0
        rows: dict[str, Trace] = {}
        for trace in traces:
            rows.setdefault(trace.id, trace)
        with Session(self._engine) as session:
            for batch in _batches(list(rows.values())):
                mine = (TraceRow.tenant == self._tenant, col(TraceRow.id).in_([trace.id for trace in batch]))
                for row in session.exec(select(TraceRow).where(*mine)).all():
                    new = rows[row.id]
                    if standing(new.source, new.accepted) > standing(row.source, row.document.get("accepted", True)):
                        session.delete(row)
                session.flush()
                known = set(session.exec(select(TraceRow.id).where(*mine)))
                fresh = [self._row(trace) for trace in batch if trace.id not in known]
                session.add_all(fresh)
                added += len(fresh)
            session.commit()
        return added

    def all(self, toolset: str) -> Iterator[Trace]:
        """Traces of a toolset, oldest first."""
        yield from self.page(toolset, limit=None)

    def raw(self, toolset: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        """Number, id and document of every trace of a toolset, oldest first, unread: for looks at very many."""
        query = select(TraceRow.number, TraceRow.id, TraceRow.document).where(*self._of(toolset))
        with Session(self._engine) as session:
            for number, identity, document in session.exec(query.order_by(col(TraceRow.number))).yield_per(_BATCH):
                yield int(number or 0), identity, document

    def picked(self, toolset: str, numbers: Set[int], ids: Set[str] = frozenset()) -> Iterator[Trace]:
        """The traces of these numbers, and of these ids, oldest first."""
        also = select(TraceRow.number).where(*self._of(toolset))
        with Session(self._engine) as session:
            wanted = set(numbers)
            for batch in _batches(sorted(ids)):
                wanted.update(int(number or 0) for number in session.exec(also.where(col(TraceRow.id).in_(batch))))
            for part in _batches(sorted(wanted)):
                query = select(TraceRow.document).where(*self._of(toolset), col(TraceRow.number).in_(part))
                for document in session.exec(query.order_by(col(TraceRow.number))):
                    yield _read(document)

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
        return self._judged(trace_id, accepted=True)

    def refuse(self, trace_id: str) -> Trace:
        """Somebody says that a trace is wrong: from now on it does not teach.

        Raises:
            NotFound: This tenant has no such trace.
        """
        return self._judged(trace_id, accepted=False)

    def _judged(self, trace_id: str, accepted: bool) -> Trace:
        query = select(TraceRow).where(TraceRow.tenant == self._tenant, TraceRow.id == trace_id)
        with Session(self._engine) as session:
            row = session.exec(query).first()
            if row is None:
                raise NotFound(f"trace {trace_id!r}: not found; `nightschool traces list` shows what is there")
            trace = _read(row.document).model_copy(update={"accepted": accepted})
            row.document = trace.model_dump(mode="json")
            session.add(row)
            session.commit()
            return trace

    def forget(self, before: datetime, pretend: bool = False) -> int:
        """Delete traces of work with this service recorded before an instant (UTC), or only count them; returns how many.

        What was imported was put there to be learned, and stays.
        """
        of_the_day = or_(*(col(TraceRow.source).startswith(begins) for begins in (THREAD, CORRECTION, TEACHER)))
        due = (col(TraceRow.tenant) == self._tenant, col(TraceRow.created_at) < before, of_the_day)
        with Session(self._engine) as session:
            if pretend:
                return session.exec(select(func.count()).select_from(TraceRow).where(*due)).one()
            gone = session.exec(delete(TraceRow).where(*due)).rowcount
            session.commit()
        return gone

    def _of(self, toolset: str) -> tuple[ColumnElement[bool], ...]:
        return (col(TraceRow.tenant) == self._tenant, col(TraceRow.toolset) == toolset)

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


def _batches(values: Sequence[_Each]) -> Iterator[Sequence[_Each]]:
    """As many at once as a query may name."""
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))


def _read(document: Mapping[Any, Any]) -> Trace:
    if document.get("schema_version", 1) > _SCHEMA_VERSION:
        raise StoreError(f"a trace has schema version {document['schema_version']}, this code reads {_SCHEMA_VERSION}: upgrade")
    return Trace.model_validate(document)
