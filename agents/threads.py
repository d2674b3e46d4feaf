"""Threads: conversations that last. Each is kept in a file of its own kind, goes on after a crash, and waits for people."""

import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from agents.desk import Desk
from agents.graph import build_graph
from agents.nodes.approve import edited
from agents.nodes.close import broken_off
from agents.open_turns import OpenTurn, OpenTurns
from agents.wording import proposal_text
from agents.yes_no import yes_or_no
from core.errors import BadInput, Denied, NotFound
from core.types.principal import Principal
from core.types.value import Value

MOST_CHARACTERS = 12_000
"""Of one message."""
_BUSY_TIMEOUT_S = 15
_log = logging.getLogger(__name__)
Edits = Mapping[str, dict[str, Any]]
"""Other arguments, as said, for calls that wait, by the id of the call."""
AS_IT_IS: Edits = {}
_WAITS = "Shall I? Say yes or no."
OnReply = Callable[[dict[str, Any]], None]
"""Told of each reply of a turn as soon as it is there."""


def _unheard(_: dict[str, Any]) -> None:
    """For those who wait for the whole turn."""


class Turn(Value):
    """What one message, or one decision of a person, brought."""

    thread: str
    """Its thread."""
    replies: tuple[dict[str, Any], ...]
    """What to show: each with `text` and `kind`, which is `done`, `failed`, `open`, `answer`, `ask`, `none`, `refused`,
    `escalated` or `error`."""
    waiting: tuple[dict[str, Any], ...]
    """Calls that wait for a person, each with what it would change; empty where nothing does."""
    receipt: dict[str, Any]
    """Route, release, confidence, trace, sources; empty while it waits."""

    @property
    def text(self) -> str:
        """All of it in words."""
        said = [str(reply["text"]) for reply in self.replies if reply["text"]]
        return "\n".join([*said, *self.question]) or "Done."

    @property
    def question(self) -> tuple[str, ...]:
        """What waits, and that an answer is wanted; empty where nothing waits."""
        return (*map(proposal_text, self.waiting), _WAITS) if self.waiting else ()


