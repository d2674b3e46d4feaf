"""What carries an operation out in Tryton: reads, and writes in steps that each look first whether they are done.

Tryton runs each call in a transaction of its own and knows no idempotency key. So a write that makes a record leaves its mark (a
hash of its key) in a text field of it, in the same call; a write that makes none is proven by the state it brings about.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from core.types.effect import Change
from tools.erp.operations.operation import Result
from tools.erp.tryton.books import Books


class Done(NamedTuple):
    """What a write did, or would do."""

    result: Result
    """What it gives back."""
    changes: Sequence[Change]
    """The field diff; a new record that is only proposed has no id yet."""


class Read(ABC):
    """An operation that changes nothing."""

    @abstractmethod
    def answer(self, books: Books, arguments: Any) -> Result:
        """What is asked for; ToolError for a record that is not there."""


class Write(ABC):
    """An operation that changes something. `Any`: each takes its operation's own arguments."""

    @abstractmethod
    def plan(self, books: Books, arguments: Any) -> Done:
        """What would be done; ToolError where a rule would be broken."""

    @abstractmethod
    def carry_out(self, books: Books, arguments: Any, mark: str) -> None:
        """Do it; called again after an interruption it does what is left."""

    @abstractmethod
    def done(self, books: Books, arguments: Any, mark: str) -> Done | None:
        """What was done; None where it was not, or not to its end."""

    def begun(self, books: Books, arguments: Any, mark: str) -> bool:
        """Whether an interrupted one left something to finish. What is done in one call has nothing between."""
        return False

    def undo(self, books: Books, arguments: Any, mark: str) -> bool:
        """Take it back, where that leaves nothing behind, and leave it so where it is; False where it has to be reversed in the
        books."""
        return False


def mark_of(key: str) -> str:
    """A write's mark, of 26 characters."""
    return f"ns{sha256(key.encode()).hexdigest()[:24]}"


def new(model: str, identity: int | None, **fields: Any) -> Change:
    """A record that was made, or would be."""
    return Change(table=model, key={"id": identity}, before=None, after=plain(fields))


def dated(day: Any) -> Change:
    """That something is booked on a day, for rules about closed periods: who plans it knows the day, the record comes later."""
    return Change(table="booking", key={"id": None}, before=None, after=plain({"date": day}))


def changed(model: str, identity: int, before: dict[str, Any], after: dict[str, Any]) -> Change:
    """A record whose fields were changed, or would be."""
    return Change(table=model, key={"id": identity}, before=plain(before), after=plain(after))


def plain(fields: dict[str, Any]) -> dict[str, Any]:
    """As JSON: numbers as numbers, days as text; two underscores stand for a full stop (`party__code` is `party.code`)."""
    return {name.replace("__", "."): _json(value) for name, value in fields.items()}


def _json(value: Any) -> Any:
    if isinstance(value, bool | int | str | None):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    number = float(value)
    return int(number) if number.is_integer() else number
