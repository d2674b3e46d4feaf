"""The counter: where business systems and people hand in single calls; opened when first asked for."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from agents.actions import Acted, Actions
from agents.home import Home
from agents.planning import Planning, ShownRow, Source
from agents.retention import forget
from core.errors import ContactLost, NotFound
from core.types.effect import Effect
from core.types.principal import Principal
from tools.approvals import Request
from tools.ledger import Entry
from tools.plans import Plan


class Counter:
    """`Actions` of one home for many threads; a caller sees what they asked for themselves or may decide."""

    def __init__(self, home: Home) -> None:
        self._home, self.tenant = home, home.settings.tenant
        self._opened: Actions | None = None
        self._lock = threading.Lock()

    def act(self, tool: str, arguments: Mapping[str, Any], by: Principal, key: str | None, dry_run: bool) -> Acted:
        """See `Actions.act`."""
        return self._actions().act(tool, arguments, by, key, dry_run)

    def entry(self, key: str, by: Principal) -> Entry:
        """What became of a write, as far as this person may see it; another's write is not found.

        Raises:
            NotFound: No write of theirs has this key.
        """
        actions = self._actions()
        entry = actions.entry(key)
        if entry.principal.person != by.person:
            raise NotFound(f"action {key!r}: not in the ledger")
        return entry.model_copy(update={"effect": actions.executor.seen(entry.effect, by) if entry.effect else None})

    def waiting(self, by: Principal) -> list[Request]:
        """What waits and concerns this person."""
        return [self._seen(request, by) for request in self._waiting() if self._concerns(request, by)]

    def to_decide(self, by: Principal) -> list[Request]:
        """What waits for this person's decision."""
        may = self._actions().executor.may_decide
        return [self._seen(request, by) for request in self._waiting() if may(request, by) is None]

    def request(self, identity: str, by: Principal) -> Request:
        """What waits, or waited, under an id.

        Raises:
            NotFound: Nothing that concerns this person.
        """
        request = self._home.approvals.get(identity)
        if not self._actions().executor.owns(request) or not self._concerns(request, by):
            raise NotFound(f"approval {identity!r}: there is none")
        return self._seen(request, by)

    def approve(self, identity: str, by: Principal) -> Acted:
        """See `Actions.approve`."""
        return self._actions().approve(identity, by)

    def reject(self, identity: str, by: Principal, reason: str) -> Request:
        """See `Executor.reject`; as far as this person may see it."""
        return self._seen(self._actions().executor.reject(identity, by, reason), by)

    def plan(self, tool: str, rows: Sequence[Mapping[str, Any]] | Source, by: Principal, why: str) -> Plan:
        """See `Planning.make`; a source is read first."""
        planning = self._planning()
        return planning.make_over(tool, rows, by, why) if isinstance(rows, Source) else planning.make(tool, rows, by, why)

    def plans(self, by: Principal) -> list[Plan]:
        """Plans that concern this person, the newest first: all that wait, and the newest others."""
        waiting, newest = self._home.plans.waiting(), self._home.plans.newest()
        known = {plan.id: plan for plan in (*newest, *reversed(waiting))}
        return [plan for plan in known.values() if self._is_of(plan, by)]

    def plans_to_decide(self, by: Principal) -> list[tuple[Plan, list[ShownRow]]]:
        """What waits for this person's decision, with its table."""
        planning, system = self._planning(), self._actions().executor.system
        waiting = [plan for plan in self._home.plans.waiting() if plan.system == system]
        return [(plan, planning.table(plan.id, by)) for plan in waiting if planning.why_not(plan, by) is None]

    def plan_table(self, identity: str, by: Principal) -> tuple[Plan, list[ShownRow]]:
        """A plan and its rows as they stand.

        Raises:
            NotFound: No plan that concerns this person.
        """
        return self._plan(identity, by), self._planning().table(identity, by)

    def decide_plan(self, identity: str, by: Principal, approve: bool, left_out: Sequence[int], reason: str) -> None:
        """See `Planning.approve` and `Planning.reject`."""
        planning = self._planning()
        self._plan(identity, by)
        if approve:
            planning.approve(identity, by, left_out)
        else:
            planning.reject(identity, by, reason)

    def catch_up(self) -> list[Entry]:
        """After a crash: see `Executor.reconcile` and `Planning.resume`; nothing where there is no business system yet."""
        try:
            closed = self._actions().executor.reconcile()
        except (NotFound, ContactLost):
            return []
        with suppress(ContactLost):
            self._planning().resume()
        return closed

    def forget(self) -> dict[str, int]:
        """See `agents.retention.forget`."""
        return forget(self._home, datetime.now(UTC))

    def close(self) -> None:
        """Let go of the business system."""
        if self._opened is not None:
            self._opened.close()

    def _actions(self) -> Actions:
        with self._lock:
            if self._opened is None:
                self._opened = Actions(self._home)
            return self._opened

    def _planning(self) -> Planning:
        return Planning(self._actions(), self._home.plans)

    def _plan(self, identity: str, by: Principal) -> Plan:
        plan = self._home.plans.get(identity)
        if not self._is_of(plan, by):
            raise NotFound(f"plan {identity!r}: there is none")
        return plan

    def _is_of(self, plan: Plan, by: Principal) -> bool:
        if plan.system != self._actions().executor.system:
            return False
        return plan.principal.person == by.person or self._planning().why_not(plan, by) is None

    def _waiting(self) -> list[Request]:
        """What waits by itself; the rows of a plan wait with it."""
        owns = self._actions().executor.owns
        return [request for request in self._home.approvals.waiting() if owns(request) and not request.shown.plan]

    def _concerns(self, request: Request, by: Principal) -> bool:
        return request.principal.person == by.person or self._actions().executor.may_decide(request, by) is None

    def _seen(self, request: Request, by: Principal) -> Request:
        seen = self._actions().executor.seen
        told = seen(Effect(tool=request.tool, result=request.arguments), by)
        shown = request.shown.model_copy(update={"effect": seen(request.shown.effect, by)})
        return request.model_copy(update={"shown": shown, "arguments": told.result})