class Threads:
    """The threads of one desk."""

    def __init__(self, desk: Desk, saver: SqliteSaver, turns: OpenTurns) -> None:
        """Use `open_threads`."""
        self._desk, self._graph, self._turns = desk, build_graph(desk, saver), turns

    def say(
        self,
        text: str,
        thread: str | None = None,
        history: Sequence[dict[str, Any]] = (),
        on_reply: OnReply = _unheard,
        by: Principal | None = None,
    ) -> Turn:
        """Take a turn: in a new thread, or in one that exists.

        Args:
            text: What is said.
            thread: Which; None begins one.
            history: What was said elsewhere before a new thread begins, in OpenAI form.
            on_reply: Told of each reply as soon as it is there.
            by: Who says it; None is the desk's own principal.

        Raises:
            BadInput: Nothing was said, or too much.
            NotFound: No such thread.
        """
        if not text.strip():
            raise BadInput("message: empty")
        if len(text) > MOST_CHARACTERS:
            raise BadInput(f"message: {len(text):,} characters; at most {MOST_CHARACTERS:,} can be read")
        if thread is None:
            return self._take(OpenTurn(uuid.uuid4().hex[:12], 1, text, list(history), _dumped(by)), on_reply)
        config = self._config(thread)
        if self._waiting(config):
            self._go_on(
                Command(resume={"approve": False, "reason": "something else was said", "by": _dumped(by)}), config, on_reply
            )
        elif self._unfinished(config):
            self._go_on(None, config, on_reply)  # a crash stopped it
        number = self._graph.get_state(config).values.get("turn", 0) + 1
        return self._take(OpenTurn(thread, number, text, [], _dumped(by)), on_reply)

    def hear(
        self,
        text: str,
        thread: str | None = None,
        history: Sequence[dict[str, Any]] = (),
        on_reply: OnReply = _unheard,
        by: Principal | None = None,
    ) -> Turn:
        """As `say`, but a plain yes or no answers what the thread waits for."""
        answer = yes_or_no(text)
        if thread is not None and answer is not None and self._waiting(self._config(thread)):
            return self.decide(thread, answer, on_reply=on_reply, by=by)
        return self.say(text, thread, history, on_reply, by)

    def decide(
        self,
        thread: str,
        approve: bool,
        reason: str = "",
        on_reply: OnReply = _unheard,
        by: Principal | None = None,
        approval: str | None = None,
        edits: Edits = AS_IT_IS,
    ) -> Turn:
        """Answer what a thread waits for.

        Args:
            thread: Which.
            approve: Whether it may be done.
            reason: Why, or why not.
            on_reply: Told of each reply as soon as it is there.
            by: Who decides; None is the desk's own principal.
            approval: What they were shown, where that was not the thread itself: it must be all that the thread waits for.
            edits: Other arguments, as said, for calls that wait, by the id of the call.

        Raises:
            NotFound: No such thread, or it waits for nothing, or for something else than what was shown, or not for such a call.
            BadInput: An edit does not fit its tool, or names no record, or several; it goes on waiting.
            Denied: This person may not decide about it, or may not edit it; it goes on waiting.
        """
        config = self._config(thread)
        calls = {call["id"]: call for found in self._waiting(config) for call in found["calls"]}
        waiting = [call["approval"] for call in calls.values() if call["approval"]]
        if not waiting:
            raise NotFound(f"thread {thread!r}: waits for nothing")
        if approval is not None and waiting != [approval]:
            raise NotFound(f"thread {thread!r}: waits for {', '.join(waiting)} together, not for {approval} alone; decide there")
        self._check(waiting, approve, by or self._desk.principal)
        for identity, said in edits.items():
            if identity not in calls:
                raise NotFound(f"call {identity!r}: thread {thread!r} waits for {', '.join(calls)}")
            edited(self._desk, calls[identity], said, self._desk.speaker(_dumped(by)))
        answer = {"approve": approve, "reason": reason, "by": _dumped(by), "edits": dict(edits)}
        state = self._graph.get_state(config).values
        begun = OpenTurn(thread, state["turn"], state["said"], [], state.get("by", {}))
        return self._noted(begun, Command(resume=answer), config, on_reply)

    def resume(self, thread: str) -> Turn:
        """Go on where a crash stopped; a thread that had come to its end just shows its last turn.

        Raises:
            NotFound: No such thread.
        """
        config = self._config(thread)
        return self._go_on(None, config, told=False) if self._unfinished(config) else self._turn(config)

    def resume_all(self) -> list[Turn]:
        """Bring to its end, or to where it waits, every turn that a crash stopped; what was only just said is taken up again.

        One that fails stays as it is, since nobody who said it would be told, and does not stop the others.
        """
        turns = []
        for begun in self._turns.all():
            try:
                turns.append(self._resumed(begun))
            except Exception:
                _log.exception("thread %s: the turn that a crash stopped could not be gone on with", begun.thread)
        return turns

    def speaker(self, thread: str) -> Principal:
        """Who spoke in a thread last.

        Raises:
            NotFound: No such thread.
        """
        return self._desk.speaker(self._graph.get_state(self._config(thread)).values.get("by"))

    def messages(self, thread: str) -> list[dict[str, Any]]:
        """The conversation so far, in OpenAI form.

        Raises:
            NotFound: No such thread.
        """
        return list(self._graph.get_state(self._config(thread)).values.get("messages", []))

    def _resumed(self, begun: OpenTurn) -> Turn:
        reached = self._graph.get_state(_config(begun.thread)).values.get("turn", 0)
        if reached < begun.turn:
            return self._take(begun, told=False)
        turn = self.resume(begun.thread)
        self._turns.end(begun.thread)
        return turn

    def _take(self, begun: OpenTurn, on_reply: OnReply = _unheard, told: bool = True) -> Turn:
        """A turn from its first word."""
        config = _config(begun.thread)
        history = [] if self._graph.get_state(config).values else begun.history  # after a crash it may be there already
        return self._noted(begun, {"messages": history, "said": begun.said, "by": begun.by}, config, on_reply, told)

    def _noted(self, begun: OpenTurn, given: Any, config: RunnableConfig, on_reply: OnReply, told: bool = True) -> Turn:
        """Go on with a turn that is noted until it is over, or waits, so that a crash loses nothing of it."""
        self._turns.begin(begun)
        turn = self._go_on(given, config, on_reply, told)
        self._turns.end(begun.thread)
        return turn

    def _go_on(self, given: Any, config: RunnableConfig, on_reply: OnReply = _unheard, told: bool = True) -> Turn:
        for update in self._updates(given, config, told):
            for written in update.values():
                # An interrupt comes as a tuple, a node that wrote nothing as None.
                for reply in written.get("replies", ()) if isinstance(written, dict) else ():
                    on_reply(reply)
        return self._turn(config)

    def _updates(self, given: Any, config: RunnableConfig, told: bool) -> Iterator[dict[str, Any]]:
        """What each node writes. A turn that fails is over where whoever spoke is told: only a dead process leaves one open."""
        try:
            yield from self._graph.stream(given, config, stream_mode="updates", durability="sync")
        except Exception:
            if told:
                self._break_off(config)
            raise

    def _break_off(self, config: RunnableConfig) -> None:
        """End a turn that failed, so that nobody goes on with it later; one that still waits for a person goes on waiting."""
        thread = config["configurable"]["thread_id"]
        if self._waiting(config):
            # The answer that failed is kept with the task, and would win over the next one: the task is made anew, without it.
            self._graph.update_state(config, {}, as_node="review")
            self._graph.invoke(None, config, durability="sync")
            self._turns.end(thread)
        else:
            state = self._graph.get_state(config)
            if failed := {task.name for task in state.tasks}:
                # Before it is routed, nothing of the turn is in the conversation.
                said = {} if "route" in failed else broken_off(state.values)
                self._graph.update_state(config, said, as_node="record")
            self._turns.end(thread)
            self._withdraw(thread)

    def _withdraw(self, thread: str) -> None:
        """Take back what a step had begun to ask for: nobody can answer it in the thread any more."""
        executor = self._desk.executor
        for request in executor.approvals.waiting():
            if request.shown.thread == thread:
                executor.withdraw(request.id, self._desk.principal, "the turn failed")

    def _turn(self, config: RunnableConfig) -> Turn:
        state = self._graph.get_state(config).values
        waiting = self._waiting(config)
        return Turn(
            thread=config["configurable"]["thread_id"],
            replies=tuple(reply for reply in state.get("replies", []) if reply["turn"] == state.get("turn")),
            waiting=tuple(call for found in waiting for call in found["calls"]),
            receipt={} if waiting else state.get("receipt", {}),
        )

    def _check(self, waiting: Sequence[str], approve: bool, by: Principal) -> None:
        """Refuse an answer of somebody who has no right to it before the thread hears of it."""
        executor = self._desk.executor
        for request in map(executor.approvals.get, waiting):
            if (why := executor.may_decide(request, by, approve)) is not None:
                raise Denied(why)

    def _waiting(self, config: RunnableConfig) -> list[dict[str, Any]]:
        return [found.value for task in self._graph.get_state(config).tasks for found in task.interrupts]

    def _unfinished(self, config: RunnableConfig) -> bool:
        # `next` would leave out a node whose writes are kept and whose checkpoint is not there yet; `tasks` has it.
        return bool(self._graph.get_state(config).tasks) and not self._waiting(config)

    def _config(self, thread: str) -> RunnableConfig:
        config = _config(thread)
        if not self._graph.get_state(config).values:
            raise NotFound(f"thread {thread!r}: there is none")
        return config


def any_stopped(file: Path) -> bool:
    """Whether a turn kept in a file has begun and not ended; there need be no file."""
    if not file.is_file():
        return False
    with closing(OpenTurns(file)) as turns:
        return bool(turns.all())


@contextmanager
def open_threads(desk: Desk, file: Path) -> Iterator[Threads]:
    """The threads kept in a file, which is made if need be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
    turns = OpenTurns(file)
    try:
        yield Threads(desk, SqliteSaver(connection), turns)
    finally:
        turns.close()
        connection.close()


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


def _dumped(by: Principal | None) -> dict[str, Any]:
    return by.model_dump(mode="json") if by is not None else {}
