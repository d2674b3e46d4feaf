"""Webhooks: what waits for a person, what was written, and what nobody knows the end of, told to a URL.

The audit is the outbox: its rows are told in order, each at least once, and the place that was reached is kept, so that a crash
or a receiver that is down loses nothing. Signed as Standard Webhooks 1.0 has it: `webhook-signature: v1,BASE64` is the
HMAC-SHA-256 of `ID.TIMESTAMP.BODY`; an id that was seen before is a repetition.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from core.errors import BadInput
from core.whole import write_whole
from tools.audit import Audit, AuditRow

EVENTS = {"waiting": "approval.needed", "planned": "approval.needed", "done": "write.done", "unknown": "write.unknown"}
"""Events of the audit that are told, and as what."""
_PREFIX = "whsec_"
_TIMEOUT_S = 5.0
_OK = range(200, 300)


class Webhooks:
    """Tells one receiver."""

    def __init__(self, audit: Audit, url: str, secret: str, place: Path, clock: Callable[[], float] = time.time) -> None:
        """Start after what was told before; at the end of the audit where nothing was.

        Args:
            audit: What happened.
            url: Where to.
            secret: `whsec_` and at least 24 bytes in base64.
            place: File that keeps how far it came.
            clock: Unix seconds.

        Raises:
            BadInput: The secret is none.
        """
        self._audit, self._url, self._place, self._clock = audit, url, place, clock
        self._secret = _read_secret(secret)
        if not place.is_file():
            self._reached(max((row.seq for row in audit.rows()), default=0))

    def deliver(self) -> int:
        """Tell what is new, the oldest first, up to the first that is not taken; returns how many were told."""
        told = 0
        for row in self._audit.rows(after=int(self._place.read_text())):
            if row.event in EVENTS and "plan" not in row.body:  # a plan's rows are told of once, with it
                if not self._told(row):
                    return told
                told += 1
            self._reached(row.seq)
        return told

    def _told(self, row: AuditRow) -> bool:
        body = json.dumps(
            {"type": EVENTS[row.event], "timestamp": row.at, "data": {"key": row.about, "seq": row.seq, **_open(row)}}
        )
        try:
            answer = httpx.post(self._url, content=body.encode(), headers=self._headers(row, body), timeout=_TIMEOUT_S)
        except httpx.HTTPError:
            return False
        return answer.status_code in _OK

    def _headers(self, row: AuditRow, body: str) -> dict[str, str]:
        identity, now = f"msg_{row.tenant}_{row.seq}", str(int(self._clock()))
        signed = hmac.new(self._secret, f"{identity}.{now}.{body}".encode(), hashlib.sha256).digest()
        return {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": now,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }

    def _reached(self, seq: int) -> None:
        write_whole(self._place, str(seq))


def _open(row: AuditRow) -> dict[str, object]:
    """What of a row may be told: no values."""
    return {name: row.body[name] for name in ("tool", "request", "rows") if row.body.get(name) is not None}


def _read_secret(secret: str) -> bytes:
    try:
        read = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(f"webhook secret: not base64 after {_PREFIX!r}: {error}") from error
    if not secret.startswith(_PREFIX) or len(read) < 24:
        raise BadInput(f"webhook secret: expected {_PREFIX!r} and at least 24 bytes in base64")
    return read
