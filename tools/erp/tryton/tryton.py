"""Tryton as a back end: propose, execute, find, undo, over RPC.

Exactly once, without keys in Tryton: see `tools/erp/tryton/work.py`. What a crash left is looked for by mark and state, and
finished where it was begun. Before anything is said to be not there, the session of the crashed one is ended, and whatever it
still had under way gets `grace_s` seconds.
"""

import time
from collections.abc import Mapping
from typing import Any

from core.errors import ContactLost, ToolError
from core.types.effect import Change, Effect
from core.types.tool import Risk
from tools.erp.operations import ALL
from tools.erp.operations.operation import Operation
from tools.erp.tryton.areas import HANDLERS
from tools.erp.tryton.books import Books
from tools.erp.tryton.rpc import Rpc
from tools.erp.tryton.work import Done, Read, Write, mark_of, plain
from tools.trust import Trust

OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in ALL if operation.name in HANDLERS}
"""Every operation that runs on Tryton, by its name."""
_UNSTEADY = ("count_stock", "change_order")
GRACE_S = 2.0
"""A call takes Tryton a fraction of a second; what came to it before a crash has ended by then, or never came."""


class Tryton:
    """One company in one Tryton database; safe for several threads and processes."""

    def __init__(self, rpc: Rpc, grace_s: float = GRACE_S) -> None:
        self.rpc, self.books, self._grace_s = rpc, Books(rpc), grace_s

    def close(self) -> None:
        """Let go of the connections."""
        self.rpc.close()

    @property
    def system(self) -> str:
        """In the ledger."""
        return "tryton"

    def conclusive(self, tool: str) -> bool:
        """A write leaves its mark, or a state that stays: one that shows neither after the grace was not done. Of one whose state
        others may change again at once, nobody can say."""
        return tool not in _UNSTEADY

    def schema_hash(self, tool: str) -> str:
        """Of an operation's arguments as they are now; ToolError for one that does not run here."""
        return _operation(tool).tool.schema_hash

    def trust(self, tool: str) -> Mapping[str, Trust]:
        """How far each field of a result is trusted; of an operation that does not run here, nothing is."""
        return OPERATIONS[tool].trust if tool in OPERATIONS else {}

    def risk(self, tool: str) -> Risk:
        """What a wrong call costs; ToolError for an operation that does not run here."""
        return _operation(tool).risk

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        """A read's answer, or what a write would do, reckoned from what Tryton holds: it has no dry run.

        Raises:
            ToolError: Names the field, the value and the rule that was broken.
            ContactLost: Tryton does not answer.
        """
        read = _operation(tool).read(arguments)
        handler = HANDLERS[tool]
        if isinstance(handler, Read):
            return _effect(tool, Done(handler.answer(self.books, read), ()))
        return _effect(tool, handler.plan(self.books, read))

    def execute(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        """Do it once: a key that was used before gives back what is there of it.

        Raises:
            ToolError: A rule was broken; nothing was changed.
            ContactLost: Tryton did not answer, or refused after a part was done.
        """
        handler, read, mark = _write(tool), _operation(tool).read(arguments), mark_of(key)
        known = handler.done(self.books, read, mark) if handler.begun(self.books, read, mark) else None
        if known is None:
            try:
                handler.carry_out(self.books, read, mark)
            except ToolError as error:
                if self._left_something(handler, read, mark):
                    raise ContactLost(f"{tool}: begun, and then refused: {error}") from error
                raise
            try:
                known = handler.done(self.books, read, mark)
            except ToolError as error:
                raise ContactLost(f"{tool}: carried out, and not to be read: {error}") from error
        if known is None:
            raise ContactLost(f"{tool}: carried out, and not to be seen in Tryton")
        return _effect(tool, known)

    def find(self, key: str, tool: str, arguments: Mapping[str, Any]) -> Effect | None:
        """What a key did, finished where it was begun; None where it did nothing.

        Raises:
            ContactLost: Tryton does not answer, or refuses to let it be finished.
        """
        handler, mark = _write(tool), mark_of(key)
        try:
            read = _operation(tool).read(arguments)
            found = self._seen(handler, read, mark)
            if found is None:
                self.rpc.end_dead()
                time.sleep(self._grace_s)
                found = self._seen(handler, read, mark)
        except ToolError as error:
            raise ContactLost(f"{tool}: cannot be finished: {error}") from error
        return _effect(tool, found) if found is not None else None

    def shows(self, changes: tuple[Change, ...]) -> bool:
        """Effect check: whether Tryton is as these changes left it."""
        return all(self._shows(change) for change in changes if change.key["id"] is not None)

    def undo(self, key: str, tool: str, arguments: Mapping[str, Any], effect: Effect) -> Effect:
        """Take back what a key did, where Tryton lets go of it without a trace in the books; what is gone already stays so.

        Raises:
            ToolError: It has to be reversed in the books, or something rests on it.
        """
        handler, read, mark = _write(tool), _operation(tool).read(arguments), mark_of(key)
        done = handler.done(self.books, read, mark)
        if not handler.undo(self.books, read, mark):
            why = f"{tool} is not taken back in Tryton; reverse it in the books"
            raise ToolError(f"action {key!r}: {why}", field="key", value=key)
        if done is None and (left := self._left_of(effect)):
            why = f"{left} is there, without the mark of this write; look at it in Tryton"
            raise ToolError(f"action {key!r}: {why}", field="key", value=key)
        return _effect(tool, done) if done is not None else Effect(tool=tool, result={})

    def _left_of(self, effect: Effect) -> str:
        """A record that a write made and that is still there; empty where none is."""
        made = [(change.table, change.key["id"]) for change in effect.changes if change.before is None and change.key.get("id")]
        return next(
            (f"{model} {identity}" for model, identity in made if self.rpc.search(model, [("id", "=", identity)], ["id"])), ""
        )

    def _left_something(self, handler: Write, arguments: Any, mark: str) -> bool:
        """Whether a write that was refused left a part, or the whole: an error may come after its transaction."""
        try:
            return handler.begun(self.books, arguments, mark) or handler.done(self.books, arguments, mark) is not None
        except ToolError:
            return True

    def _seen(self, handler: Write, arguments: Any, mark: str) -> Done | None:
        done = handler.done(self.books, arguments, mark)
        if done is None and handler.begun(self.books, arguments, mark):
            handler.carry_out(self.books, arguments, mark)
            done = handler.done(self.books, arguments, mark)
        return done

    def _shows(self, change: Change) -> bool:
        wanted = change.after
        found = self.rpc.search(change.table, [("id", "=", change.key["id"])], list(wanted or ()))
        if wanted is None or not found:
            return (wanted is None) == (not found)
        return all(_field(found[0], name) == value for name, value in wanted.items())


def _field(record: Mapping[str, Any], path: str) -> Any:
    """A field by its dotted path, as JSON."""
    *links, name = path.split(".")
    for link in links:
        record = record[f"{link}."] or {}
    return plain({name: record.get(name)})[name.replace("__", ".")]


def _operation(name: str) -> Operation:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise ToolError(f"tool {name!r}: does not run on Tryton; these do: {', '.join(OPERATIONS)}", field="tool", value=name)
    return operation


def _write(name: str) -> Write:
    _operation(name)
    handler = HANDLERS[name]
    if not isinstance(handler, Write):
        raise ToolError(f"tool {name!r}: changes nothing", field="tool", value=name)
    return handler


def _effect(tool: str, done: Done) -> Effect:
    operation = OPERATIONS[tool]
    return Effect(
        tool=tool,
        result=done.result.model_dump(mode="json", exclude_none=True),
        changes=tuple(done.changes),
        reply=operation.reply(done.result),
    )
