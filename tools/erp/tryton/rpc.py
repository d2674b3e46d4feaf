"""Tryton's JSON-RPC: a session, calls, wizards, and its errors as ours.

Protocol as `trytond/protocols/jsonrpc.py` of trytond 8.2: `POST /DATABASE/rpc/` with method and parameters, the last of which is
a context; dates, decimals and bytes are objects with a `__class__`.
"""

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import count
from typing import Any

import httpx

from core.errors import ContactLost, Denied, ToolError
from core.failpoints import reached
from tools.erp.tryton.sessions import Sessions

TIMEOUT_S = 60.0
"""Of one call; what takes longer may still be done."""
_CONNECT_S = 3.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_RULES = ("UserError", "UserWarning", "ConcurrencyException")
Record = dict[str, Any]
"""Fields of one record; what a field points at stands beside it under its name and a full stop."""


class Rpc:
    """One logged-in session with one database; safe for several threads."""

    def __init__(
        self, url: str, user: str, password: str, sessions: Sessions | None = None, where: Callable[[], str | None] = lambda: None
    ) -> None:
        """Log in.

        Args:
            url: Of the database, `http://localhost:8000/erp/`.
            user: Login name.
            password: Of this user; kept to log in again when the session runs out.
            sessions: Where sessions are noted, so that one whose process dies can be ended.
            where: Asked where contact is lost: the URL the database has by now, None where that is not known.

        Raises:
            ContactLost: The server does not answer.
            Denied: Wrong name or password.
        """
        self._url, self._user, self._password, self._where = _endpoint(url), user, password, where
        self._client = httpx.Client(timeout=httpx.Timeout(TIMEOUT_S, connect=_CONNECT_S), trust_env=False)
        self._numbers, self._sessions = count(1), sessions
        self.session = self._login()
        self.context: dict[str, Any] = self._preferences()

    def close(self) -> None:
        """Let go of the connections; the session runs out by itself."""
        self._client.close()

    def call(self, model: str, method: str, *arguments: Any, **context: Any) -> Any:
        """One method of a model, in one transaction of the server.

        Raises:
            ToolError: Tryton refuses it; nothing was changed.
            ContactLost: No answer came; it may have been done.
        """
        return self._send(f"model.{model}.{method}", *arguments, {**self.context, **context})

    def search(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], limit: int | None = None, order: Any = None
    ) -> list[Record]:
        """Records that a domain lets through, with these fields (`party.code` follows a link)."""
        found: list[Record] = self.call(model, "search_read", list(domain), 0, limit, order, ["id", *fields])
        return found

    def read(self, model: str, identities: Sequence[int], fields: Sequence[str]) -> list[Record]:
        """These records, in this order."""
        if not identities:
            return []
        found = {record["id"]: record for record in self.call(model, "read", list(identities), ["id", *fields])}
        return [found[identity] for identity in identities if identity in found]

    def create(self, model: str, **values: Any) -> int:
        """A new record; returns its id."""
        created: list[int] = self.call(model, "create", [values])
        return created[0]

    def write(self, model: str, identity: int, **values: Any) -> None:
        """Change fields of a record."""
        self.call(model, "write", [identity], values)

    def button(self, model: str, method: str, identity: int) -> None:
        """Press a button on a record: a transition of its workflow."""
        self.call(model, method, [identity])

    def wizard(self, name: str, state: str, data: Mapping[str, Any], **context: Any) -> None:
        """Take a wizard through one state, with what its forms would hold."""
        session, _, _ = self._send(f"wizard.{name}.create", {**self.context, **context})
        self._send(f"wizard.{name}.execute", session, dict(data), state, {**self.context, **context})
        with suppress(ToolError, ContactLost):  # what it was for is done; what is left of it runs out by itself
            self._send(f"wizard.{name}.delete", session, {**self.context, **context})

    def end_dead(self) -> None:
        """End the sessions of processes that are gone: the server takes up no further request of theirs."""
        for session in self._sessions.dead() if self._sessions is not None else ():
            with suppress(_LoggedOut):
                self._post("common.db.logout", [], session)

    def _login(self) -> str:
        answer = self._post("common.db.login", [self._user, {"password": self._password}], "")
        identity, key = answer[0], answer[1]
        session = base64.b64encode(f"{self._user}:{identity}:{key}".encode()).decode()
        if self._sessions is not None:
            self._sessions.note(session)
        return session

    def _preferences(self) -> dict[str, Any]:
        preferences: dict[str, Any] = self._send("model.res.user.get_preferences", True, {})
        return preferences

    def _send(self, method: str, *parameters: Any) -> Any:
        reached("tryton.calling")
        try:
            answer = self._post(method, list(parameters), self.session)
        except _LoggedOut:  # nothing was done: who is not known is not let in
            answer = self._once_more(method, list(parameters))
        reached("tryton.answered")
        return answer

    def _once_more(self, method: str, parameters: list[Any]) -> Any:
        self.session = self._login()
        try:
            return self._post(method, parameters, self.session)
        except _LoggedOut as error:
            raise ContactLost(f"{error}, and {method} is not let in with a new one") from error

    def _post(self, method: str, parameters: list[Any], session: str) -> Any:
        """One request, at the place where the server is: it may have been started anew at another one."""
        before = self._url
        try:
            return self._posted(method, parameters, session)
        except ContactLost as error:
            if (now := self._where()) is not None:
                self._url = _endpoint(now)
            if self._url == before or not isinstance(error.__cause__, _NOT_SENT):
                raise
        return self._posted(method, parameters, session)

    def _posted(self, method: str, parameters: list[Any], session: str) -> Any:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Session {session}"} if session else {})}
        body = _write({"id": next(self._numbers), "method": method, "params": parameters})
        try:
            response = self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise ContactLost(f"tryton at {self._url}: no answer to {method}: {error or type(error).__name__}") from error
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN) and session:
            raise _LoggedOut(f"tryton at {self._url}: the session is over")
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise Denied(f"tryton at {self._url}: user {self._user!r}: wrong name or password")
        if response.status_code != httpx.codes.OK:
            raise ContactLost(f"tryton at {self._url}: {method} ended with {response.status_code}: {response.text:.200}")
        try:
            document = json.loads(response.text, object_hook=_value)
        except ValueError as error:
            raise ContactLost(f"tryton at {self._url}: {method} was answered in no JSON: {response.text:.200}") from error
        if isinstance(document, dict) and document.get("error") is not None:
            raise _refusal(method, document["error"])
        return document["result"] if isinstance(document, dict) and "result" in document else document


