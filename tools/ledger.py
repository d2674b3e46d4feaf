"""The ledger: one row for every write, there before the business system is called, so that no crash can hide one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column, DateTime, Engine, UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import StoreError
from core.types.effect import Effect
from core.types.principal import Principal
from core.types.value import Value, content_hash

State = Literal["pending", "done", "failed", "undone"]
"""`pending`: the business system may or may not have done it. `failed`: it refused, nothing was changed."""


class LedgerRow(SQLModel, table=True):
    """One write."""

    __tablename__ = "ledger"
    __table_args__ = (UniqueConstraint("tenant", "key", name="uq_ledger_tenant_key"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    tenant: str
    """Whose system."""
    key: str
    """Idempotency key: the same key is the same write."""
    request_hash: str
    """Of tool and arguments: the same key with another request is an error."""
    person: str
    """Who asked."""
    role: str
    """As what."""
    subject_key: str = Field(index=True)
    """Under which everything about this person can be found."""
    tool: str
    """What was called."""
    arguments: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Resolved arguments."""
    state: str
    """One of `State`."""
    effect: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    """What came of it."""
    detail: str = ""
    """Why it failed."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class Entry(Value):
    """A row as others see it."""

    key: str
    """Idempotency key."""
    tool: str
    """What was called."""
    arguments: dict[str, Any]
    """With what."""
    principal: Principal
    """For whom."""
    state: State
    """How far it came."""
    effect: Effect | None
    """What came of it, once done."""
    detail: str
    """Why it failed."""


class Ledger:
    """Writes of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    def begin(self, key: str, tool: str, arguments: Mapping[str, Any], principal: Principal) -> Entry:
        """Enter a write as pending, or give back the one this key stands for.

        Raises:
            StoreError: The key stands for another request.
        """
        now, request = datetime.now(UTC), content_hash([tool, dict(arguments)], length=32)
        row = LedgerRow(
            tenant=self._tenant,
            key=key,
            request_hash=request,
            person=principal.person,
            role=principal.role,
            subject_key=principal.subject_key,
            tool=tool,
            arguments=dict(arguments),
            state="pending",
            created_at=now,
            updated_at=now,
        )
        with Session(self._engine) as session:
            session.add(row)
            try:
                session.commit()
            except IntegrityError:
                session.rollback()
                row = session.exec(self._query(key)).one()
                if row.request_hash != request:
                    raise StoreError(
                        f"key {key!r}: stands for another request, {row.tool}; use a new key", code="key_mismatch"
                    ) from None
            return self._entry(row)

    def finish(self, key: str, state: State, effect: Effect | None = None, detail: str = "") -> None:
        """Say how a write ended."""
        with Session(self._engine) as session:
            row = session.exec(self._query(key)).one()
            row.state, row.detail, row.updated_at = state, detail, datetime.now(UTC)
            row.effect = effect.model_dump(mode="json") if effect is not None else row.effect
            session.add(row)
            session.commit()

    def get(self, key: str) -> Entry | None:
        """The write a key stands for."""
        with Session(self._engine) as session:
            row = session.exec(self._query(key)).first()
            return self._entry(row) if row is not None else None

    def pending(self) -> list[Entry]:
        """Writes that nobody knows the end of, the oldest first."""
        query = select(LedgerRow).where(LedgerRow.tenant == self._tenant, LedgerRow.state == "pending")
        with Session(self._engine) as session:
            return [self._entry(row) for row in session.exec(query.order_by(col(LedgerRow.id))).all()]

    def newest(self, limit: int = 20) -> list[Entry]:
        """The newest first."""
        query = select(LedgerRow).where(LedgerRow.tenant == self._tenant).order_by(col(LedgerRow.id).desc()).limit(limit)
        with Session(self._engine) as session:
            return [self._entry(row) for row in session.exec(query).all()]

    def _query(self, key: str) -> Any:
        return select(LedgerRow).where(LedgerRow.tenant == self._tenant, LedgerRow.key == key)

    def _entry(self, row: LedgerRow) -> Entry:
        return Entry.model_validate(
            {
                "key": row.key,
                "tool": row.tool,
                "arguments": row.arguments,
                "principal": Principal(tenant=row.tenant, person=row.person, role=row.role),
                "state": row.state,
                "effect": row.effect,
                "detail": row.detail,
            }
        )
