"""The audit sample: of what people accepted, a few turns by lot are judged anew by somebody who is not shown what was done.

People who approve all day approve too much. What share of acceptances is false is estimated every night from this sample, which
no model and nobody's interest has chosen; what it finds wrong does not teach.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Column, DateTime, Engine, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import BadInput
from core.types.case import Case, cases_of
from core.types.principal import Principal
from core.types.tool import Toolset
from core.types.trace import Trace
from core.types.value import Value
from evals.intervals import Rate, rate
from evals.scorers.exact import calls_equal
from finetune.harvest import harvest_one
from tools.validate import argument_error

SHARE = 0.02
"""Of the accepted turns of the day."""
OTHERWISE = "judged otherwise in the audit sample"
_LOTS = 2**48


class AuditRow(SQLModel, table=True):
    """One turn as it was judged anew."""

    __tablename__ = "audit_sample"
    __table_args__ = (UniqueConstraint("tenant", "trace", name="uq_audit_sample_trace"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    tenant: str
    """Whose."""
    toolset: str
    """Which tools were at hand."""
    trace: str
    """What was judged."""
    right: bool
    """Whether what was done is what the judge says is right."""
    subject_key: str = Field(index=True)
    """Who judged."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class Drawn(NamedTuple):
    """A turn that waits for a judge."""

    trace: str
    """Its id."""
    case: Case
    """The step as it was done; a judge is shown its messages only."""


class Audit(Value):
    """What the sample says."""

    waiting: int
    """Turns drawn that nobody has judged."""
    false: Rate
    """Share of the judged ones that should not have been accepted."""

    def __str__(self) -> str:
        judged = f"{round(self.false.rate * self.false.n)} of {self.false.n} accepted turns that were judged anew were wrong"
        return f"{judged}, {self.false.rate:.0%} [{self.false.low:.0%}, {self.false.high:.0%}]; {self.waiting} wait to be judged"


class AuditSample:
    """The audit sample of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    def verdicts(self, toolset: str) -> dict[str, bool]:
        """Whether what was done was right, by trace id."""
        query = select(AuditRow).where(AuditRow.tenant == self._tenant, AuditRow.toolset == toolset)
        with Session(self._engine) as session:
            return {row.trace: row.right for row in session.exec(query.order_by(col(AuditRow.id)))}

    def waiting(self, traces: Iterable[Trace], toolset: Toolset) -> list[Drawn]:
        """Turns drawn of these that nobody has judged, in their order."""
        known = self.verdicts(toolset.name)
        found = (_drawn(trace, toolset) for trace in traces if trace.id not in known)
        return [drawn for drawn in found if drawn is not None]

    def judge(self, trace: Trace, toolset: Toolset, right: Case, by: Principal) -> bool:
        """Somebody says what is right, not having seen what was done; whether it was that.

        Raises:
            BadInput: The turn was not drawn, or is judged already: a second look would not be blind; or what is said to be right
                is none of the ways a step can be.
        """
        _check(right, toolset)
        drawn = _drawn(trace, toolset)
        if drawn is None:
            raise BadInput(f"trace {trace.id!r} is not in the audit sample of {toolset.name!r}: `harvest sample` lists what is")
        if trace.id in self.verdicts(toolset.name):
            raise BadInput(f"trace {trace.id!r} is judged already, and what came of it was told: a second look is not blind")
        was_right = _same(drawn.case, right, toolset)
        row = AuditRow(
            tenant=self._tenant,
            toolset=toolset.name,
            trace=trace.id,
            right=was_right,
            subject_key=by.subject_key,
            created_at=datetime.now(UTC),
        )
        with Session(self._engine) as session:
            session.add(row)
            session.commit()
        return was_right

    def estimate(self, traces: Iterable[Trace], toolset: Toolset) -> Audit:
        """What share of acceptances is false, as far as the sample has been judged."""
        verdicts = list(self.verdicts(toolset.name).values())
        waiting = len(self.waiting(traces, toolset))
        return Audit(waiting=waiting, false=rate([not right for right in verdicts], [None] * len(verdicts)))

    def found_wrong(self, toolset: str) -> dict[str, str]:
        """Why a trace does not teach, by its id."""
        return {trace: OTHERWISE for trace, right in self.verdicts(toolset).items() if not right}


def _drawn(trace: Trace, toolset: Toolset) -> Drawn | None:
    """The step straight after the last request of a trace; None where the lot did not fall on it, or the step cannot be judged.

    Before any later step stands what was done.
    """
    drawn = trace.is_of_the_day and not trace.is_correction and trace.accepted and _lot(trace.id) < SHARE * _LOTS
    if trace.toolset != toolset.name or not drawn:
        return None
    example = harvest_one(trace)
    if example is None:
        return None
    asked = max((at for at, message in enumerate(trace.messages) if message.role == "user"), default=0)
    known = [case for case in cases_of(example, toolset) if all(call.name in toolset.by_name for call in case.expected)]
    case = next((case for case in known if len(case.messages) == asked + 1), None)
    return Drawn(trace.id, case) if case is not None else None


def _check(right: Case, toolset: Toolset) -> None:
    """A slip of the judge's would count as one of who accepted."""
    if right.outcome is None and not right.expected:
        raise BadInput("the case says neither expected calls nor an outcome: ask, knowledge, none or done")
    if right.outcome == "ask" and right.ask is None:
        raise BadInput("the case asks, and does not say for what: ask: {tool, missing}")
    for call in right.expected:
        tool = toolset.by_name.get(call.name)
        problem = argument_error(tool, call.arguments, True) if tool else "is none of the tools"
        if problem:
            raise BadInput(f"{call.name}: {problem}")


def _same(done: Case, right: Case, toolset: Toolset) -> bool:
    asks = [case.ask and (case.ask.tool, case.ask.missing) for case in (done, right)]
    outcome = right.outcome or ("calls" if right.expected else None)
    return done.outcome == outcome and calls_equal(right.expected, done.expected, toolset) and asks[0] == asks[1]


def _lot(identity: str) -> int:
    return int.from_bytes(blake2b(f"audit {identity}".encode(), digest_size=6).digest())
