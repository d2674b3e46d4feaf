"""Changes: what a transaction does to each row, recorded as it is flushed, shown as a diff, and taken back.

One mechanism serves dry runs (record, then roll back), the journal (record, then commit) and undo (put the old values back, if
nothing has touched them since).
"""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Table, and_, delete, event, insert, inspect, select, text, update
from sqlalchemy.orm import UOWTransaction
from sqlmodel import Session

from core.errors import ToolError
from core.types.effect import Change
from tools.erp.sandbox.tables.company import Sequence
from tools.erp.sandbox.tables.journal import Action
from tools.erp.sandbox.tables.record import Record


class Recorder:
    """Listens to one session; `changes` is the net effect so far."""

    def __init__(self, session: Session) -> None:
        self._rows: dict[tuple[str, str], Change] = {}
        event.listen(session, "after_flush", self._flushed)

    @property
    def changes(self) -> list[Change]:
        """Net changes by table and key, so that two equal calls give equal diffs; a row added and deleted again is none."""
        return [change for _, change in sorted(self._rows.items()) if change.before != change.after]

    def _flushed(self, session: Session, _context: UOWTransaction) -> None:
        for row in session.new:
            self._note(row, before=None, after=_values(row))
        for row in session.dirty:
            if fields := _changed(row):
                self._note(
                    row,
                    before={name: old for name, (old, _) in fields.items()},
                    after={name: new for name, (_, new) in fields.items()},
                )
        for row in session.deleted:  # what was changed just before it was deleted was never written
            self._note(row, before={**_values(row), **{name: old for name, (old, _) in _changed(row).items()}}, after=None)

    def _note(self, row: Any, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if isinstance(row, Action):
            return
        table, key = _place(row)
        known = self._rows.get(place := (table, repr(key)))
        if known is not None:
            before, after = _merged(known, before, after)
        self._rows[place] = Change(table=table, key=key, before=before, after=after, counter=isinstance(row, Sequence))


def _merged(
    known: Change, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Two changes of one row as one; fields that are back where they were fall out."""
    if known.before is None:  # added in this transaction
        return None, None if after is None else {**(known.after or {}), **after}
    old = {**(before or {}), **known.before}
    if after is None:
        return old, None
    new = {**(known.after or {}), **after}
    moved = [name for name in new if old.get(name) != new[name]]
    return {name: old[name] for name in moved}, {name: new[name] for name in moved}


def shows(session: Session, changes: list[Change]) -> bool:
    """Effect check: whether every row is as the changes left it."""
    return all(_is_as_left(session, change) for change in changes)


def take_back(session: Session, changes: list[Change]) -> None:
    """Put every row back as it was before.

    Raises:
        ToolError: A row has changed since; names it.
    """
    for change in changes:
        if not _is_as_left(session, change):
            raise ToolError(
                f"{change.table} {_name(change)}: changed since; undo what came later first", field=change.table, value=change.key
            )
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA defer_foreign_keys = ON"))  # rows of one action may refer to each other
    for change in reversed(changes):
        table = _table(change.table)
        here = and_(*(table.c[name] == _value(table.c[name], value) for name, value in change.key.items()))
        if change.before is None:
            session.execute(delete(table).where(here))
        elif change.after is None:
            session.execute(insert(table).values({n: _value(table.c[n], v) for n, v in change.before.items()}))
        else:
            session.execute(update(table).where(here).values({n: _value(table.c[n], v) for n, v in change.before.items()}))


def _is_as_left(session: Session, change: Change) -> bool:
    table = _table(change.table)
    here = and_(*(table.c[name] == _value(table.c[name], value) for name, value in change.key.items()))
    row = session.execute(select(table).where(here)).mappings().first()
    if row is None or change.after is None:
        return row is None and change.after is None
    return all(_plain(row[name]) == value for name, value in change.after.items())


def _table(name: str) -> Table:
    table: Table = Record.metadata.tables[name]
    return table


def _place(row: Any) -> tuple[str, dict[str, Any]]:
    mapper = inspect(row).mapper
    return mapper.local_table.name, {
        column.name: _plain(getattr(row, mapper.get_property_by_column(column).key)) for column in mapper.primary_key
    }


def _values(row: Any) -> dict[str, Any]:
    return {attribute.key: _plain(getattr(row, attribute.key)) for attribute in inspect(row).mapper.column_attrs}


def _changed(row: Any) -> dict[str, tuple[Any, Any]]:
    fields = {}
    for attribute in inspect(row).mapper.column_attrs:
        history = inspect(row).attrs[attribute.key].history
        if history.has_changes() and history.deleted:
            old, new = _plain(history.deleted[0]), _plain(getattr(row, attribute.key))
            if old != new:
                fields[attribute.key] = (old, new)
    return fields


def _plain(value: Any) -> Any:
    """As JSON holds it: decimals and days as text, in one spelling."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date):
        return value.isoformat()
    return value


def _value(column: Column[Any], value: Any) -> Any:
    """Back from JSON."""
    if value is None:
        return None
    kind = column.type.python_type
    if kind is Decimal:
        return Decimal(value)
    return kind.fromisoformat(value) if kind is date else value


def _name(change: Change) -> str:
    return " ".join(str(value) for value in change.key.values())
