"""The audit: a chain of signed rows that says who wrote what and what became of it, and an anchor for its end.

Every row is signed (HMAC-SHA-256) together with the signature of the row before it, so that no row can be changed, left out or
moved; the signature of the newest row is also written to a file where the owner of the database cannot write, so that none can be
cut off at the end. As in Schneier and Kelsey 1999, "Secure Audit Logs to Support Computer Forensics". Rows hold signatures of
arguments and effects, not the values: these are in the ledger, and can be forgotten there.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Column, Engine, text
from sqlmodel import Field, Session, SQLModel, col, select

from core.errors import StoreError
from core.failpoints import reached
from core.keyring import Keyring, Signature
from core.types.principal import Principal
from core.types.value import Value

_CHAIN, _VALUE = "audit chain", "audit value"
"""What signatures are for."""


class AuditRow(SQLModel, table=True):
    """One event; every column is signed."""

    __tablename__ = "audit"

    tenant: str = Field(primary_key=True)
    """Whose chain."""
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """Place in the chain, from 1, without gaps."""
    at: str
    """UTC, ISO 8601."""
    event: str
    """What happened: a state of the ledger, `waiting`, `approved`, `rejected` or `denied`."""
    about: str = Field(index=True)
    """Key of the write."""
    subject_key: str = Field(index=True)
    """Who did it."""
    body: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """What else is known of it; of values their signatures only."""
    key: str
    """Id of the signing key."""
    mac: str
    """Signature of this row and the one before it."""


class Link(Value):
    """The end of a chain."""

    tenant: str
    """Whose."""
    seq: int
    """How long it is."""
    mac: str
    """Signature of its last row."""


class Fault(Value):
    """Something that should not be so."""

    seq: int
    """Which row."""
    what: str
    """In words."""


class Audit:
    """The chain of one tenant."""

    def __init__(self, engine: Engine, tenant: str, keyring: Keyring, anchor: Path) -> None:
        """`anchor` is a file to append to; best on a disk that the owner of the database cannot change."""
        self._engine, self._tenant, self._keyring, self._anchor = engine, tenant, keyring, anchor

    def enter(
        self, session: Session, event: str, about: str, principal: Principal, body: Mapping[str, Any], values: Mapping[str, Any]
    ) -> Link:
        """Add a row within a transaction that has written already, and so keeps other writers waiting.

        Args:
            session: The transaction.
            event: What happened.
            about: Key of the write.
            principal: Who did it.
            body: What may be read later.
            values: What is only to be recognised later: each is kept as its signature.

        Raises:
            StoreError: The keys cannot be read.
        """
        if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time; not run here
            session.execute(text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))
        before = session.exec(self._rows().order_by(col(AuditRow.seq).desc()).limit(1)).first()
        row = AuditRow(
            tenant=self._tenant,
            seq=before.seq + 1 if before else 1,
            at=datetime.now(UTC).isoformat(),
            event=event,
            about=about,
            subject_key=principal.subject_key,
            body={
                **body,
                "signed": {name: self._keyring.sign(_VALUE, _text(value)).model_dump() for name, value in values.items()},
            },
            key="",
            mac="",
        )
        signature = self._keyring.sign(_CHAIN, _message(row, before.mac if before else ""))
        row.key, row.mac = signature.key, signature.mac
        session.add(row)
        session.flush()
        return Link(tenant=self._tenant, seq=row.seq, mac=row.mac)

    def anchor(self, link: Link) -> None:
        """Make the end of the chain known outside the database.

        Raises:
            StoreError: The file cannot be written.
        """
        try:
            self._anchor.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(self._anchor, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as stream:
                stream.write(link.model_dump_json() + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise StoreError(f"{self._anchor}: the audit's anchor cannot be written: {error}", code="audit") from error
        reached("audit.anchored")

    def rows(self, after: int = 0) -> list[AuditRow]:
        """The chain, or what of it stands after a place."""
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.exec(self._rows().where(AuditRow.seq > after).order_by(col(AuditRow.seq))).all())

    def verify(self) -> list[Fault]:
        """Everything that was changed, left out, moved or cut off since it was written; empty where the chain is whole."""
        rows = self.rows()
        return [*self._chain_faults(rows), *self._anchor_faults({row.seq: row.mac for row in rows})]

    def holds(self, row: AuditRow, name: str, value: Any) -> bool:
        """Whether a value is the one whose signature a row keeps."""
        kept = row.body.get("signed", {}).get(name)
        return kept is not None and self._keyring.signed(_VALUE, _text(value), Signature.model_validate(kept))

    def _chain_faults(self, rows: list[AuditRow]) -> Iterator[Fault]:
        before, expected = "", 1
        for row in rows:
            if row.seq != expected:
                yield Fault(seq=expected, what=f"row {expected} is missing")
            elif not self._keyring.signed(_CHAIN, _message(row, before), Signature(key=row.key, mac=row.mac)):
                yield Fault(seq=row.seq, what=f"row {row.seq} is not as it was written, or the row before it is not")
            before, expected = row.mac, row.seq + 1

    def _anchor_faults(self, macs: Mapping[int, str]) -> Iterator[Fault]:
        for line, link in self._links():
            if link is None:
                yield Fault(seq=0, what=f"{self._anchor}: line {line} cannot be read")
            elif link.tenant == self._tenant and macs.get(link.seq) != link.mac:
                yield Fault(seq=link.seq, what=f"row {link.seq} was anchored and is missing or another one")
        if macs and not self._anchor.is_file():
            yield Fault(seq=max(macs), what=f"{self._anchor}: the anchor is missing")

    def _links(self) -> Iterator[tuple[int, Link | None]]:
        if not self._anchor.is_file():
            return
        for number, line in enumerate(self._anchor.read_bytes().split(b"\n"), 1):
            if not line.strip(b"\0 "):
                continue
            try:
                yield number, Link.model_validate_json(line)
            except ValueError:
                yield number, None

    def _rows(self) -> Any:
        return select(AuditRow).where(AuditRow.tenant == self._tenant)


def _message(row: AuditRow, before: str) -> bytes:
    return _text([before, row.tenant, row.seq, row.at, row.event, row.about, row.subject_key, row.body])


def _text(document: Any) -> bytes:
    """Canonical JSON."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()
