"""Policy: who may do what, decided by rules in a file and by nothing a model says.

Every rule that applies is asked, and the strictest answer holds: a call is allowed, or a person is asked first, or it is refused.
What no rule speaks of is asked. `nightschool policy explain` shows what each rule says of a call.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field, ValidationError, model_validator

from core.errors import BadInput, StoreError
from core.types.effect import Effect
from core.types.principal import Principal
from core.types.tool import Risk
from core.types.value import Value
from tools.ledger import Entry
from tools.trust import CLEAN, Taint

Verdict = Literal["allow", "ask", "deny"]
_STRICTNESS: Mapping[Verdict, int] = {"allow": 0, "ask": 1, "deny": 2}
_ALL = ("*",)
DEFAULT_POLICY = Path(__file__).parent / "policy.toml"
"""What holds where a home has no `policy.toml` of its own."""


class Proposal(Value):
    """A call to be judged."""

    tool: str
    """What is to be called."""
    risk: Risk
    """What a wrong call costs."""
    arguments: dict[str, Any]
    """Resolved."""
    principal: Principal
    """For whom."""
    effect: Effect
    """What it would do, by a dry run."""
    taint: Taint = CLEAN
    """What of it nobody vouches for."""

    def values(self, field: str) -> tuple[Any, ...]:
        """What an argument says, and what the result would say; what neither has is left out."""
        return tuple(value for told in (self.arguments, self.effect.result) if (value := told.get(field)) is not None)


class Finding(Value):
    """What one rule says of a call."""

    verdict: Verdict
    """Allowed, asked or refused."""
    rule: str
    """Where in the policy it stands."""
    why: str
    """For people."""


class Decision(Value):
    """What all rules together say of a call."""

    verdict: Verdict
    """The strictest of them."""
    findings: tuple[Finding, ...]
    """Of every rule that applies."""
    four_eyes: bool = False
    """Whether only somebody other than who asks may let it through."""

    @property
    def why(self) -> str:
        """The reasons for the verdict."""
        return "; ".join(finding.why for finding in self.findings if finding.verdict == self.verdict)


class History(Protocol):
    """What was written before."""

    def by_person(self, person: str, since: datetime, tools: Sequence[str]) -> list[Entry]:
        """What somebody wrote since a moment with tools that one of these names; `*` stands for any letters."""
        ...

    def count_by_person(self, person: str, since: datetime, tools: Sequence[str]) -> int:
        """How much of it there is."""
        ...


class _Rule(Value):
    """Of some tools, for some roles."""

    tools: tuple[str, ...] = _ALL
    """Names; `*` stands for any letters."""
    roles: tuple[str, ...] = _ALL
    """Of whoever asks."""
    because: str = ""
    """What to tell people."""

    def applies(self, call: Proposal) -> bool:
        """Whether it speaks of this call."""
        return _named(call.tool, self.tools) and _named(call.principal.role, self.roles)


class Ask(_Rule):
    """A person is asked first."""

    def objection(self, call: Proposal, history: History) -> tuple[Verdict, str] | None:
        """Always."""
        return "ask", f"{call.tool} waits for a person"


class Limit(_Rule):
    """An amount that may not be passed without more."""

    field: str
    """An argument, else a field of the result it would have."""
    most: float
    """Up to here nothing is said."""
    beyond: Verdict = "ask"
    """What becomes of more."""

    def objection(self, call: Proposal, history: History) -> tuple[Verdict, str] | None:
        """Where the amount is larger, or is no number."""
        # What it is instead is not told: who asks may be one who must not see it.
        for value in call.values(self.field):
            if isinstance(value, bool) or not isinstance(value, int | float):
                return self.beyond, f"{self.field} is no amount"
            if value > self.most:
                return self.beyond, f"{self.field} is more than {self.most:,.15g}"
        return None


class Rate(_Rule):
    """So many writes in a time."""

    most: int
    """Writes of these tools together, by one person."""
    seconds: float = Field(gt=0)
    """In so long."""
    beyond: Verdict = "deny"
    """What becomes of the next."""

    def objection(self, call: Proposal, history: History) -> tuple[Verdict, str] | None:
        """Where there were as many before."""
        since = datetime.now(UTC) - timedelta(seconds=self.seconds)
        before = history.count_by_person(call.principal.person, since, self.tools)
        if before < self.most:
            return None
        return self.beyond, f"{before} writes in the last {self.seconds:g} seconds, at most {self.most}"


class Separation(_Rule):
    """Duties that one person may not unite on one record."""

    by: tuple[str, ...]
    """Fields that name the record, in arguments or results."""
    days: float = Field(default=365, gt=0)
    """How long back."""
    beyond: Verdict = "deny"
    """What becomes of the second duty."""

    def objection(self, call: Proposal, history: History) -> tuple[Verdict, str] | None:
        """Where the same person did another of these for the same record."""
        records = {str(value) for field in self.by for value in call.values(field)}
        since = datetime.now(UTC) - timedelta(days=self.days)
        for entry in history.by_person(call.principal.person, since, self.tools):
            if entry.tool == call.tool:
                continue
            told = (entry.arguments, entry.effect.result if entry.effect else {})
            if shared := records & {str(part[field]) for part in told for field in self.by if part.get(field) is not None}:
                return self.beyond, f"{call.principal.person} did {entry.tool} for {', '.join(sorted(shared))}"
        return None


class Periods(Value):
    """Months that are closed."""

    locked_until: date
    """The last day nothing may be dated to."""
    fields: tuple[str, ...] = ("date",)
    """Arguments that date a write."""
    because: str = ""
    """What to tell people."""


class Retention(Value):
    """How many days each class of data is kept; what is not named is kept for good. The audit, which holds no values, is."""

    traces: int | None = Field(default=None, ge=1)
    """Turns as they were recorded; what a release learned from them stays in its weights."""
    threads: int | None = Field(default=None, ge=1)
    """Conversations that nobody went on with."""
    approvals: int | None = Field(default=None, ge=1)
    """What waited for a person and was decided, and plans at their end."""
    ledger: int | None = Field(default=None, ge=30)
    """Arguments and effects of writes that ended; their keys stay, and can be used for nothing else."""


class Role(Value):
    """What people of a role may do."""

    may_read: tuple[str, ...] = ()
    """Tools; `*` stands for any letters."""
    may_write: tuple[str, ...] = ()
    """Tools."""
    may_approve: tuple[str, ...] = ()
    """Tools whose calls they may let through."""
    fields: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Arguments they may give, by tool; a tool that is not here takes any."""
    hidden: tuple[str, ...] = ()
    """Fields of results and changes they do not see."""
    pages: tuple[str, ...] = _ALL
    """Pages they may look up, by name; `*` stands for any letters."""


