"""Planning: one operation over many records, made into a plan, decided by a person, and carried out row by row."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

from agents.actions import Actions
from core.errors import BadInput, ContactLost, Denied, NightschoolError, OutcomeUnknown, ToolError
from core.types.effect import Change, Effect
from core.types.principal import Principal
from core.types.value import Value
from tools.executor import Call
from tools.plans import MOST_ROWS, Plan, PlannedRow, Plans

RowState = Literal["waiting", "left out", "cannot", "under way", "done", "undone", "failed", "unknown"]
_OF_LEDGER: dict[str, RowState] = {"done": "done", "undone": "undone", "unknown": "unknown", "pending": "under way"}
_LISTED = (10, 20)
"""So many records the reads of an ERP list at most."""
_log = logging.getLogger(__name__)


class ShownRow(Value):
    """One row of the table a person sees."""

    row: int
    """Its place, from 0: what it is left out by."""
    state: RowState
    """How it stands."""
    arguments: dict[str, Any]
    """What of it differs from row to row, and what does not."""
    changes: tuple[Change, ...] = ()
    """What it would change, or changed."""
    text: str = ""
    """The result in words, or why there is none."""


class Source(Value):
    """Where a plan's records come from: a read, one row for each entry of a list in its result."""

    tool: str
    """The read."""
    arguments: dict[str, Any]
    """Of it."""
    rows: str
    """Field of the result that lists the records."""
    take: dict[str, str]
    """Arguments of the plan's tool, by the field of an entry that fills them."""


def document(plan: Plan, rows: Sequence[ShownRow]) -> dict[str, Any]:
    """A plan as JSON, with its rows as somebody may see them."""
    told = plan.model_dump(mode="json", exclude={"rows", "left_out", "owner"})
    return {**told, "size": len(plan.rows), "rows": [row.model_dump(mode="json") for row in rows]}


