"""Retention: what is older than its class of data may be is forgotten; that it was, the audit keeps."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver

from agents.home import Home

_BUSY_TIMEOUT_S = 15
TAUGHT = "taught-"
"""How the files of a night's folder begin that keep what a teacher answered."""


def forget(home: Home, now: datetime, pretend: bool = False) -> dict[str, int]:
    """Forget, in one home, what its policy keeps no longer.

    Args:
        home: Which.
        now: UTC.
        pretend: Only count.

    Returns:
        How many of each class; a class without a limit is not named.

    Raises:
        StoreError: The policy cannot be read, or the audit not written.
    """
    days = home.policy().retention
    classes: dict[str, tuple[int | None, Callable[[datetime], int]]] = {
        "traces": (days.traces, lambda before: home.traces.forget(before, pretend) + forget_taught(home.nights, before, pretend)),
        "threads": (days.threads, lambda before: forget_threads(home.threads, before, pretend)),
        "approvals": (days.approvals, lambda before: home.approvals.forget(before, pretend) + home.plans.forget(before, pretend)),
        "ledger": (days.ledger, lambda before: home.ledger.forget(before, home.principal, pretend)),
    }
    return {name: of(now - timedelta(days=kept)) for name, (kept, of) in classes.items() if kept is not None}


def forget_taught(nights: Path, before: datetime, pretend: bool) -> int:
    """Delete files of a teacher's answers that nothing was added to since an instant (UTC), or count them; returns how many."""
    old = [file for file in nights.glob(f"{TAUGHT}*.jsonl") if datetime.fromtimestamp(file.stat().st_mtime, UTC) < before]
    for file in old if not pretend else ():
        file.unlink(missing_ok=True)
    return len(old)


def forget_threads(file: Path, before: datetime, pretend: bool) -> int:
    """Delete threads whose last step was before an instant (UTC), or only count them; returns how many.

    One that waits for a person stays until they have answered.
    """
    if not file.is_file():
        return 0
    with closing(sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        saver.setup()
        last: dict[str, datetime] = {}
        for found in saver.list(None):  # the newest of each first
            last.setdefault(found.config["configurable"]["thread_id"], _ended(found))
        old = [thread for thread, at in last.items() if at < before]
        for thread in old if not pretend else ():
            saver.delete_thread(thread)
    return len(old)


def _ended(found: CheckpointTuple) -> datetime:
    """When a thread took its last step; never, where it waits for a person or was stopped in the middle."""
    if found.pending_writes:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.fromisoformat(found.checkpoint["ts"]).astimezone(UTC)
