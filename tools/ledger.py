"""The ledger: one row for every write, there before the business system is called, so that no crash can hide one.

Each change of a row goes into the audit in the same transaction. A row that is being carried out belongs to one process, under a
lease: a twin with the same key waits for it or is told so, and a row whose owner is gone is taken over.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import JSON, Column, ColumnElement, DateTime, Engine, UniqueConstraint, func, or_, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import StoreError
from core.failpoints import reached
from core.owner import is_gone, this_owner
from core.types.effect import Effect
from core.types.principal import Principal
from core.types.value import Value, content_hash
from tools.audit import Audit, Link

State = Literal["pending", "done", "failed", "undone", "unknown"]
"""`pending`: the business system may or may not have done it. `failed`: it refused, nothing was changed. `unknown`: it cannot say
whether it did it, and a person has to look."""
_CLOSED = ("done", "failed", "undone")
_FORGOTTEN = "forgotten"
_ENTERED_WITHIN = timedelta(minutes=5)
"""A write is entered in the audit in the transaction that begins it, which may have to wait for another one."""
LEASE_S = 900.0
"""Longer than any write may take. It is for other machines: a process of this one that is gone is seen at once."""


class LedgerRow(SQLModel, table=True):
    """One write."""

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("tenant", "key", name="uq_ledger_tenant_key"),
        UniqueConstraint("tenant", "approval", name="uq_ledger_tenant_approval"),
    )

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
    system: str
    """Which business system it is of; nobody else can say what became of it."""
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
    owner: str | None = None
    """Who is carrying it out."""
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))
    """UTC; past it, anybody may take over."""
    approval: str | None = None
    """Id of the approval that was spent on it; one serves once."""
    said: str | None = None
    """`request_hash` of the arguments as they were said: the same words later stand for what they meant then. None where they
    were resolved before."""
    audited: bool = True
    """False of a write from before there was an audit."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class Entry(Value):
    """A row as others see it."""

    key: str
    """Idempotency key."""
    system: str
    """Which business system it is of."""
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
    approval: str | None
    """Id of the approval it was let through by; None where it needed none."""
    created_at: datetime
    """UTC."""


