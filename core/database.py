"""The database: one engine, migrated on opening. SQLite in WAL by default, any SQLAlchemy URL otherwise."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event
from sqlalchemy.exc import DatabaseError
from sqlmodel import create_engine

from core.errors import StoreError
from core.settings import Settings

_BUSY_TIMEOUT_MS = 15_000


def open_database(settings: Settings) -> Engine:
    """Open and migrate the database; safe to repeat.

    Raises:
        StoreError: The file is not a database, or is newer than this code.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = create_engine(settings.url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    try:
        _migrate(engine)
    except DatabaseError as error:
        raise StoreError(f"{engine.url.render_as_string(hide_password=True)}: cannot open the database: {error.orig}") from error
    return engine


def _configure_sqlite(connection, _record) -> None:  # type: ignore[no-untyped-def]  # DBAPI objects have no common type
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    heads = ScriptDirectory.from_config(config).get_heads()
    with engine.connect() as connection:
        if set(MigrationContext.configure(connection).get_current_heads()) == set(heads):
            return  # what only reads need not wait for who writes
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # The driver begins no transaction for tables and columns by itself: a process killed half way would leave some of
            # them, which the next one then finds in its way. At once for writing: of two that open a new home, one waits.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
