"""The write path: every call of a tool goes through here, every write by policy and with a ledger row.

A read goes to the business system if policy lets it, and comes back without what is hidden from who asks. A write is proposed
(dry run) and judged by policy; where a person has to let it through, only a token of theirs opens the way. Then it is entered as
pending, in ledger and audit at once, carried out under its idempotency key, checked by its effect, and entered as done. After a
crash, or where the system did not answer, it is asked by key before anything is done again; what it cannot say stays unknown.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from core.errors import ApprovalNeeded, ContactLost, Denied, NotFound, OutcomeUnknown, StoreError, ToolError
from core.failpoints import reached
from core.types.effect import Change, Effect
from core.types.principal import Principal
from core.types.tool import Risk
from core.types.value import Value
from tools.approvals import Approval, Approvals, Request, Shown, diff_hash
from tools.ledger import Entry, Ledger, State, request_hash
from tools.policy import Decision, Policy, Proposal
from tools.trust import CLEAN, Taint, Trust

PATIENCE_S = 10.0
"""So long a twin is waited for that carries out the same write."""
_POLL_S = 0.02


class BackEnd(Protocol):
    """A business system that does a call once for each key."""

    @property
    def system(self) -> str:
        """Its name; it is asked about its own writes only."""
        ...

    def conclusive(self, tool: str) -> bool:
        """Whether a call of this tool that `find` does not find was surely never done."""
        ...

    def risk(self, tool: str) -> Risk:
        """What a wrong call costs; ToolError for a tool it has not."""
        ...

    def trust(self, tool: str) -> Mapping[str, Trust]:
        """How far each field of a result is trusted, by dotted path; nothing of a tool it has not."""
        ...

    def schema_hash(self, tool: str) -> str:
        """Of the tool as it is now; ToolError for one it has not."""
        ...

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        """Dry run; ToolError where a rule would be broken."""
        ...

    def execute(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        """Do it, or give back what this key did before; ToolError where a rule is broken, and then nothing was changed;
        ContactLost where it may or may not have been done."""
        ...

    def find(self, key: str, tool: str, arguments: Mapping[str, Any]) -> Effect | None:
        """What a call did under its key, finished where it was only begun; None where it did nothing.
        ContactLost where the system does not answer."""
        ...

    def shows(self, changes: tuple[Change, ...]) -> bool:
        """Whether the system is as these changes left it."""
        ...

    def undo(self, key: str, tool: str, arguments: Mapping[str, Any], effect: Effect) -> Effect:
        """Take back what a call did under its key; what is taken back already stays so: an interrupted undo is asked for again.
        ToolError where something later rests on it. `effect` is what it did."""
        ...


class Call(Value):
    """One call for somebody."""

    tool: str
    """What to call."""
    arguments: dict[str, Any]
    """Resolved."""
    principal: Principal
    """For whom."""
    key: str = ""
    """Idempotency key of a write; reads and dry runs have none."""
    taint: Taint = CLEAN
    """What of it nobody vouches for."""
    said: str | None = None
    """`request_hash` of its arguments as they were said; None where they were resolved before."""


class Executor:
    """Carries out the calls of one tenant."""

    def __init__(self, ledger: Ledger, back_end: BackEnd, policy: Callable[[], Policy], approvals: Approvals) -> None:
        """`policy`: asked for every call, so that a changed rule holds at once."""
        self._ledger, self._back_end, self._policy, self.approvals = ledger, back_end, policy, approvals

    @property
    def system(self) -> str:
        """The business system's name in the ledger."""
        return self._back_end.system

    def risk(self, tool: str) -> Risk:
        """What a wrong call of a tool costs; ToolError for one the system has not."""
        return self._back_end.risk(tool)

    def trust(self, tool: str) -> Mapping[str, Trust]:
        """How far each field of a tool's result is trusted."""
        return self._back_end.trust(tool)

    def propose(self, tool: str, arguments: Mapping[str, Any], principal: Principal) -> Effect:
        """What a call would do, as far as the principal may see it.

        Raises:
            Denied: Policy does not let them call it at all.
            ToolError: A rule would be broken.
        """
        self._let_in(_call(tool, arguments, principal))
        return self._policy().visible(self._back_end.propose(tool, arguments), principal)

    def judge(self, tool: str, arguments: Mapping[str, Any], principal: Principal, taint: Taint = CLEAN) -> Decision:
        """What policy says of a call.

        Raises:
            ToolError: A rule of the business system would be broken.
        """
        call = _call(tool, arguments, principal, taint=taint)
        rights = self._policy().rights(self._proposal(call, Effect(tool=tool, result={})))
        if rights.verdict == "deny" or self._back_end.risk(tool) == "read":
            return Decision(verdict=rights.verdict, findings=(rights,))
        return self._judged(call, self._back_end.propose(tool, arguments))

    def ask(self, call: Call, why: str = "", thread: str = "", plan: str = "") -> Request:
        """Have a write wait for a person, whatever policy says of it.

        Args:
            call: The write; `key` is what it will be done under.
            why: Why, where policy alone would not ask.
            thread: The thread that goes on once it is decided.
            plan: The plan it is a row of, and decided with.

        Raises:
            Denied: Policy refuses it outright.
            ToolError: A rule of the business system would be broken.
        """
        self._let_in(call)
        effect = self._back_end.propose(call.tool, call.arguments)
        decision = self._judged(call, effect)
        if decision.verdict == "deny":
            raise self._denied(call, decision.why)
        reason = "; ".join(part for part in (why, decision.why if decision.verdict == "ask" else "") if part)
        return self._wait(call, effect, reason, decision, thread, plan)

    def seen(self, effect: Effect, by: Principal) -> Effect:
        """What a principal may see of what a call did, or would do."""
        return self._policy().visible(effect, by)

    def may_look_up(self, page: str, by: Principal) -> bool:
        """Whether a page may be quoted to a principal."""
        return self._policy().may_look_up(by, page)

    def may_decide(self, request: Request, by: Principal, approve: bool = True) -> str | None:
        """Why somebody may not let a call through, or refuse it; None where they may. Who asked may always take it back."""
        if not approve and by.person == request.principal.person:
            return None
        return self._why_not(by, request.tool, request.principal, request.shown.asked_by_policy, request.four_eyes)

    def approve(self, identity: str, by: Principal) -> str:
        """Let a call through; returns the token that `execute` wants.

        Raises:
            NotFound: Nothing waits under this id.
            Denied: This person may not, or it was rejected before, or it is of another business system.
            StoreError: It cannot be entered in the audit.
        """
        request = self._own(identity)
        if (why := self.may_decide(request, by)) is not None:
            raise Denied(why)
        return self.approvals.mint(self.approvals.decide(identity, "approved", by), by)

    def reject(self, identity: str, by: Principal, reason: str = "") -> Request:
        """Refuse a call.

        Raises:
            NotFound: Nothing waits under this id.
            Denied: This person may not, or it was approved before, or it is of another business system.
            StoreError: It cannot be entered in the audit.
        """
        request = self._own(identity)
        if (why := self.may_decide(request, by, approve=False)) is not None:
            raise Denied(why)
        return self.approvals.decide(identity, "rejected", by, reason)

    def withdraw(self, identity: str, by: Principal, reason: str) -> None:
        """Take back what waits because what it belonged to went on without it; what was decided stays decided.

        Raises:
            NotFound: Nothing waits under this id.
        """
        if self.approvals.get(identity).state == "waiting":
            self.approvals.decide(identity, "rejected", by, reason)

    def execute(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        principal: Principal,
        key: str,
        token: str | None = None,
        taint: Taint = CLEAN,
        said: str | None = None,
    ) -> Effect:
        """Carry a call out, once for each key.

        Args:
            tool: What to call.
            arguments: Resolved arguments.
            principal: For whom.
            key: Idempotency key of a write.
            token: Of a person's approval, where policy wants one.
            taint: What of it nobody vouches for.
            said: `request_hash` of its arguments as they were said, where that is not how they are given.

        Raises:
            Denied: Policy refuses it, or the token does not hold for it.
            ApprovalNeeded: A person has to let it through; it waits now.
            OutcomeUnknown: It may or may not have been done.
            ToolError: A rule was broken, nothing was changed.
            StoreError: The key stands for another request, a twin is at it, or ledger and audit cannot be written.
        """
        call = _call(tool, arguments, principal, key, taint, said)
        self._let_in(call)
        if self._back_end.risk(tool) == "read":
            return self._policy().visible(self._back_end.propose(tool, arguments), principal)
        until = time.monotonic() + PATIENCE_S
        while True:
            known = self._ledger.get(key)
            if known is not None:
                self._ledger.check_same(known, tool, arguments, principal, self.system)
            if known is None or known.state == "failed":
                try:
                    approval = self._allowed(call, token)
                except ToolError:
                    if self._moved_on(known, key):  # a twin did it meanwhile: what stands in the way may be its own work
                        continue
                    raise
                reached("executor.allowed")
                begun = self._ledger.begin(key, tool, arguments, principal, self.system, approval, said)
                if begun is not None:
                    return self._policy().visible(self._carry_out(begun), principal)
            elif known.state != "pending":
                return self._policy().visible(self._answer(known), principal)
            elif self._ledger.take_over(key):
                self._settle(known)
            elif time.monotonic() > until:
                raise StoreError(f"key {key!r}: is being carried out; ask again in a moment", code="in_progress")
            else:
                time.sleep(_POLL_S)

    def undo(self, key: str, by: Principal) -> Effect:
        """Take a write back.

        Raises:
            NotFound: No write has this key.
            Denied: This person may not write what is taken back, or nothing may be written now.
            ToolError: It is not done, or something later rests on it.
            StoreError: It cannot be entered in the audit; nothing was taken back.
        """
        entry = self._ledger.get(key)
        if entry is None or entry.system != self._back_end.system:
            raise NotFound(f"write {key!r}: not in the ledger; `nightschool erp journal` lists them")
        if entry.state != "done":
            raise ToolError(f"write {key!r}: is {entry.state}: only what is done is taken back", field="key", value=key)
        call = _call(entry.tool, entry.arguments, by, key)
        effect = entry.effect or Effect(tool=entry.tool, result={})
        decision = self._judged(call, effect)
        if decision.verdict == "deny":
            raise self._denied(call, decision.why)
        self._ledger.note("undoing", key, by, {"tool": entry.tool})
        effect = self._back_end.undo(key, entry.tool, entry.arguments, effect)
        reached("executor.taken_back")
        self._ledger.finish(key, "undone")
        return self._policy().visible(effect, by)

    def reconcile(self) -> list[Entry]:
        """After a crash: close every pending write that nobody is at by what the business system says of its key.

        Returns:
            What was closed: as done, as failed where the system surely never did it, or as unknown.
        """
        closed = []
        for entry in self._ledger.pending(self._back_end.system):
            if self._ledger.take_over(entry.key):
                self._settle(entry)
                closed.append(self._entry(entry.key))
        return closed

    def settle(self, key: str, done: bool, by: Principal, note: str) -> Entry:
        """Close an unknown write by what a person saw in the business system.

        Raises:
            NotFound: No write of this key is unknown.
            Denied: This person may not write that.
        """
        entry = next((entry for entry in self._ledger.unknown() if entry.key == key), None)
        if entry is None:
            raise NotFound(f"write {key!r}: is not unknown")
        nothing = Effect(tool=entry.tool, result={})
        call = Proposal(tool=entry.tool, risk="write", arguments=entry.arguments, principal=by, effect=nothing)
        if (finding := self._policy().rights(call)).verdict == "deny":
            raise Denied(f"{entry.tool}: not allowed: {finding.why}")
        self._ledger.note("settled", key, by, {"tool": entry.tool, "done": done})
        self._ledger.finish(key, "done" if done else "failed", entry.effect, f"{by.person}: {note}")
        return self._entry(key)

    def owns(self, request: Request) -> bool:
        """Whether a request is of this business system."""
        return request.shown.system == self._back_end.system

    def _own(self, identity: str) -> Request:
        request = self.approvals.get(identity)
        if not self.owns(request):
            raise Denied(f"approval {identity!r}: is of {request.shown.system}, and decided where it waits")
        return request

    def _let_in(self, call: Call) -> None:
        """Refuse what these roles may never call, before a dry run shows anything."""
        finding = self._policy().rights(self._proposal(call, Effect(tool=call.tool, result={})))
        if finding.verdict == "deny":
            raise self._denied(call, finding.why)

    def _allowed(self, call: Call, token: str | None) -> str | None:
        """Whether a new write may be entered; the id of the approval it is let through by, if it needs one."""
        effect = self._back_end.propose(call.tool, call.arguments)  # what breaks a rule is refused before it is entered
        reached("executor.proposed")
        decision = self._judged(call, effect)
        if decision.verdict == "deny":
            raise self._denied(call, decision.why)
        if token is not None:
            return self._approval(token, call, effect, decision).id
        if decision.verdict == "allow":
            return None
        request = self._wait(call, effect, decision.why, decision)
        if request.state == "rejected":
            why = f"was rejected by {request.decided_by}{': ' + request.reason if request.reason else ''}"
            raise Denied(f"{call.tool}: {why}")
        raise ApprovalNeeded(f"{decision.why}; approval {request.id}", request.id)

    def _approval(self, token: str, call: Call, effect: Effect, decision: Decision) -> Approval:
        """The approval behind a token, if it is of this very write as it would be done now."""
        approval = self.approvals.read(token)
        approver = Principal(tenant=approval.tenant, person=approval.approver, role=approval.role)
        if approval.key != call.key or approval.request != request_hash(call.tool, call.arguments):
            raise Denied(f"{call.tool}: the approval is of another call")
        if approval.schema_hash != self._back_end.schema_hash(call.tool):
            raise Denied(f"{call.tool}: has changed since it was approved; ask again")
        if approval.diff != diff_hash(effect.changes):
            raise Denied(f"{call.tool}: would change something else than what was approved; look again")
        asked = decision.verdict == "ask"
        if (why := self._why_not(approver, call.tool, call.principal, asked, decision.four_eyes)) is not None:
            raise Denied(why)
        return approval

    def _why_not(self, by: Principal, tool: str, asker: Principal, asked_by_policy: bool, four_eyes: bool) -> str | None:
        """Why somebody may not let a call through. What policy allows needs no more than the asker's own word."""
        if not asked_by_policy and by.person == asker.person:
            return None
        return self._policy().may_approve(by, tool, asker, four_eyes)

    @staticmethod
    def _answer(entry: Entry) -> Effect:
        """What a write that is over brought."""
        if entry.state == "done":
            return entry.effect or Effect(tool=entry.tool, result={})
        if entry.state == "undone":
            raise ToolError(f"key {entry.key!r}: its write was taken back; use a new key to do it again", "key", entry.key)
        raise OutcomeUnknown(f"{entry.tool}: {entry.detail}; look, then `nightschool actions settle {entry.key}`")

    def _carry_out(self, entry: Entry) -> Effect:
        reached("executor.calling")
        try:
            effect = self._back_end.execute(entry.tool, entry.arguments, entry.key)
        except ContactLost:
            if self._settle(entry) == "failed":
                raise ToolError(f"{entry.tool}: interrupted before the system did it", "key", entry.key) from None
            return self._answer(self._entry(entry.key))
        except ToolError as error:
            self._ledger.finish(entry.key, "failed", detail=str(error))
            raise
        reached("executor.called")
        try:
            seen = self._back_end.shows(effect.changes) or self._found(entry) is not None
            detail = "" if seen else "carried out, but its effect is not to be seen"
        except (ContactLost, ToolError) as error:
            seen, detail = False, f"carried out, and the system did not show it: {error}"
        reached("executor.checked")
        try:
            self._ledger.finish(entry.key, "done" if seen else "unknown", effect, detail)
        except StoreError as error:
            raise OutcomeUnknown(f"{entry.tool}: carried out, and not entered: {error}; key {entry.key!r}") from error
        if not seen:
            raise OutcomeUnknown(f"{entry.tool}: {detail}; look at key {entry.key!r}")
        return effect

    def _settle(self, entry: Entry) -> State:
        """Close a write by what the business system says of its key."""
        try:
            effect = self._found(entry)
        except ContactLost as error:
            self._ledger.finish(entry.key, "unknown", detail=f"interrupted, and the system did not say: {error}")
            return "unknown"
        if effect is not None:
            self._ledger.finish(entry.key, "done", effect)
            return "done"
        if self._back_end.conclusive(entry.tool):
            self._ledger.finish(entry.key, "failed", detail="interrupted before the system did it")
            return "failed"
        self._ledger.finish(entry.key, "unknown", detail="interrupted, and the system knows no such key")
        return "unknown"

    def _moved_on(self, known: Entry | None, key: str) -> bool:
        now = self._ledger.get(key)
        return now is not None and (known is None or now.state != known.state)

    def _found(self, entry: Entry) -> Effect | None:
        return self._back_end.find(entry.key, entry.tool, entry.arguments)

    def _judged(self, call: Call, effect: Effect) -> Decision:
        return self._policy().judge(self._proposal(call, effect), self._ledger)

    def _proposal(self, call: Call, effect: Effect) -> Proposal:
        return Proposal(
            tool=call.tool,
            risk=self._back_end.risk(call.tool),
            arguments=call.arguments,
            principal=call.principal,
            effect=effect,
            taint=call.taint,
        )

    def _wait(self, call: Call, effect: Effect, why: str, decision: Decision, thread: str = "", plan: str = "") -> Request:
        shown = Shown(
            effect=effect,
            why=why,
            asked_by_policy=decision.verdict == "ask",
            taint=call.taint,
            system=self._back_end.system,
            thread=thread,
            plan=plan,
            schema_hash=self._back_end.schema_hash(call.tool),
            said=call.said,
        )
        return self.approvals.ask(call.key, call.tool, call.arguments, call.principal, shown, decision.four_eyes)

    def _denied(self, call: Call, why: str) -> Denied:
        if self._back_end.risk(call.tool) != "read":
            self._ledger.note("denied", call.key, call.principal, {"tool": call.tool, "why": why})
        return Denied(f"{call.tool}: not allowed: {why}")

    def _entry(self, key: str) -> Entry:
        entry = self._ledger.get(key)
        if entry is None:
            raise NotFound(f"write {key!r}: has gone from the ledger")
        return entry


def _call(
    tool: str,
    arguments: Mapping[str, Any],
    principal: Principal,
    key: str = "",
    taint: Taint = CLEAN,
    said: str | None = None,
) -> Call:
    return Call(tool=tool, arguments=dict(arguments), principal=principal, key=key, taint=taint, said=said)
