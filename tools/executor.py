"""The write path: every call of a tool goes through here, every write with a ledger row.

A read goes straight to the business system. A write is first proposed (dry run), entered in the ledger as pending, carried out
under its idempotency key, checked by its effect, and entered as done. After a crash the ledger says which writes nobody knows the
end of, and the business system is asked by key before anything is done again.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from core.errors import NotFound, ToolError
from core.types.effect import Change, Effect
from core.types.principal import Principal
from core.types.tool import Risk
from tools.ledger import Ledger


class BackEnd(Protocol):
    """A business system that does a call once for each key."""

    def risk(self, tool: str) -> Risk:
        """What a wrong call costs; ToolError for a tool it has not."""

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        """Dry run; ToolError where a rule would be broken."""

    def execute(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        """Do it, or give back what this key did before; ToolError where a rule is broken, and then nothing was changed."""

    def find(self, key: str) -> Effect | None:
        """What a key did."""

    def shows(self, changes: tuple[Change, ...]) -> bool:
        """Whether the system is as these changes left it."""

    def undo(self, key: str) -> Effect:
        """Take back what a key did; ToolError where something later rests on it."""


class Executor:
    """Carries out the calls of one tenant."""

    def __init__(self, ledger: Ledger, back_end: BackEnd) -> None:
        self._ledger, self._back_end = ledger, back_end

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        """What a call would do.

        Raises:
            ToolError: A rule would be broken.
        """
        return self._back_end.propose(tool, arguments)

    def execute(self, tool: str, arguments: Mapping[str, Any], principal: Principal, key: str) -> Effect:
        """Carry a call out, once for each key.

        Args:
            tool: What to call.
            arguments: Resolved arguments.
            principal: For whom.
            key: Idempotency key of a write.

        Raises:
            ToolError: A rule was broken, nothing was changed; or the effect is not to be seen in the system.
            StoreError: The key stands for another request.
        """
        if self._back_end.risk(tool) == "read":
            return self._back_end.propose(tool, arguments)
        known = self._ledger.get(key)
        if known is None:
            self._back_end.propose(tool, arguments)  # what breaks a rule is refused before it is entered
        entry = self._ledger.begin(key, tool, arguments, principal)
        if entry.state == "done" and entry.effect is not None:
            return entry.effect
        if entry.state == "undone":
            raise ToolError(f"key {key!r}: its write was taken back; use a new key to do it again", field="key", value=key)
        return self._carry_out(tool, arguments, key)

    def undo(self, key: str) -> Effect:
        """Take a write back.

        Raises:
            NotFound: No write has this key.
            ToolError: Something later rests on it.
        """
        if self._ledger.get(key) is None:
            raise NotFound(f"write {key!r}: not in the ledger; `nightschool erp journal` lists them")
        effect = self._back_end.undo(key)
        self._ledger.finish(key, "undone")
        return effect

    def reconcile(self) -> list[str]:
        """After a crash: close every pending write by what the business system says of its key; returns the keys.

        A write the system does not know was never done, and is entered as failed.
        """
        keys = []
        for entry in self._ledger.pending():
            effect = self._back_end.find(entry.key)
            if effect is not None:
                self._ledger.finish(entry.key, "done", effect)
            else:
                self._ledger.finish(entry.key, "failed", detail="interrupted before the system did it")
            keys.append(entry.key)
        return keys

    def _carry_out(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        try:
            effect = self._back_end.execute(tool, arguments, key)
        except ToolError as error:
            self._ledger.finish(key, "failed", detail=str(error))
            raise
        if not self._back_end.shows(effect.changes):
            raise ToolError(f"{tool}: carried out, but its effect is not to be seen; look at key {key!r}", field="key", value=key)
        self._ledger.finish(key, "done", effect)
        return effect
