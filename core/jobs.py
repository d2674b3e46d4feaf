"""Leased jobs: one worker at a time does a piece of work, and a dead worker's lease runs out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, ColumnElement, DateTime, Engine, UniqueConstraint, and_, or_, update
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import StoreError
from core.owner import is_gone, this_owner
from core.types.principal import Principal

LEASE_S = 60.0
_BEAT_S = 15.0


class JobRow(SQLModel, table=True):
    """A piece of work and who has it."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("tenant", "kind", "key", name="uq_jobs_tenant_kind_key"),)

    id: int | None = Field(default=None, primary_key=True)
    """Number."""
    tenant: str
    """Whose work."""
    subject_key: str
    """Who ordered it."""
    kind: str
    """What sort of work: `night`."""
    key: str
    """Which piece; unique with tenant and kind."""
    state: str
    """`running`, `done` or `failed`."""
    attempt: int
    """How often it was begun."""
    owner: str | None
    """Host, process and thread that hold the lease."""
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))
    """UTC; past it, anybody may take over."""
    detail: str = ""
    """Why it failed."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class JobStore:
    """Jobs of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    @contextmanager
    def hold(self, kind: str, key: str, principal: Principal) -> Iterator[None]:
        """Hold the lease of a piece of work while the block runs; renewed in the background.

        Raises:
            StoreError: Another living worker holds it.
        """
        owner = this_owner()
        self._take(kind, key, owner, principal)
        stop = threading.Event()
        beat = threading.Thread(target=self._renew, args=(kind, key, owner, stop), daemon=True)
        beat.start()
        try:
            yield
        except BaseException as error:
            self._finish(kind, key, owner, "failed", repr(error)[:500])
            raise
        else:
            self._finish(kind, key, owner, "done", "")
        finally:
            stop.set()
            beat.join()

    def _take(self, kind: str, key: str, owner: str, principal: Principal) -> None:
        now = datetime.now(UTC)
        with Session(self._engine) as session:
            row = JobRow(
                tenant=self._tenant,
                subject_key=principal.subject_key,
                kind=kind,
                key=key,
                state="running",
                attempt=1,
                owner=owner,
                lease_until=now + timedelta(seconds=LEASE_S),
                created_at=now,
            )
            session.add(row)
            try:
                session.commit()
                return
            except IntegrityError:
                session.rollback()
            holder = session.exec(select(JobRow).where(self._which(kind, key))).one()
            if holder.owner and is_gone(holder.owner):
                session.exec(
                    update(JobRow).where(self._which(kind, key), col(JobRow.owner) == holder.owner).values(lease_until=None)
                )
            free = or_(col(JobRow.state) != "running", col(JobRow.lease_until).is_(None), col(JobRow.lease_until) < now)
            taken = session.exec(
                update(JobRow)
                .where(self._which(kind, key), free)
                .execution_options(synchronize_session=False)  # SQLite hands dates back without a zone: compare in the database
                .values(state="running", owner=owner, lease_until=now + timedelta(seconds=LEASE_S), attempt=JobRow.attempt + 1)
            )
            session.commit()
            if taken.rowcount != 1:
                raise StoreError(f"{kind} {key} is being worked on by {holder.owner}; wait or stop it", code="busy")

    def _renew(self, kind: str, key: str, owner: str, stop: threading.Event) -> None:
        while not stop.wait(_BEAT_S):
            until = datetime.now(UTC) + timedelta(seconds=LEASE_S)
            # a database that is busy or away for a moment: the next beat comes before the lease runs out
            with suppress(OperationalError, InterfaceError), Session(self._engine) as session:
                session.exec(update(JobRow).where(self._which(kind, key), col(JobRow.owner) == owner).values(lease_until=until))
                session.commit()

    def _finish(self, kind: str, key: str, owner: str, state: str, detail: str) -> None:
        with Session(self._engine) as session:
            done = update(JobRow).where(self._which(kind, key), col(JobRow.owner) == owner)
            session.exec(done.values(state=state, lease_until=None, detail=detail))
            session.commit()

    def _which(self, kind: str, key: str) -> ColumnElement[bool]:
        return and_(col(JobRow.tenant) == self._tenant, col(JobRow.kind) == kind, col(JobRow.key) == key)
