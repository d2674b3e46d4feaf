"""Approvals: calls that wait for a person, and the tokens that prove one was let through.

A token holds for one write: it is a signature (HMAC-SHA-256) over tenant, key, tool and arguments, the tool's schema, the diff
that was shown, who approved it, and until when. The executor asks for all of it again before it acts, and the ledger lets each
token be spent once.
"""

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import JSON, Column, DateTime, Engine, UniqueConstraint, delete, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import Denied, NotFound, StoreError
from core.keyring import Keyring, Signature
from core.types.effect import Change, Effect
from core.types.principal import Principal
from core.types.value import Value, content_hash
from tools.audit import Audit
from tools.ledger import blocked, request_hash
from tools.trust import CLEAN, Taint

Decided = Literal["waiting", "approved", "rejected"]
LASTS = timedelta(minutes=30)
"""So long a token may be spent after the approval."""
_PURPOSE = "approval"


class ApprovalRow(SQLModel, table=True):
    """One call that waits, or waited."""

    __tablename__ = "approvals"
    __table_args__ = (UniqueConstraint("tenant", "request", name="uq_approvals_tenant_request"),)

    id: int | None = Field(default=None, primary_key=True)
    """Order of arrival."""
    tenant: str
    """Whose system."""
    request: str
    """Its public id: of key, tool, arguments and what was shown."""
    key: str
    """Idempotency key of the write."""
    person: str
    """Who asks."""
    role: str
    """As what."""
    subject_key: str = Field(index=True)
    """Under which everything about this person can be found."""
    tool: str
    """What is to be called."""
    arguments: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Resolved."""
    shown: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """A `Shown`."""
    four_eyes: bool
    """Whether it takes another person than who asks."""
    state: str
    """One of `Decided`."""
    decided_by: str = ""
    """Who decided."""
    reason: str = ""
    """Why, in their words."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC."""
    decided_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))
    """UTC."""


class Shown(Value):
    """What a person sees of a call before they decide."""

    effect: Effect
    """What it would do."""
    why: str
    """Why they are asked."""
    asked_by_policy: bool
    """Whether policy wants it; else the one who asks only has to confirm."""
    taint: Taint = CLEAN
    """What of it nobody vouches for."""
    system: str
    """Which business system it is of."""
    thread: str = ""
    """The thread that goes on once it is decided; empty where a program asked."""
    plan: str = ""
    """The plan it is a row of; empty where it stands alone."""
    schema_hash: str
    """Of the tool."""
    said: str | None = None
    """`request_hash` of its arguments as they were said; None where they were resolved before."""


class Request(Value):
    """A call that waits, or waited, for a person."""

    id: str
    """Its public id."""
    key: str
    """Idempotency key of the write."""
    principal: Principal
    """Who asks."""
    tool: str
    """What is to be called."""
    arguments: dict[str, Any]
    """Resolved."""
    shown: Shown
    """What is seen of it."""
    four_eyes: bool
    """Whether it takes another person than who asks."""
    state: Decided
    """Whether it still waits."""
    decided_by: str
    """Who decided."""
    reason: str
    """Why, in their words."""


class Approval(Value):
    """What a token says."""

    id: str
    """Of this very token; the ledger lets it be spent once."""
    tenant: str
    """Whose system."""
    key: str
    """Idempotency key of the write."""
    request: str
    """`request_hash` of tool and arguments."""
    schema_hash: str
    """Of the tool."""
    diff: str
    """`diff_hash` of what was shown."""
    approver: str
    """The person who let it through."""
    role: str
    """As what."""
    expires: datetime
    """UTC."""


