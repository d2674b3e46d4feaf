"""Builds the seed company's file; the same seed and day give the same rows."""

import random
from datetime import date
from pathlib import Path

from sqlmodel import Session

from tools.erp.sandbox.sandbox import Sandbox, open_company
from tools.erp.sandbox.seed.history import History, Progress
from tools.erp.sandbox.seed.master import add_master
from tools.erp.sandbox.tables.record import Record

FIRST_DAY, TODAY = date(2024, 11, 13), date(2026, 5, 13)
"""Eighteen months; a Wednesday, so that "next Friday" and "yesterday" are working days."""
SEED = 2026


def build_company(
    path: Path, seed: int = SEED, first_day: date = FIRST_DAY, progress: Progress = lambda _done, _of: None
) -> Sandbox:
    """Make the company at `path`, which must not exist yet.

    Args:
        path: Its file.
        seed: Of everything that is drawn.
        first_day: When its history begins; a short one is quick to make.
        progress: Told how far it is.

    The file appears whole or not at all: it is built beside its place and moved there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.building")
    building.unlink(missing_ok=True)
    engine = open_company(building)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
    Record.metadata.create_all(engine)
    rng = random.Random(seed)
    with Session(engine) as session:
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        add_master(session, rng, TODAY)
        History(session, rng, progress).play(first_day, TODAY)
        session.commit()
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")  # one file to move
    engine.dispose()
    building.rename(path)
    return Sandbox(path)
