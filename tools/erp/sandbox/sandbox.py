"""The sandbox as a back end: propose, execute, find, undo, snapshot, on one company file."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, func
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, col, create_engine, select

from core.errors import BadInput, NotFound, StoreError, ToolError
from core.failpoints import reached
from core.types.effect import Change, Effect
from core.types.tool import Risk
from core.types.value import content_hash
from tools.erp.operations import ALL
from tools.erp.operations.operation import Operation, Result
from tools.erp.sandbox.areas import HANDLERS
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.changes import Recorder, shows, take_back
from tools.erp.sandbox.soundness import unfounded
from tools.erp.sandbox.tables.company import Company
from tools.erp.sandbox.tables.journal import Action
from tools.erp.sandbox.tables.record import Record
from tools.trust import Trust

_NONE: Mapping[str, Any] = {}
_BUSY_TIMEOUT_MS = 15_000
OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in ALL}
"""Every operation by its name."""


class Sandbox:
    """One company file; safe for several threads and processes, writers one at a time."""

    def __init__(self, path: Path) -> None:
        """Open a company that exists.

        Raises:
            NotFound: There is none at `path`; names the command that makes one.
            StoreError: The file is no company.
        """
        if not path.is_file():
            raise NotFound(f"{path}: no company there; make one with `nightschool erp reset`")
        self.path = path
        self._engine = open_company(path)
        try:
            with Session(self._engine) as session:
                session.get_one(Company, 1)
        except Exception as error:
            raise StoreError(f"{path}: is no company file: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @property
    def system(self) -> str:
        """In the ledger."""
        return "sandbox"

    def conclusive(self, tool: str) -> bool:
        """The journal is written with the change: a key that is not there did nothing."""
        return True

    def schema_hash(self, tool: str) -> str:
        """Of an operation's arguments as they are now.

        Raises:
            ToolError: There is none of that name.
        """
        return _operation(tool).tool.schema_hash

    def trust(self, tool: str) -> Mapping[str, Trust]:
        """How far each field of a result is trusted; of an operation that is not there, nothing is."""
        return OPERATIONS[tool].trust if tool in OPERATIONS else {}

    def risk(self, tool: str) -> Risk:
        """What a wrong call of an operation costs.

        Raises:
            ToolError: There is none of that name.
        """
        return _operation(tool).risk

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        """Dry run: what the call would do, undone before anybody sees it.

        Raises:
            ToolError: Names the field, the value and the rule that was broken.
        """
        with self._transaction(self.risk(tool)) as session:
            done = self._carry_out(session, tool, arguments)
            session.rollback()
        return done

    def execute(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        """Do it once: a key that was used before gives back what happened then.

        Raises:
            ToolError: A rule was broken, or the key belongs to another call; nothing was changed.
        """
        with self._transaction() as session:
            known = session.exec(select(Action).where(Action.key == key)).first()
            if known is not None:
                return _again(known, tool, arguments)
            done = self._carry_out(session, tool, arguments)
            if done.changes:
                session.add(_action(done, arguments, key))
            reached("sandbox.committing")
            session.commit()
        reached("sandbox.committed")
        return done

    def find(self, key: str, tool: str = "", arguments: Mapping[str, Any] = _NONE) -> Effect | None:
        """What a key did, or None where it did nothing; the journal knows the call by it."""
        with Session(self._engine) as session:
            known = session.exec(select(Action).where(Action.key == key)).first()
            return _done(known) if known is not None else None

    def shows(self, changes: tuple[Change, ...]) -> bool:
        """Effect check: whether the company is as these changes left it."""
        with Session(self._engine) as session:
            return shows(session, list(changes))

    def undo(self, key: str, tool: str = "", arguments: Mapping[str, Any] = _NONE, effect: Effect | None = None) -> Effect:
        """Take an action back, row for row; the journal knows it by its key. One that is taken back already stays so.

        Raises:
            NotFound: No action has this key.
            ToolError: Something later rests on it.
        """
        with self._transaction() as session:
            action = session.exec(select(Action).where(Action.key == key)).first()
            if action is None:
                raise NotFound(f"action {key!r}: not in the journal; `nightschool erp journal` lists them")
            done = _done(action)
            if action.undone:
                return done
            unfounded_before = set(unfounded(session))
            take_back(session, list(done.changes))
            if loose := [fault for fault in unfounded(session) if fault not in unfounded_before]:
                raise ToolError(
                    f"action {key!r}: something later rests on it; undo that first: {loose[0]}", field="key", value=key
                )
            action.undone = True
            try:
                session.commit()
            except DatabaseError as error:
                raise ToolError(
                    f"action {key!r}: something later rests on it; undo that first", field="key", value=key
                ) from error
        return done

    def journal(self, limit: int = 20) -> list[Action]:
        """The newest actions first."""
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.exec(select(Action).order_by(col(Action.id).desc()).limit(limit)).all())

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        with Session(self._engine) as session:
            return {
                name: session.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in sorted(Record.metadata.tables.items())
            }

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table but the journal, sorted: two companies are equal where these are."""
        with Session(self._engine) as session:
            return {
                name: sorted((tuple(row) for row in session.execute(table.select())), key=repr)
                for name, table in sorted(Record.metadata.tables.items())
                if name != Action.__tablename__
            }

    def stamp(self) -> int:
        """Changes with every write, whatever process makes it."""
        with self._engine.connect() as connection:
            return hash(tuple(connection.exec_driver_sql("SELECT max(id), count(*), total(undone) FROM action").one()))

    def snapshot(self, target: Path) -> None:
        """Copy the company into another file, consistent even while others write."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))

    @contextmanager
    def books(self) -> Iterator[Books]:
        """The books to read in."""
        with Session(self._engine) as session:
            yield Books(session)

    @contextmanager
    def _transaction(self, risk: Risk = "write") -> Iterator[Session]:
        with Session(self._engine) as session:
            # two writers never both read before one writes; who only reads waits for nobody
            session.connection().exec_driver_sql("BEGIN" if risk == "read" else "BEGIN IMMEDIATE")
            yield session

    def _carry_out(self, session: Session, name: str, arguments: Mapping[str, Any]) -> Effect:
        operation = _operation(name)
        recorder = Recorder(session)
        result = HANDLERS[name](Books(session), operation.read(arguments))
        session.flush()
        return _report(operation, result, recorder.changes)


def _operation(name: str) -> Operation:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise ToolError(f"tool {name!r}: the sandbox has none of that name", field="tool", value=name)
    return operation


def open_company(path: Path) -> Engine:
    """An engine on a company file that begins transactions itself, so that a writer can lock before it reads."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _configure)
    return engine


