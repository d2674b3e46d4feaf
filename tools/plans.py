"""Plans: one operation over many records, shown as one table and decided once, with rows left out as the person wishes.

A plan holds no right of its own: each row is a call that waits, is approved, spent and entered as any other
(`tools/approvals.py`, `tools/ledger.py`), under a key that names plan and row. So a plan that was interrupted goes on where it
was.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column, DateTime, Engine, UniqueConstraint, delete, update
from sqlalchemy.exc import DatabaseError
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import Denied, NotFound
from core.owner import is_gone, this_owner
from core.types.principal import Principal
from core.types.value import Value
from tools.audit import Audit
from tools.ledger import blocked

Decided = Literal["waiting", "approved", "rejected"]
MOST_ROWS = 500


class PlanRow(SQLModel, table=True):
    """One plan."""

    __tablename__ = "plans"
    __table_args__ = (UniqueConstraint("tenant", "plan", name="uq_plans_tenant_plan"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    tenant: str
    """Whose system."""
    plan: str
    """Its public id."""
    system: str
    """Which business system it is of."""
    person: str
    """Who asks."""
    role: str
    """As what."""
    subject_key: str = Field(index=True)
    """Under which everything about this person can be found."""
    tool: str
    """What is to be called for each row."""
    why: str
    """What it is for, in words."""
    rows: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    """`PlannedRow`s."""
    state: str
    """One of `Decided`."""
    left_out: list[int] = Field(sa_column=Column(JSON, nullable=False))
    """Rows the person who decided did not want, by place."""
    decided_by: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Who decided, as a principal; empty while it waits."""
    reason: str = ""
    """Why, in their words."""
    finished: bool = False
    """Whether every row that was let through was tried."""
    owner: str = ""
    """Who carries it out."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class PlannedRow(Value):
    """One record's part of a plan."""

    arguments: dict[str, Any]
    """Resolved; as said where that failed."""
    approval: str = ""
    """What waits for it; empty where it cannot be done."""
    refused: str = ""
    """Why it cannot be done; found when the plan was made."""
    failed: str = ""
    """Why it was not done; found when it was tried."""


class Plan(Value):
    """One operation over many records."""

    id: str
    """Its public id."""
    principal: Principal
    """Who asks."""
    system: str
    """Which business system it is of."""
    tool: str
    """What is called for each row."""
    why: str
    """What it is for."""
    rows: tuple[PlannedRow, ...]
    """In the order they are done."""
    state: Decided = "waiting"
    """Whether it still waits."""
    left_out: tuple[int, ...] = ()
    """Rows that are not wanted, by place."""
    decided_by: Principal | None = None
    """Who decided."""
    reason: str = ""
    """Why, in their words."""
    finished: bool = False
    """Whether every row that was let through was tried."""
    owner: str = ""
    """The process that carries it out."""

    def key(self, row: int) -> str:
        """The idempotency key of a row's write."""
        return f"{self.id}/{row}"

    @property
    def wanted(self) -> tuple[int, ...]:
        """Rows that can be done and were not left out, by place."""
        return tuple(at for at, row in enumerate(self.rows) if row.approval and at not in self.left_out)


