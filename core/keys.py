"""API keys: who may call, known by a secret that is shown once and never stored.

Above it: `api/auth.py` asks who a request's secret belongs to, the command line creates and revokes.
"""

import builtins
import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime

from sqlalchemy import JSON, Column, DateTime, Engine
from sqlmodel import Field, Session, SQLModel, select

from core.types.principal import Principal
from core.types.value import Value

_PREFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without look-alikes: people read a prefix aloud when they ask for a key to be revoked."""
_PREFIX_CHARS = 8
_CHECKSUM_CHARS = 6
_SECRET = re.compile(r"ns_([a-z2-9]{8})_[A-Za-z0-9_-]{43}[0-9a-f]{6}")
_NO_HASH = "0" * 64


class ApiKeyRow(SQLModel, table=True):
    """One key. Of the secret only the public prefix and a hash are here."""

    __tablename__ = "api_keys"

    prefix: str = Field(primary_key=True)
    """The public part of the secret, what lists and logs may show."""
    tenant: str = Field(index=True)
    """The firm the key acts for."""
    person: str
    """Who holds it, a stable id within the tenant."""
    role: str
    """What the holder is, for policy."""
    scopes: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Named rights of the key."""
    sha256: str
    """Hex hash of the whole secret. Plain SHA-256 is enough: the secret has 256 random bits, nothing can be guessed."""
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """UTC; SQLite hands it back without a zone."""
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))
    """UTC; set once, a key is never un-revoked."""
    subject_key: str = Field(index=True)
    """`Principal.subject_key` of the holder, to find and forget."""


class KeyInfo(Value):
    """What may be shown of a key."""

    prefix: str
    """Names the key."""
    principal: Principal
    """Whom it authenticates."""
    created_at: datetime
    """UTC."""
    revoked_at: datetime | None
    """UTC, None while the key works."""


class KeyStore:
    """Creates, recognises and revokes keys in the table `api_keys`, which has to exist."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, principal: Principal) -> str:
        """Make a key for `principal`.

        Returns:
            The secret: `ns_`, 8 public characters, `_`, 256 random bits in 43 characters, 6 hex digits of checksum.
            It cannot be shown again.
        """
        prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(_PREFIX_CHARS))
        body = f"ns_{prefix}_{secrets.token_urlsafe(32)}"
        secret = body + _checksum(body)
        row = ApiKeyRow(
            prefix=prefix,
            tenant=principal.tenant,
            person=principal.person,
            role=principal.role,
            scopes=list(principal.scopes),
            sha256=_hash(secret),
            created_at=datetime.now(UTC),
            subject_key=principal.subject_key,
        )
        with Session(self._engine) as session:
            session.add(row)
            session.commit()
        return secret

    def authenticate(self, secret: str) -> Principal | None:
        """Find whose secret this is; None for a malformed, mistyped, unknown or revoked one.

        The checksum sorts out typing errors without asking the database; it protects nothing.
        """
        match = _SECRET.fullmatch(secret)
        if match is None or _checksum(secret[:-_CHECKSUM_CHARS]) != secret[-_CHECKSUM_CHARS:]:
            return None
        with Session(self._engine) as session:
            row = session.get(ApiKeyRow, match[1])
        # An unknown prefix is compared too, so that time does not tell it from a wrong secret.
        equal = hmac.compare_digest(_hash(secret), row.sha256 if row else _NO_HASH)
        return _principal(row) if row and equal and row.revoked_at is None else None

    def revoke(self, prefix: str, tenant: str | None = None) -> bool:
        """Make a key useless from now on, if it is this tenant's; None for anybody's.

        Returns:
            True if the key worked until now; False if there is none of this prefix or it was revoked before.
        """
        with Session(self._engine) as session:
            row = session.get(ApiKeyRow, prefix)
            if row is None or row.revoked_at is not None or tenant not in (None, row.tenant):
                return False
            row.revoked_at = datetime.now(UTC)
            session.add(row)
            session.commit()
        return True

    def list(self, tenant: str | None = None) -> builtins.list[KeyInfo]:
        """All keys of a tenant, or of all tenants, revoked ones too, oldest first."""
        query = select(ApiKeyRow) if tenant is None else select(ApiKeyRow).where(ApiKeyRow.tenant == tenant)
        with Session(self._engine) as session:
            rows = session.exec(query).all()
        infos = [_info(row) for row in rows]
        return sorted(infos, key=lambda info: (info.created_at, info.prefix))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _hash(body)[:_CHECKSUM_CHARS]


def _principal(row: ApiKeyRow) -> Principal:
    return Principal(tenant=row.tenant, person=row.person, role=row.role, scopes=tuple(row.scopes))


def _info(row: ApiKeyRow) -> KeyInfo:
    return KeyInfo(
        prefix=row.prefix,
        principal=_principal(row),
        created_at=_utc(row.created_at),
        revoked_at=row.revoked_at and _utc(row.revoked_at),
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