class Ledger:
    """Writes of one tenant."""

    def __init__(self, engine: Engine, tenant: str, audit: Audit) -> None:
        self._engine, self._tenant, self.audit = engine, tenant, audit

    def begin(
        self,
        key: str,
        tool: str,
        arguments: Mapping[str, Any],
        principal: Principal,
        system: str,
        approval: str | None = None,
        said: str | None = None,
    ) -> Entry | None:
        """Enter a write as pending: a new one, or one that has failed.

        Returns:
            The entry, which is this caller's to carry out; None where another caller was faster.

        Raises:
            StoreError: The approval was spent on another write, or ledger, audit or anchor cannot be written; then nothing may be
                done.
        """
        now = datetime.now(UTC)
        row = LedgerRow(
            tenant=self._tenant,
            key=key,
            request_hash=request_hash(tool, arguments),
            person=principal.person,
            role=principal.role,
            subject_key=principal.subject_key,
            system=system,
            tool=tool,
            arguments=dict(arguments),
            state="pending",
            owner=this_owner(),
            lease_until=now + timedelta(seconds=LEASE_S),
            approval=approval,
            said=said,
            created_at=now,
            updated_at=now,
        )
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                if not self._retaken(session, row):
                    session.add(row)
                session.flush()
                link = self._audited(session, row)
                reached("ledger.entering")
                session.commit()
        except IntegrityError:
            if self.get(key) is None:
                raise StoreError(f"approval {approval!r}: was spent on another write; ask again", code="approval_spent") from None
            return None
        except DatabaseError as error:
            raise blocked(error) from error
        reached("ledger.entered")
        try:
            self.audit.anchor(link)
        except StoreError:
            self._let_go(key)
            raise
        return self._entry(row)

    def check_same(self, entry: Entry, tool: str, arguments: Mapping[str, Any], principal: Principal, system: str) -> None:
        """Whether a key is used for what it stands for.

        Raises:
            StoreError: It stands for another request, for somebody else's, or for one to another business system.
        """
        if entry.system != system:
            raise StoreError(f"key {entry.key!r}: stands for a write to {entry.system}; use a new key", code="key_mismatch")
        if entry.detail == _FORGOTTEN:
            raise StoreError(f"key {entry.key!r}: is older than what the ledger keeps; use a new key", code="key_mismatch")
        if request_hash(entry.tool, entry.arguments) != request_hash(tool, arguments):
            raise StoreError(f"key {entry.key!r}: already stands for another request, {entry.tool}", code="key_mismatch")
        if entry.principal.person != principal.person:
            raise StoreError(f"key {entry.key!r}: stands for somebody else's request; use a new key", code="key_mismatch")

    def finish(self, key: str, state: State, effect: Effect | None = None, detail: str = "") -> None:
        """Say how a write ended.

        Raises:
            StoreError: It cannot be written; the write stays pending, and the business system is asked about it later.
        """
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                values: dict[str, Any] = {"state": state, "detail": detail, "updated_at": datetime.now(UTC)}
                values |= {"owner": None, "lease_until": None}
                if effect is not None:
                    values["effect"] = effect.model_dump(mode="json")
                session.exec(update(LedgerRow).where(*self._is(key)).values(**values))  # locks, before the audit's end is read
                row = session.exec(self._query(key)).one()
                link = self._audited(session, row)
                reached("ledger.finishing")
                session.commit()
        except DatabaseError as error:
            raise blocked(error) from error
        reached("ledger.finished")
        self.audit.anchor(link)

    def note(self, event: str, key: str, principal: Principal, body: Mapping[str, Any]) -> None:
        """Enter in the audit what changes no row: that a write was denied.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            with Session(self._engine) as session:
                # Writes nothing, but keeps other writers waiting, as the audit wants it.
                session.exec(update(LedgerRow).where(col(LedgerRow.id) == -1).values(detail=""))
                link = self.audit.enter(session, event, key, principal, body, {})
                session.commit()
        except DatabaseError as error:
            raise blocked(error) from error
        self.audit.anchor(link)

    def get(self, key: str) -> Entry | None:
        """The write a key stands for."""
        with Session(self._engine) as session:
            row = session.exec(self._query(key)).first()
            return self._entry(row) if row is not None else None

    def meant(self, key: str, said: str) -> dict[str, Any] | None:
        """What the arguments of a write were resolved to, where it was asked for in these very words; None where it was not."""
        with Session(self._engine) as session:
            row = session.exec(self._query(key)).first()
            return row.arguments if row is not None and row.said == said else None

    def pending(self, system: str) -> list[Entry]:
        """Writes to a business system that nobody knows the end of, the oldest first, those under way among them."""
        return [entry for entry in self._in_state("pending") if entry.system == system]

    def unknown(self) -> list[Entry]:
        """Writes that a person has to look after, the oldest first."""
        return self._in_state("unknown")

    def take_over(self, key: str) -> bool:
        """Claim a pending write whose owner is gone or has held it too long; whether it is this caller's now."""
        now = datetime.now(UTC)
        with Session(self._engine) as session:
            row = session.exec(self._query(key)).one()
            held = row.owner
            free = or_(col(LedgerRow.owner).is_(None), col(LedgerRow.lease_until) < now)
            if held is not None and is_gone(held):
                free = or_(free, col(LedgerRow.owner) == held)
            taken = session.exec(
                update(LedgerRow)
                .where(*self._is(key), col(LedgerRow.state) == "pending", free)
                .execution_options(synchronize_session=False)  # SQLite hands dates back without a zone: compare in the database
                .values(owner=this_owner(), lease_until=now + timedelta(seconds=LEASE_S), updated_at=now)
            )
            session.commit()
            return bool(taken.rowcount)

    def newest(self, limit: int = 20) -> list[Entry]:
        """The newest first."""
        query = select(LedgerRow).where(LedgerRow.tenant == self._tenant).order_by(col(LedgerRow.id).desc()).limit(limit)
        with Session(self._engine) as session:
            return [self._entry(row) for row in session.exec(query).all()]

    def written(self) -> list[Entry]:
        """All that was done, and what of it was undone, the oldest first; what was forgotten among it."""
        known = col(LedgerRow.state).in_(("done", "undone"))
        query = select(LedgerRow).where(LedgerRow.tenant == self._tenant, known).order_by(col(LedgerRow.id))
        with Session(self._engine) as session:
            return [self._entry(row) for row in session.exec(query).all()]

    def by_person(self, person: str, since: datetime, tools: Sequence[str]) -> list[Entry]:
        """What somebody wrote, or may have written, since a moment (UTC) with tools that one of these names; `*` stands for any
        letters."""
        with Session(self._engine) as session:
            query = select(LedgerRow).where(*self._by(person, since, tools)).order_by(col(LedgerRow.id))
            return [self._entry(row) for row in session.exec(query).all()]

    def count_by_person(self, person: str, since: datetime, tools: Sequence[str]) -> int:
        """How much of it there is."""
        with Session(self._engine) as session:
            return session.exec(select(func.count()).select_from(LedgerRow).where(*self._by(person, since, tools))).one()

    def faults(self) -> list[str]:
        """Writes that are not as the audit saw them, in words; whether the audit itself is whole, it says."""
        chain = self.audit.rows()
        last = {row.about: row for row in chain if row.event in ("pending", "done", "failed", "undone", "unknown")}
        forgotten = {row.about for row in chain if row.event == _FORGOTTEN}
        begun = {row.about: datetime.fromisoformat(row.at) for row in reversed(chain) if row.event == "pending"}
        found = []
        with Session(self._engine) as session:
            rows = {row.key: row for row in session.exec(select(LedgerRow).where(LedgerRow.tenant == self._tenant))}
        for key in sorted(last.keys() | rows.keys()):
            row, seen = rows.get(key), last.get(key)
            if row is not None and seen is None and not row.audited:
                continue
            if row is None or seen is None:
                found.append(f"write {key!r}: in the {'audit' if row is None else 'ledger'} only")
            elif row.state != seen.event:
                found.append(f"write {key!r}: {row.state} in the ledger, {seen.event} in the audit")
            elif row.detail == _FORGOTTEN and key in forgotten:
                if row.arguments or row.effect is not None:
                    found.append(f"write {key!r}: was forgotten, and holds values")
            elif not all(self.audit.holds(seen, name, value) for name, value in _values(row).items()):
                found.append(f"write {key!r}: its person, tool, arguments or effect are not those the audit saw")
            elif row.approval != seen.body.get("approval"):
                found.append(f"write {key!r}: let through by {row.approval}, in the audit by {seen.body.get('approval')}")
            elif key in begun and abs(begun[key] - _utc(row.created_at)) > _ENTERED_WITHIN:
                found.append(f"write {key!r}: begun at {_utc(row.created_at)}, in the audit at {begun[key]}")
        return found

    def forget(self, before: datetime, by: Principal, pretend: bool = False) -> int:
        """Take arguments and effects out of writes that ended before an instant; that they were, and how they ended, stays.

        Args:
            before: UTC.
            by: Who has it done.
            pretend: Only count them.

        Returns:
            How many.

        Raises:
            StoreError: It cannot be entered in the audit; what comes after stays.
        """
        due = (
            col(LedgerRow.tenant) == self._tenant,
            col(LedgerRow.state).in_(_CLOSED),
            col(LedgerRow.updated_at) < before,
            col(LedgerRow.detail) != _FORGOTTEN,
        )
        with Session(self._engine) as session:
            keys = session.exec(select(LedgerRow.key).where(*due).order_by(col(LedgerRow.id))).all()
        for key in keys if not pretend else ():
            self._forget(key, due, by)
        return len(keys)

    def _forget(self, key: str, due: tuple[ColumnElement[bool], ...], by: Principal) -> None:
        blank: dict[str, Any] = {"arguments": {}, "effect": None, "said": None, "detail": _FORGOTTEN}
        try:
            with Session(self._engine) as session:
                if not session.exec(update(LedgerRow).where(col(LedgerRow.key) == key, *due).values(**blank)).rowcount:
                    return  # it was begun again meanwhile
                link = self.audit.enter(session, _FORGOTTEN, key, by, {}, {})
                session.commit()
        except DatabaseError as error:
            raise blocked(error) from error
        self.audit.anchor(link)

    def _let_go(self, key: str) -> None:
        """Leave a write that may not be carried out to whoever asks next."""
        with Session(self._engine) as session:
            session.exec(update(LedgerRow).where(*self._is(key)).values(owner=None, lease_until=None))
            session.commit()

    def _retaken(self, session: Session, row: LedgerRow) -> bool:
        """Whether a write that had failed was there, and is this caller's now."""
        names = "person role subject_key owner lease_until approval said updated_at state effect detail"
        fields = names.split()
        failed = (*self._is(row.key), col(LedgerRow.state) == "failed", col(LedgerRow.system) == row.system)
        return bool(session.exec(update(LedgerRow).where(*failed).values({name: getattr(row, name) for name in fields})).rowcount)

    def _audited(self, session: Session, row: LedgerRow) -> Link:
        who = Principal(tenant=row.tenant, person=row.person, role=row.role)
        return self.audit.enter(session, row.state, row.key, who, {"tool": row.tool, "approval": row.approval}, _values(row))

    def _in_state(self, state: State) -> list[Entry]:
        query = select(LedgerRow).where(LedgerRow.tenant == self._tenant, LedgerRow.state == state)
        with Session(self._engine) as session:
            return [self._entry(row) for row in session.exec(query.order_by(col(LedgerRow.id))).all()]

    def _by(self, person: str, since: datetime, tools: Sequence[str]) -> Any:
        patterns = [tool.replace("_", r"\_").replace("*", "%") for tool in tools]
        return (
            col(LedgerRow.tenant) == self._tenant,
            col(LedgerRow.person) == person,
            col(LedgerRow.created_at) >= since,
            col(LedgerRow.state).in_(("pending", "done", "unknown")),
            or_(*(col(LedgerRow.tool).like(pattern, escape="\\") for pattern in patterns)),
        )

    def _is(self, key: str) -> Any:
        return (col(LedgerRow.tenant) == self._tenant, col(LedgerRow.key) == key)

    def _query(self, key: str) -> Any:
        return select(LedgerRow).where(*self._is(key))

    def _entry(self, row: LedgerRow) -> Entry:
        return Entry.model_validate(
            {
                "key": row.key,
                "system": row.system,
                "tool": row.tool,
                "arguments": row.arguments,
                "principal": Principal(tenant=row.tenant, person=row.person, role=row.role),
                "state": row.state,
                "effect": row.effect,
                "detail": row.detail,
                "approval": row.approval,
                "created_at": row.created_at,
            }
        )


def request_hash(tool: str, arguments: Mapping[str, Any]) -> str:
    """Names what is asked for, whatever the order of its arguments."""
    return content_hash([tool, dict(arguments)], length=32)


def _values(row: LedgerRow) -> dict[str, Any]:
    said = {"said": row.said} if row.said is not None else {}
    return {"request": [row.person, row.role, row.system, row.tool, row.arguments], "effect": row.effect, **said}


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite hands dates back without a zone


def derived_key(thread: str, call: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """The key of a write nobody named one for: the same call at the same place of a thread is the same write."""
    return f"{thread}/{call}/{request_hash(tool, arguments)[:8]}"


def blocked(error: DatabaseError) -> StoreError:
    """Why nothing may be done."""
    return StoreError(f"ledger and audit cannot be written, so nothing may be done: {error.orig}", code="audit")