class Plans:
    """The plans of one tenant."""

    def __init__(self, engine: Engine, tenant: str, audit: Audit) -> None:
        self._engine, self._tenant, self._audit = engine, tenant, audit

    def add(self, plan: Plan) -> Plan:
        """Have a plan wait.

        Raises:
            StoreError: It cannot be entered in the audit.
        """
        who = plan.principal
        row = PlanRow(
            tenant=self._tenant,
            plan=plan.id,
            system=plan.system,
            person=who.person,
            role=who.role,
            subject_key=who.subject_key,
            tool=plan.tool,
            why=plan.why,
            rows=_dumped(plan.rows),
            state="waiting",
            left_out=[],
            decided_by={},
            created_at=datetime.now(UTC),
        )
        try:
            with Session(self._engine) as session:
                session.add(row)
                body = {"tool": plan.tool, "rows": len(plan.rows)}
                link = self._audit.enter(session, "planned", plan.id, who, body, {"why": plan.why})
                session.commit()
        except DatabaseError as error:
            raise blocked(error) from error
        self._audit.anchor(link)
        return plan

    def get(self, identity: str) -> Plan:
        """A plan by its id.

        Raises:
            NotFound: There is none.
        """
        with Session(self._engine) as session:
            row = session.exec(self._query().where(PlanRow.plan == identity)).first()
            if row is None:
                raise NotFound(f"plan {identity!r}: there is none; `nightschool plans list` shows what waits")
            return _plan(row)

    def newest(self, limit: int = 20) -> list[Plan]:
        """The newest first."""
        with Session(self._engine) as session:
            return [_plan(row) for row in session.exec(self._query().order_by(col(PlanRow.id).desc()).limit(limit)).all()]

    def waiting(self) -> list[Plan]:
        """What waits, the oldest first."""
        return self._all(self._query().where(PlanRow.state == "waiting"))

    def unfinished(self) -> list[Plan]:
        """Decided, not at its end, and nobody is at it: it was stopped."""
        found = self._all(self._query().where(PlanRow.state != "waiting", col(PlanRow.finished).is_(False)))
        return [plan for plan in found if not plan.owner or is_gone(plan.owner)]

    def let_go(self, plan: Plan) -> None:
        """Leave it to whoever goes on with it."""
        mine = (col(PlanRow.tenant) == self._tenant, col(PlanRow.plan) == plan.id)
        with Session(self._engine) as session:
            session.exec(update(PlanRow).where(*mine).values(owner=""))
            session.commit()

    def take_over(self, plan: Plan) -> bool:
        """Be the one who goes on with it; False where another was faster."""
        mine = (col(PlanRow.tenant) == self._tenant, col(PlanRow.plan) == plan.id, col(PlanRow.owner) == plan.owner)
        with Session(self._engine) as session:
            taken = session.exec(update(PlanRow).where(*mine).values(owner=this_owner())).rowcount
            session.commit()
        return bool(taken)

    def decide(
        self, identity: str, state: Literal["approved", "rejected"], by: Principal, left_out: Sequence[int], reason: str
    ) -> tuple[Plan, bool]:
        """Enter what a person decided, once; the same decision again changes nothing.

        Returns:
            The plan, and whether it was decided now and not before.

        Raises:
            NotFound: There is no such plan.
            Denied: It was decided otherwise before.
            StoreError: It cannot be entered in the audit.
        """
        decided = {
            "state": state,
            "left_out": sorted(set(left_out)),
            "decided_by": by.model_dump(mode="json"),
            "reason": reason,
            "owner": this_owner(),
        }
        waits = (col(PlanRow.tenant) == self._tenant, col(PlanRow.plan) == identity, col(PlanRow.state) == "waiting")
        now = False
        try:
            with Session(self._engine) as session:
                if session.exec(update(PlanRow).where(*waits).values(**decided)).rowcount:
                    now = True
                    body = {"left_out": len(set(left_out))}
                    link = self._audit.enter(session, f"plan {state}", identity, by, body, {"reason": reason})
                    session.commit()
                    self._audit.anchor(link)
        except DatabaseError as error:
            raise blocked(error) from error
        plan = self.get(identity)
        if plan.state != state or (state == "approved" and set(plan.left_out) != set(left_out)):
            who = plan.decided_by.person if plan.decided_by is not None else "nobody"
            raise Denied(f"plan {identity!r}: was {plan.state} by {who}, with {len(plan.left_out)} rows left out")
        return plan, now

    def note(self, plan: Plan, finished: bool) -> None:
        """Keep how its rows ended."""
        mine = (col(PlanRow.tenant) == self._tenant, col(PlanRow.plan) == plan.id)
        with Session(self._engine) as session:
            session.exec(update(PlanRow).where(*mine).values(rows=_dumped(plan.rows), finished=finished))
            session.commit()

    def forget(self, before: datetime, pretend: bool = False) -> int:
        """Delete plans at their end that were made before an instant (UTC), or only count them; returns how many."""
        due = (col(PlanRow.tenant) == self._tenant, col(PlanRow.finished).is_(True), col(PlanRow.created_at) < before)
        with Session(self._engine) as session:
            if pretend:
                return len(session.exec(select(PlanRow.id).where(*due)).all())
            gone = session.exec(delete(PlanRow).where(*due)).rowcount
            session.commit()
        return gone

    def _all(self, query: Any) -> list[Plan]:
        with Session(self._engine) as session:
            return [_plan(row) for row in session.exec(query.order_by(col(PlanRow.id))).all()]

    def _query(self) -> Any:
        return select(PlanRow).where(PlanRow.tenant == self._tenant)


def _dumped(rows: Sequence[PlannedRow]) -> list[dict[str, Any]]:
    return [row.model_dump(mode="json") for row in rows]


def _plan(row: PlanRow) -> Plan:
    return Plan.model_validate(
        {
            "id": row.plan,
            "principal": Principal(tenant=row.tenant, person=row.person, role=row.role),
            "system": row.system,
            "tool": row.tool,
            "why": row.why,
            "rows": row.rows,
            "state": row.state,
            "left_out": row.left_out,
            "decided_by": row.decided_by or None,
            "reason": row.reason,
            "finished": row.finished,
            "owner": row.owner,
        }
    )