class _LoggedOut(Exception):
    """The session is not known any more; the request was not carried out."""


def _endpoint(url: str) -> str:
    return f"{url.rstrip('/')}/rpc/"


def _refusal(method: str, error: Sequence[Any]) -> ToolError | ContactLost:
    """A Tryton error as ours: what its rules say, or a fault of the server, which may have come after it had done it."""
    kind, words = str(error[0]), error[1] if len(error) > 1 else ""
    if kind not in _RULES:
        return ContactLost(f"tryton: {method} failed: {kind:.300}")
    parts = list(words) if isinstance(words, list | tuple) else [words]
    said = parts[1] if kind == "UserWarning" and len(parts) > 1 else parts[0]  # a warning's own name comes first
    return ToolError(f"tryton: {' '.join(str(said).split())}")


def _write(document: Any) -> str:
    return json.dumps(document, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, dt.date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, dt.timedelta):
        return {"__class__": "timedelta", "seconds": value.total_seconds()}
    raise TypeError(f"{type(value).__name__}: cannot be sent to Tryton")


def _value(document: dict[str, Any]) -> Any:
    match document.get("__class__"):
        case "Decimal":
            return Decimal(document["decimal"])
        case "date":
            return dt.date(document["year"], document["month"], document["day"])
        case "datetime":
            parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return dt.datetime(*(document[part] for part in parts))
        case "timedelta":
            return dt.timedelta(seconds=document["seconds"])
        case "bytes":
            return base64.b64decode(document["base64"])
        case _:
            return document