class Approvals:
    """Calls of one tenant that wait for people."""

    def __init__(self, engine: Engine, tenant: str, keyring: Keyring, audit: Audit) -> None:
        self._engine, self._tenant, self._keyring, self._audit = engine, tenant, keyring, audit

    def ask(
        self, key: str, tool: str, arguments: Mapping[str, Any], principal: Principal, shown: Shown, four_eyes: bool
    ) -> Request:
        """Have a call wait; asking the same again, with the same to be seen, changes nothing.

        Raises:
            StoreError: It cannot be entered in the audit.
        """
        identity = "a-" + content_hash([self._tenant, key, request_hash(tool, arguments), diff_hash(shown.effect.changes)])
        row = ApprovalRow(
            tenant=self._tenant,
            request=identity,
            key=key,
            person=principal.person,
            role=principal.role,
            subject_key=principal.subject_key,
            tool=tool,
            arguments=dict(arguments),
            shown=shown.model_dump(mode="json"),
            four_eyes=four_eyes,
            state="waiting",
            created_at=datetime.now(UTC),
        )
        try:
            with Session(self._engine) as session:
                session.add(row)
                session.flush()
                body = {"tool": tool, "request": identity, **({"plan": shown.plan} if shown.plan else {})}
                link = self._audit.enter(session, "waiting", key, principal, body, {})
                session.commit()
        except IntegrityError:
            return self.get(identity)
        except DatabaseError as error:
            raise blocked(error) from error
        self._audit.anchor(link)
        return self.get(identity)

    def get(self, identity: str) -> Request:
        """What waits, or waited, under an id.

        Raises:
            NotFound: Nothing did.
        """
        with Session(self._engine) as session:
            row = session.exec(self._query().where(ApprovalRow.request == identity)).first()
            if row is None:
                raise NotFound(f"approval {identity!r}: there is none; `nightschool approvals list` shows what waits")
            return _request(row)

    def among(self, identities: Collection[str]) -> list[Request]:
        """What waits, or waited, under these ids; what was forgotten is left out."""
        with Session(self._engine) as session:
            query = self._query().where(col(ApprovalRow.request).in_(identities)).order_by(col(ApprovalRow.id))
            return [_request(row) for row in session.exec(query).all()]

    def of_key(self, key: str) -> Request | None:
        """What waits, or waited last, for a write; None where nothing did."""
        with Session(self._engine) as session:
            row = session.exec(self._query().where(ApprovalRow.key == key).order_by(col(ApprovalRow.id).desc())).first()
            return _request(row) if row is not None else None

    def waiting(self) -> list[Request]:
        """What waits, the oldest first."""
        with Session(self._engine) as session:
            query = self._query().where(ApprovalRow.state == "waiting").order_by(col(ApprovalRow.id))
            return [_request(row) for row in session.exec(query).all()]

    def decide(self, identity: str, state: Literal["approved", "rejected"], by: Principal, reason: str = "") -> Request:
        """Enter what a person decided; the same decision again changes nothing. Where another person lets through what was let
        through before, that stands in the audit beside the first.

        Raises:
            NotFound: Nothing waits under this id.
            Denied: It was decided otherwise before.
            StoreError: It cannot be entered in the audit.
        """
        request = self.get(identity)
        mine = (col(ApprovalRow.tenant) == self._tenant, col(ApprovalRow.request) == identity)
        others = (col(ApprovalRow.state) == "approved", col(ApprovalRow.decided_by) != by.person)
        decided = {"state": state, "decided_by": by.person, "reason": reason, "decided_at": datetime.now(UTC)}
        try:
            with Session(self._engine) as session:
                change = update(ApprovalRow).values(**decided)
                event: str = state if session.exec(change.where(*mine, col(ApprovalRow.state) == "waiting")).rowcount else ""
                again = update(ApprovalRow).where(*mine, *others).values(state=state)
                if not event and state == "approved" and session.exec(again).rowcount:
                    event = "approved again"
                if event:
                    body = {"tool": request.tool, "request": identity}
                    link = self._audit.enter(session, event, request.key, by, body, {"reason": reason})
                    session.commit()
                    self._audit.anchor(link)
        except DatabaseError as error:
            raise blocked(error) from error
        request = self.get(identity)
        if request.state != state:
            raise Denied(f"approval {identity!r}: was {request.state} by {request.decided_by}")
        return request

    def forget(self, before: datetime, pretend: bool = False) -> int:
        """Delete what was decided before an instant (UTC), or only count it; returns how many."""
        due = (
            col(ApprovalRow.tenant) == self._tenant,
            col(ApprovalRow.state) != "waiting",
            col(ApprovalRow.decided_at) < before,
        )
        with Session(self._engine) as session:
            if pretend:
                return len(session.exec(select(ApprovalRow.id).where(*due)).all())
            gone = session.exec(delete(ApprovalRow).where(*due)).rowcount
            session.commit()
        return gone

    def mint(self, request: Request, by: Principal) -> str:
        """A token for a call that was let through. A request has one for each approver, however often it is made.

        Raises:
            StoreError: The keys cannot be read.
        """
        now = datetime.now(UTC)
        approval = Approval(
            id=content_hash([self._tenant, request.id, by.person]),
            tenant=self._tenant,
            key=request.key,
            request=request_hash(request.tool, request.arguments),
            schema_hash=request.shown.schema_hash,
            diff=diff_hash(request.shown.effect.changes),
            approver=by.person,
            role=by.role,
            expires=now + LASTS,
        )
        text = approval.model_dump_json().encode()
        signature = self._keyring.sign(_PURPOSE, text)
        return ".".join((_coded(text), signature.key, signature.mac))

    def read(self, token: str) -> Approval:
        """What a token says, if it is ours and holds.

        Raises:
            Denied: It was made by somebody else, was changed, has expired, or is another tenant's.
        """
        try:
            coded, key, mac = token.split(".")
            text = base64.urlsafe_b64decode(coded.encode())
            signature = Signature(key=key, mac=mac)
            if _coded(text) != coded or not self._keyring.signed(_PURPOSE, text, signature):
                raise Denied("approval: the token is not one of ours")
            approval = Approval.model_validate(json.loads(text))
        except (ValueError, binascii.Error, ValidationError, StoreError) as error:
            raise Denied(f"approval: the token cannot be read: {type(error).__name__}") from error
        if approval.tenant != self._tenant:
            raise Denied("approval: the token is another tenant's")
        if approval.expires < datetime.now(UTC):
            raise Denied("approval: the token has expired; ask again")
        return approval

    def _query(self) -> Any:
        return select(ApprovalRow).where(ApprovalRow.tenant == self._tenant)


def diff_hash(changes: Sequence[Change]) -> str:
    """Names what would change, whatever number a new record would get: that depends on what others make meanwhile."""
    new = {value for change in changes if change.before is None for value in change.key.values() if isinstance(value, str)}
    told = [
        [
            change.table,
            sorted(change.key) if change.before is None else change.key,
            change.before,
            _without_numbers(change, new),
        ]
        for change in changes
        if not change.counter
    ]
    return content_hash(sorted(told, key=repr), length=32)


def _without_numbers(change: Change, new: Set[str]) -> dict[str, Any] | None:
    """What a record would hold, without its own key and with other new records not by their number."""
    if change.after is None:
        return None
    own = change.key if change.before is None else {}
    return {
        name: "new" if isinstance(value, str) and value in new else value
        for name, value in change.after.items()
        if name not in own
    }


def _coded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


def _request(row: ApprovalRow) -> Request:
    return Request.model_validate(
        {
            "id": row.request,
            "key": row.key,
            "principal": Principal(tenant=row.tenant, person=row.person, role=row.role),
            "tool": row.tool,
            "arguments": row.arguments,
            "shown": row.shown,
            "four_eyes": row.four_eyes,
            "state": row.state,
            "decided_by": row.decided_by,
            "reason": row.reason,
        }
    )