def restore(snapshot: Path, path: Path) -> None:
    """Put a snapshot in the place of a company that nobody has open.

    Raises:
        NotFound: There is no such snapshot.
        BadInput: It is the company's own file, or no company; the company stays as it was.
    """
    if not snapshot.is_file():
        raise NotFound(f"{snapshot}: no snapshot there")
    if path.exists() and path.samefile(snapshot):
        raise BadInput(f"{snapshot}: is the company itself, and no snapshot of it")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        shutil.copyfile(snapshot, partial)
        Sandbox(partial).close()
        forget_file(path)
        partial.replace(path)
    finally:
        forget_file(partial)


def forget_file(path: Path) -> None:
    """Delete a company's file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _configure(connection, _record) -> None:  # type: ignore[no-untyped-def]  # DBAPI objects have no common type
    connection.isolation_level = None  # the driver would begin a transaction only at the first write
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _report(operation: Operation, result: Result, changes: list[Change]) -> Effect:
    return Effect(
        tool=operation.name,
        result=result.model_dump(mode="json", exclude_none=True),
        changes=tuple(changes),
        reply=operation.reply(result),
    )


def _action(done: Effect, arguments: Mapping[str, Any], key: str) -> Action:
    return Action(
        key=key,
        operation=done.tool,
        arguments=_plain(arguments),
        result={"result": done.result, "reply": done.reply},
        changes=[change.model_dump(mode="json") for change in done.changes],
        at=datetime.now(UTC),
    )


def _done(action: Action) -> Effect:
    return Effect(
        tool=action.operation,
        result=action.result["result"],
        changes=tuple(Change.model_validate(change) for change in action.changes),
        reply=action.result["reply"],
    )


def _again(known: Action, name: str, arguments: Mapping[str, Any]) -> Effect:
    if known.operation != name or content_hash(known.arguments) != content_hash(_plain(arguments)):
        raise ToolError(f"key {known.key!r}: was used for another call, {known.operation}", field="key", value=known.key)
    if known.undone:
        raise ToolError(f"key {known.key!r}: its action was undone; use a new key to do it again", field="key", value=known.key)
    return _done(known)


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(arguments), default=str))
    return plain
