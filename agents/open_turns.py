"""Turns that have begun and not ended, so that what a crash stopped is found again, down to the words that were said."""

import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

_BUSY_TIMEOUT_S = 15


class OpenTurn(NamedTuple):
    """A turn that has begun."""

    thread: str
    """Of which thread."""
    turn: int
    """Which turn of it, from 1."""
    said: str
    """What the person said."""
    history: list[dict[str, Any]]
    """What was said elsewhere before, in OpenAI form; for the first turn of a thread."""
    by: dict[str, Any]
    """Who said it, as a principal."""


class OpenTurns:
    """The turns of one threads' file that are under way."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS open_turns (thread TEXT PRIMARY KEY, turn INTEGER, said TEXT, history TEXT, by TEXT)"
        )

    def begin(self, begun: OpenTurn) -> None:
        """A turn begins."""
        row = (begun.thread, begun.turn, begun.said, json.dumps(begun.history), json.dumps(begun.by))
        self._connection.execute("INSERT OR REPLACE INTO open_turns VALUES (?, ?, ?, ?, ?)", row)

    def end(self, thread: str) -> None:
        """It is over, or waits for a person."""
        self._connection.execute("DELETE FROM open_turns WHERE thread = ?", (thread,))

    def all(self) -> list[OpenTurn]:
        """Those under way, in the order they began."""
        rows = self._connection.execute("SELECT thread, turn, said, history, by FROM open_turns ORDER BY rowid").fetchall()
        return [OpenTurn(thread, turn, said, json.loads(history), json.loads(by)) for thread, turn, said, history, by in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