class Policy(Value):
    """The rules of one tenant."""

    panic: bool = False
    """Whether nothing may be written at all."""
    default_role: str = ""
    """Of people whose role is none of `roles`; empty: they may do nothing."""
    people: dict[str, str] = Field(default_factory=dict)
    """Role by person, before what their credential says."""
    roles: dict[str, Role] = Field(default_factory=dict)
    """Rights by role."""
    asks: tuple[Ask, ...] = ()
    """What waits for a person."""
    limits: tuple[Limit, ...] = ()
    """Amounts."""
    rates: tuple[Rate, ...] = ()
    """How often."""
    separate: tuple[Separation, ...] = ()
    """Duties kept apart."""
    periods: Periods | None = None
    """Closed months."""
    retention: Retention = Retention()
    """How long data is kept."""

    @model_validator(mode="after")
    def _remembers_duties(self) -> "Policy":
        longest = max((rule.days for rule in self.separate), default=0)
        if self.retention.ledger is not None and self.retention.ledger < longest:
            raise ValueError(f"retention.ledger: {self.retention.ledger} days; duties are kept apart for {longest:g}")
        return self

    def known(self, principal: Principal) -> Principal:
        """The principal with the role this policy gives it."""
        role = self.people.get(principal.person, principal.role)
        return principal.model_copy(update={"role": role if role in self.roles else self.default_role})

    def judge(self, call: Proposal, history: History) -> Decision:
        """What every rule says of a call, and what follows.

        Args:
            call: With the dry run's effect.
            history: For rates and duties.
        """
        call = call.model_copy(update={"principal": self.known(call.principal)})
        findings = [self.rights(call)]
        if call.risk != "read":
            findings.extend(self._of_writes(call, history))
        verdict = max((finding.verdict for finding in findings), key=_STRICTNESS.__getitem__)
        return Decision(verdict=verdict, findings=tuple(findings), four_eyes=call.risk == "destructive")

    def may_approve(self, approver: Principal, tool: str, asker: Principal, four_eyes: bool) -> str | None:
        """Why somebody may not let a call through; None where they may."""
        role = self.roles.get(self.known(approver).role, Role())
        if not _named(tool, role.may_approve):
            return f"{approver.person} may not approve {tool}"
        if four_eyes and approver.person == asker.person:
            return f"{tool} needs a second person: {approver.person} asked for it"
        return None

    def may_look_up(self, principal: Principal, page: str) -> bool:
        """Whether a page may be quoted to somebody."""
        role = self.roles.get(self.known(principal).role)
        return role is not None and _named(page, role.pages)

    def visible(self, effect: Effect, principal: Principal) -> Effect:
        """An effect without the fields a principal may not see; its words are made anew where one was left out."""
        hidden = frozenset(self.roles.get(self.known(principal).role, Role()).hidden)
        result = _without(effect.result, hidden)
        changes = tuple(
            change.model_copy(update={part: _without(getattr(change, part), hidden) for part in ("key", "before", "after")})
            for change in effect.changes
        )
        reply = effect.reply if result == effect.result else ", ".join(f"{name} {value}" for name, value in result.items())
        return effect.model_copy(update={"result": result, "changes": changes, "reply": reply})

    def rights(self, call: Proposal) -> Finding:
        """What the principal's role says of a call, whatever it would do."""
        name = self.known(call.principal).role
        role, which = self.roles.get(name), "may_read" if call.risk == "read" else "may_write"
        rule = f"roles.{name}.{which}"
        if role is None:
            return Finding(verdict="deny", rule="roles", why=f"{call.principal.person} has no role in the policy")
        if not _named(call.tool, getattr(role, which)):
            if call.risk != "read" and not any(_named(call.tool, other.may_write) for other in self.roles.values()):
                return Finding(verdict="ask", rule=rule, why=f"{call.tool} is in no list of the policy")
            return Finding(verdict="deny", rule=rule, why=f"{name} may not {call.tool}")
        allowed = role.fields.get(call.tool)
        beyond = [field for field in call.arguments if allowed is not None and field not in allowed]
        if beyond:
            return Finding(verdict="deny", rule=f"roles.{name}.fields", why=f"{name} may not say {', '.join(beyond)}")
        return Finding(verdict="allow", rule=rule, why=f"{name} may {call.tool}")

    def _of_writes(self, call: Proposal, history: History) -> Iterator[Finding]:
        if self.panic:
            yield Finding(verdict="deny", rule="panic", why="nothing may be written now: the panic switch is on")
        if call.risk == "destructive":
            yield Finding(verdict="ask", rule="destructive", why=f"{call.tool} moves money or trust: a second person decides")
        for reason in call.taint.reasons:
            yield Finding(verdict="ask", rule="trust", why=reason)
        if self.periods is not None:
            yield from self._closed(call, self.periods)
        rules: dict[str, Sequence[Ask | Limit | Rate | Separation]]
        rules = {"asks": self.asks, "limits": self.limits, "rates": self.rates, "separate": self.separate}
        for name, own in rules.items():
            for number, rule in enumerate(own):
                objection = rule.objection(call, history) if rule.applies(call) else None
                if objection is not None:
                    yield Finding(verdict=objection[0], rule=f"{name}[{number}]", why=rule.because or objection[1])

    @staticmethod
    def _closed(call: Proposal, periods: Periods) -> Iterator[Finding]:
        """By what is said and by what would be written: a write without a date is dated by the business system."""
        written = [change.after or {} for change in call.effect.changes]
        for field in periods.fields:
            for said in (told[field] for told in (call.arguments, call.effect.result, *written) if told.get(field) is not None):
                day = _day(said)
                if day is None or day <= periods.locked_until:
                    why = periods.because or f"{field} {said}: closed until {periods.locked_until}"
                    yield Finding(verdict="deny", rule="periods", why=why)
                    break


