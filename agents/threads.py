"""Threads: conversations that last. Each is kept in a file of its own kind, goes on after a crash, and waits for people."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from agents.desk import Desk
from agents.graph import build_graph
from core.errors import BadInput, NotFound
from core.types.value import Value

MOST_CHARACTERS = 12_000
"""Of one message."""
_BUSY_TIMEOUT_S = 15


class Turn(Value):
    """What one message, or one decision of a person, brought."""

    thread: str
    """Its thread."""
    replies: tuple[dict[str, Any], ...]
    """What to show: each with `kind` (`done`, `failed`, `answer`, `ask`, `none`, `refused`, `error`) and `text`."""
    waiting: tuple[dict[str, Any], ...]
    """Calls that wait for a person, each with what it would change; empty where nothing does."""
    receipt: dict[str, Any]
    """Route, release, confidence, trace, sources; empty while it waits."""

    @property
    def text(self) -> str:
        """All of it in words."""
        return "\n".join(str(reply["text"]) for reply in self.replies if reply["text"]) or "Done."


class Threads:
    """The threads of one desk."""

    def __init__(self, desk: Desk, saver: SqliteSaver) -> None:
        """Use `open_threads`."""
        self._graph, self._saver = build_graph(desk, saver), saver

    def say(self, text: str, thread: str | None = None) -> Turn:
        """Take a turn: in a new thread, or in one that exists.

        Raises:
            BadInput: Nothing was said, or too much.
            NotFound: No such thread.
        """
        if not text.strip():
            raise BadInput("message: empty")
        if len(text) > MOST_CHARACTERS:
            raise BadInput(f"message: {len(text):,} characters; at most {MOST_CHARACTERS:,} can be read")
        config = self._config(thread) if thread is not None else _config(uuid.uuid4().hex[:12])
        if self._waiting(config):
            self._go_on(Command(resume={"approve": False, "reason": "something else was said"}), config)
        elif self._graph.get_state(config).next:
            self._go_on(None, config)  # a crash left a turn unfinished
        return self._go_on({"said": text}, config)

    def decide(self, thread: str, approve: bool, reason: str = "") -> Turn:
        """Answer what a thread waits for.

        Raises:
            NotFound: No such thread, or it waits for nothing.
        """
        config = self._config(thread)
        if not self._waiting(config):
            raise NotFound(f"thread {thread!r}: waits for nothing")
        return self._go_on(Command(resume={"approve": approve, "reason": reason}), config)

    def resume(self, thread: str) -> Turn:
        """Go on where a crash stopped; a thread that had come to its end just shows its last turn.

        Raises:
            NotFound: No such thread.
        """
        config = self._config(thread)
        unfinished = bool(self._graph.get_state(config).next) and not self._waiting(config)
        return self._go_on(None, config) if unfinished else self._turn(config)

    def messages(self, thread: str) -> list[dict[str, Any]]:
        """The conversation so far, in OpenAI form.

        Raises:
            NotFound: No such thread.
        """
        return list(self._graph.get_state(self._config(thread)).values.get("messages", []))

    def _go_on(self, given: Any, config: RunnableConfig) -> Turn:
        self._graph.invoke(given, config, durability="sync")
        return self._turn(config)

    def _turn(self, config: RunnableConfig) -> Turn:
        state = self._graph.get_state(config).values
        waiting = self._waiting(config)
        return Turn(
            thread=config["configurable"]["thread_id"],
            replies=tuple(reply for reply in state.get("replies", []) if reply["turn"] == state.get("turn")),
            waiting=tuple(call for found in waiting for call in found["calls"]),
            receipt={} if waiting else state.get("receipt", {}),
        )

    def _waiting(self, config: RunnableConfig) -> list[dict[str, Any]]:
        return [found.value for task in self._graph.get_state(config).tasks for found in task.interrupts]

    def _config(self, thread: str) -> RunnableConfig:
        config = _config(thread)
        if not self._graph.get_state(config).values:
            raise NotFound(f"thread {thread!r}: there is none")
        return config


@contextmanager
def open_threads(desk: Desk, file: Path) -> Iterator[Threads]:
    """The threads kept in a file, which is made if need be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        yield Threads(desk, SqliteSaver(connection))
    finally:
        connection.close()


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}