class Planning:
    """The plans of one business system."""

    def __init__(self, actions: Actions, plans: Plans) -> None:
        self._actions, self._plans, self._executor = actions, plans, actions.executor

    def over(self, source: Source, by: Principal) -> list[dict[str, Any]]:
        """The arguments of one row for each record that a read finds.

        Raises:
            NotFound: No such tool.
            BadInput: It writes, or its result has no such list or field.
            ToolError: An argument fits no record, or several.
        """
        if self._executor.risk(source.tool) != "read":
            raise BadInput(f"tool {source.tool!r}: writes; records come from a read")
        found = self._actions.act(source.tool, source.arguments, by).effect.result.get(source.rows)
        if not isinstance(found, list):
            raise BadInput(f"rows {source.rows!r}: {source.tool} lists nothing of that name")
        if not all(isinstance(entry, dict) for entry in found):
            raise BadInput(f"rows {source.rows!r}: {source.tool} lists single values there, not records")
        missing = [field for entry in found for field in source.take.values() if field not in entry]
        if missing:
            raise BadInput(f"field {missing[0]!r}: is not in every entry of {source.rows}")
        return [{name: entry[field] for name, field in source.take.items()} for entry in found]

    def make_over(self, tool: str, source: Source, by: Principal, why: str = "") -> Plan:
        """A plan over what a read finds, which says so where the read may have listed only its first records.

        Raises as `over` and `make` do.
        """
        rows = self.over(source, by)
        more = f"the first {len(rows)} found; there may be more" if len(rows) in _LISTED else ""
        return self.make(tool, rows, by, "; ".join(filter(None, (why, more))))

    def make(self, tool: str, rows: Sequence[Mapping[str, Any]], by: Principal, why: str = "") -> Plan:
        """Have one call for each row wait together; a row that cannot be done says why, and does not stop the others.

        Args:
            tool: What to call for each.
            rows: Its arguments, records by number or as people say them; at most 500.
            by: Who asks.
            why: What it is for.

        Raises:
            NotFound: No such tool.
            BadInput: There are no rows, or too many, or the tool changes nothing.
            ContactLost: The business system does not answer.
            StoreError: It cannot be entered in the audit.
        """
        if not 0 < len(rows) <= MOST_ROWS:
            raise BadInput(f"rows: {len(rows)}; a plan has 1 to {MOST_ROWS}")
        self._actions.known(tool)
        if self._executor.risk(tool) == "read":
            raise BadInput(f"tool {tool!r}: changes nothing; call it without a plan")
        identity = f"p-{uuid4().hex[:16]}"
        reason = f"part of plan {identity}, {len(rows)} rows{': ' + why if why else ''}"
        planned: list[PlannedRow] = []
        try:
            planned.extend(self._row(tool, said, by, identity, at, reason) for at, said in enumerate(rows))
            plan = Plan(id=identity, principal=by, system=self._executor.system, tool=tool, why=why, rows=tuple(planned))
            return self._plans.add(plan)
        except NightschoolError:
            self._withdraw(planned, by, "the plan was not made")
            raise

    def table(self, identity: str, by: Principal) -> list[ShownRow]:
        """A plan's rows as they stand, as far as this person may see them.

        Raises:
            NotFound: No such plan.
        """
        plan = self._plans.get(identity)
        return [self._shown(plan, at, by) for at in range(len(plan.rows))]

    def why_not(self, plan: Plan, by: Principal) -> str | None:
        """Why somebody may not decide about a plan; None where they may. Where nothing of it can be done, its asker may."""
        asked = self._executor.approvals.among([row.approval for row in plan.rows if row.approval])
        if not asked:
            return None if by.person == plan.principal.person else f"plan {plan.id}: nothing of it can be done"
        return next((why for one in asked if (why := self._executor.may_decide(one, by)) is not None), None)

    def approve(self, identity: str, by: Principal, left_out: Sequence[int] = ()) -> Plan:
        """Let a plan be done, without the rows that are not wanted. What fails does not stop what comes after it.

        Raises:
            NotFound: No such plan.
            BadInput: There is no row of that place.
            Denied: This person may not let one of its rows through, or it was decided otherwise before.
        """
        plan = self._plans.get(identity)
        if strange := [at for at in left_out if not 0 <= at < len(plan.rows)]:
            raise BadInput(f"row {strange[0]}: the plan has rows 0 to {len(plan.rows) - 1}")
        if (why := self.why_not(plan, by)) is not None:
            raise Denied(why)
        plan, now = self._plans.decide(identity, "approved", by, left_out, "")
        return self.run(plan) if now else plan

    def reject(self, identity: str, by: Principal, reason: str = "") -> Plan:
        """Do none of it.

        Raises:
            NotFound: No such plan.
            Denied: This person may not decide about it, or it was approved before.
        """
        plan = self._plans.get(identity)
        if by.person != plan.principal.person and (why := self.why_not(plan, by)) is not None:
            raise Denied(why)
        plan, _ = self._plans.decide(identity, "rejected", by, (), reason)
        return self.run(plan)

    def run(self, plan: Plan) -> Plan:
        """Carry out what was let through and is not done yet, in order; a plan that was interrupted goes on.

        Where the business system does not answer it stops, and goes on later; so it does where anything else stops it.
        """
        try:
            return self._carried_out(plan)
        except Exception:
            self._plans.let_go(plan)  # this process lives on, and would be taken to be at it still
            raise

    def resume(self) -> list[Plan]:
        """Go on with every plan that a crash stopped; one that fails again does not stop the others."""
        mine = [plan for plan in self._plans.unfinished() if plan.system == self._executor.system]
        resumed = []
        for plan in mine:
            try:
                if self._plans.take_over(plan):
                    resumed.append(self.run(plan))
            except Exception:
                _log.exception("plan %s could not be gone on with", plan.id)
        return resumed

    def _carried_out(self, plan: Plan) -> Plan:
        assert plan.decided_by is not None  # it was decided
        rows = list(plan.rows)
        unwanted = plan.left_out if plan.state == "approved" else range(len(rows))
        self._withdraw([rows[at] for at in unwanted], plan.decided_by, plan.reason or "left out of the plan")
        for at in plan.wanted if plan.state == "approved" else ():
            try:
                failed = self._do(plan, at, plan.decided_by)
            except ContactLost:
                self._plans.let_go(plan)
                return plan.model_copy(update={"rows": tuple(rows)})
            if failed != rows[at].failed:
                rows[at] = rows[at].model_copy(update={"failed": failed})
                self._plans.note(plan.model_copy(update={"rows": tuple(rows)}), finished=False)
        plan = plan.model_copy(update={"rows": tuple(rows), "finished": True})
        self._plans.note(plan, finished=True)
        return plan

    def _row(self, tool: str, said: Mapping[str, Any], by: Principal, plan: str, at: int, why: str) -> PlannedRow:
        try:
            arguments = self._actions.resolved(tool, said)
            call = Call(tool=tool, arguments=arguments, principal=by, key=f"{plan}/{at}")
            return PlannedRow(arguments=arguments, approval=self._executor.ask(call, why, plan=plan).id)
        except ToolError as error:
            return PlannedRow(arguments=dict(said), refused=str(error))

    def _withdraw(self, rows: Sequence[PlannedRow], by: Principal, reason: str) -> None:
        for request in self._executor.approvals.among([row.approval for row in rows if row.approval]):
            self._executor.withdraw(request.id, by, reason)

    def _do(self, plan: Plan, at: int, by: Principal) -> str:
        """Why a row was not done; empty where it was."""
        row = plan.rows[at]
        try:
            token = self._executor.approve(row.approval, by)
            self._executor.execute(plan.tool, row.arguments, plan.principal, plan.key(at), token)
        except OutcomeUnknown:
            return ""  # the ledger says so
        except ContactLost:
            raise
        except NightschoolError as error:
            return str(error)
        return ""

    def _shown(self, plan: Plan, at: int, by: Principal) -> ShownRow:
        row, entry = plan.rows[at], self._actions.ledger.get(plan.key(at))
        arguments = self._executor.seen(Effect(tool=plan.tool, result=row.arguments), by).result
        if entry is not None and entry.state in _OF_LEDGER:
            effect = self._executor.seen(entry.effect or Effect(tool=plan.tool, result={}), by)
            told = effect.reply or entry.detail
            return ShownRow(row=at, state=_OF_LEDGER[entry.state], arguments=arguments, changes=effect.changes, text=told)
        if row.refused or row.failed:
            state: RowState = "cannot" if row.refused else "failed"
            return ShownRow(row=at, state=state, arguments=arguments, text=row.refused or row.failed)
        asked = self._executor.approvals.among([row.approval])
        effect = self._executor.seen(asked[0].shown.effect if asked else Effect(tool=plan.tool, result={}), by)
        state = "left out" if at in plan.left_out or plan.state == "rejected" else "waiting"
        return ShownRow(row=at, state=state, arguments=arguments, changes=effect.changes, text=effect.reply)