def read_policy(file: Path) -> Policy:
    """Read a policy.

    Raises:
        BadInput: It cannot be read; names the place, the value and what was expected.
    """
    try:
        return Policy.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadInput(f"{file}: {place} {first['input']!r:.60}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{file}: cannot be read: {error}") from error


class PolicyFile:
    """The policy in a file, read again when the file changes; another one's place is taken as soon as there is one."""

    def __init__(self, own: Path, default: Path = DEFAULT_POLICY) -> None:
        self._own, self._default = own, default
        self._read: tuple[Path, int, Policy] | None = None

    @property
    def path(self) -> Path:
        """The file that holds now."""
        return self._own if self._own.is_file() else self._default

    def __call__(self) -> Policy:
        """The rules that hold now.

        Raises:
            StoreError: The file cannot be read; nothing is allowed then.
        """
        path = self.path
        stamp = path.stat().st_mtime_ns
        if self._read is None or self._read[:2] != (path, stamp):
            try:
                self._read = (path, stamp, read_policy(path))
            except BadInput as error:
                raise StoreError(f"nothing is allowed until the policy can be read: {error}", code="policy") from error
        return self._read[2]


def _named(name: str, patterns: Sequence[str]) -> bool:
    return any(re.fullmatch(re.escape(pattern).replace("\\*", ".*"), name) for pattern in patterns)


def _day(said: Any) -> date | None:
    """None where it is none, which a closed period lets pass no more than an early day."""
    try:
        return date.fromisoformat(said[:10]) if isinstance(said, str) else None
    except ValueError:
        return None


def _without(document: Any, hidden: frozenset[str]) -> Any:
    if isinstance(document, Mapping):
        return {name: _without(value, hidden) for name, value in document.items() if name not in hidden}
    if isinstance(document, list):
        return [_without(value, hidden) for value in document]
    return document
