"""Proposals for a golden set: steps of real conversations that wait for people to say what is right, barred from training.

A proposal that writes needs two people who say the same, any other one. Whoever says another thing makes it disputed, until one
answer has more voices than any other.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column, DateTime, Engine, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import NotFound
from core.types.case import Case
from core.types.principal import Principal
from core.types.tool import Toolset
from core.types.value import Value, content_hash

ProposalState = Literal["proposed", "disputed", "verified", "rejected", "frozen"]


class Verdict(Value):
    """What one person says of a proposal."""

    person: str
    """Who."""
    case: Case | None
    """The case as it is right; None: not fit for an exam."""


class Proposal(Value):
    """One step that waits, or has been judged."""

    id: str
    """Content hash of the conversation before the step."""
    trace: str
    """Where it comes from."""
    stratum: str
    """What it was chosen for: a tool or a way to end, and whether it went wrong."""
    case: Case
    """The step as it was done, right or not."""
    verdicts: tuple[Verdict, ...] = ()
    """One a person, the last they gave."""
    version: int | None = None
    """Of the golden set it was frozen in."""

    def state(self, toolset: Toolset) -> ProposalState:
        """How far it is."""
        if self.version is not None:
            return "frozen"
        voices = Counter(_label(verdict.case) for verdict in self.verdicts).most_common()
        if not voices:
            return "proposed"
        (label, count), *others = voices
        if others and others[0][1] == count:
            return "disputed"
        if count < self._needed(toolset):
            return "disputed" if others else "proposed"
        return "rejected" if label == _UNFIT else "verified"

    def right(self) -> Case:
        """The case as most people say it is; of a proposal that is verified."""
        label = Counter(_label(verdict.case) for verdict in self.verdicts).most_common(1)[0][0]
        return next(verdict.case for verdict in self.verdicts if verdict.case is not None and _label(verdict.case) == label)

    def _needed(self, toolset: Toolset) -> int:
        cases = (self.case, *(verdict.case for verdict in self.verdicts if verdict.case is not None))
        called = {call.name for case in cases for call in case.expected}
        return 2 if any(name not in toolset.by_name or toolset.by_name[name].risk != "read" for name in called) else 1


_UNFIT = ""


def _label(case: Case | None) -> str:
    """Names what is right, whatever the conversation."""
    if case is None:
        return _UNFIT
    calls = sorted(content_hash([call.name, call.arguments]) for call in case.expected)
    ask = [case.ask.tool, case.ask.missing] if case.ask else None
    return content_hash([case.outcome, calls, ask])


class ProposalRow(SQLModel, table=True):
    """A stored proposal."""

    __tablename__ = "golden_proposals"
    __table_args__ = (UniqueConstraint("tenant", "toolset", "proposal", name="uq_golden_proposals_proposal"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    tenant: str
    """Whose toolset."""
    toolset: str
    """Its name."""
    proposal: str
    """`Proposal.id`."""
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The proposal as JSON."""
    subject_key: str = Field(index=True)
    """Who had it proposed."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""


class ProposalStore:
    """Proposals of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine, self._tenant = engine, tenant

    def add(self, toolset: str, proposals: Sequence[Proposal], by: Principal) -> int:
        """Keep those that are new; how many."""
        known = {proposal.id for proposal in self.all(toolset)}
        new = {proposal.id: proposal for proposal in proposals if proposal.id not in known}
        with Session(self._engine) as session:
            session.add_all(
                ProposalRow(
                    tenant=self._tenant,
                    toolset=toolset,
                    proposal=proposal.id,
                    document=proposal.model_dump(mode="json"),
                    subject_key=by.subject_key,
                    created_at=datetime.now(UTC),
                )
                for proposal in new.values()
            )
            session.commit()
        return len(new)

    def all(self, toolset: str) -> list[Proposal]:
        """In the order they came."""
        query = select(ProposalRow).where(ProposalRow.tenant == self._tenant, ProposalRow.toolset == toolset)
        with Session(self._engine) as session:
            return [Proposal.model_validate(row.document) for row in session.exec(query.order_by(col(ProposalRow.id)))]

    def get(self, toolset: str, proposal: str) -> Proposal:
        """One of them.

        Raises:
            NotFound: There is none of this id.
        """
        with Session(self._engine) as session:
            return Proposal.model_validate(self._row(session, toolset, proposal).document)

    def judge(self, toolset: str, proposal: str, case: Case | None, by: Principal) -> Proposal:
        """What somebody says is right, or None where it is not fit; what they said before is replaced.

        Raises:
            NotFound: There is none of this id.
        """
        with Session(self._engine) as session:
            row = self._row(session, toolset, proposal)
            known = Proposal.model_validate(row.document)
            others = tuple(verdict for verdict in known.verdicts if verdict.person != by.person)
            judged = known.model_copy(update={"verdicts": (*others, Verdict(person=by.person, case=case))})
            row.document = judged.model_dump(mode="json")
            session.add(row)
            session.commit()
        return judged

    def freeze(self, toolset: str, proposals: Sequence[str], version: int) -> None:
        """They are part of a golden set from now on."""
        with Session(self._engine) as session:
            for proposal in proposals:
                row = self._row(session, toolset, proposal)
                row.document = {**row.document, "version": version}
                session.add(row)
            session.commit()

    def _row(self, session: Session, toolset: str, proposal: str) -> ProposalRow:
        mine = (ProposalRow.tenant == self._tenant, ProposalRow.toolset == toolset, ProposalRow.proposal == proposal)
        row = session.exec(select(ProposalRow).where(*mine)).first()
        if row is None:
            raise NotFound(f"proposal {proposal!r}: not found; `nightschool golden list {toolset}` shows all")
        return row
