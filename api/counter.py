"""The counter: where business systems and people hand in single calls; opened when first asked for."""

import threading
from collections.abc import Mapping
from typing import Any

from agents.actions import Acted, Actions
from agents.home import Home
from core.errors import NotFound
from core.types.effect import Effect
from core.types.principal import Principal
from tools.approvals import Request
from tools.ledger import Entry


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
        """See `Executor.reject`."""
        return self._actions().executor.reject(identity, by, reason)

    def reconcile(self) -> list[Entry]:
        """See `Executor.reconcile`; nothing where there is no business system yet."""
        return self._actions().executor.reconcile() if self._home.company.is_file() else []

    def close(self) -> None:
        """Let go of the business system."""
        if self._opened is not None:
            self._opened.close()

    def _actions(self) -> Actions:
        with self._lock:
            if self._opened is None:
                self._opened = Actions(self._home)
            return self._opened

    def _waiting(self) -> list[Request]:
        owns = self._actions().executor.owns
        return [request for request in self._home.approvals.waiting() if owns(request)]

    def _concerns(self, request: Request, by: Principal) -> bool:
        return request.principal.person == by.person or self._actions().executor.may_decide(request, by) is None

    def _seen(self, request: Request, by: Principal) -> Request:
        seen = self._actions().executor.seen
        told = seen(Effect(tool=request.tool, result=request.arguments), by)
        shown = request.shown.model_copy(update={"effect": seen(request.shown.effect, by)})
        return request.model_copy(update={"shown": shown, "arguments": told.result})
