"""The agent behind the OpenAI surface: `model: toolset@agent` takes a whole turn, which acts, and streams it as it goes on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from agents.threads import Turn
from api.agent import Agent
from api.conversations import Conversations
from api.errors import ApiError
from api.retries import HEADER, Retries, name_of
from api.turns import TurnChunks, turn_completion
from api.worker import Worker
from core.errors import BadInput, Denied, NightschoolError, NotFound
from core.types.message import Message, write_messages
from core.types.principal import Principal
from core.types.value import Value

_BUSY = 429
AGENT = "agent"
"""In `model`, where else a release is named."""


class Heard(Value):
    """What a client sent for the agent."""

    model: str
    """As named, repeated in the answer."""
    messages: tuple[Message, ...]
    """All said so far; the last is the person's."""
    thread: str | None
    """Where the client names one."""
    by: Principal
    """Who asks: conversations of two people are never taken for one."""

    @property
    def whose(self) -> str:
        """Names the person among all there are."""
        return f"{self.by.tenant}/{self.by.subject_key}"


async def act(request: Request, toolset: str, heard: Heard, stream: bool) -> Response:
    """Take a turn.

    A conversation is found again by what was said in it, or goes on in the thread the client names; one that is not known
    begins a thread, which is told what was said before.

    Raises:
        ApiError: 400 where the last message is not a person's, 404 for an unknown thread or agent, 429 while too many wait.
    """
    agent: Agent | None = request.app.state.agent
    if agent is None or agent.toolset != toolset:
        raise ApiError(f"no agent acts with toolset {toolset!r}", status=404, code="model_not_found", param="model")
    if heard.messages[-1].role != "user":
        raise ApiError(
            "messages: the agent carries out its own calls; the last message must be the user's",
            status=400,
            code="bad_input",
            param="messages",
        )
    retries: Retries[_RunningTurn] = request.app.state.retries
    name = name_of(heard.whose, await request.body())
    turn = retries.find(name, request.headers.get(HEADER))
    if turn is not None:
        ended = await turn.whole()
        return _told_again(ended, heard.model) if stream else JSONResponse(turn_completion(heard.model, ended))
    turn = _RunningTurn(agent, request.app.state.worker, request.app.state.conversations, heard)
    retries.keep(name, turn)
    turn.if_it_fails(lambda: retries.forget(name))
    if not stream:
        return JSONResponse(turn_completion(heard.model, await turn.whole()))
    first = await turn.next_line()
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(turn, first, heard.model), media_type="text/event-stream", headers=headers)


class _RunningTurn:
    """A turn that the worker takes, and its lines as they come. It ends even where nobody listens any more."""

    def __init__(self, agent: Agent, worker: Worker, conversations: Conversations, heard: Heard) -> None:
        self._conversations = conversations
        self._heard: Heard | None = heard
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        before = heard.messages[:-1]
        known = conversations.take(heard.whose, before)
        thread = heard.thread or known
        history = () if thread else _texts_of(before)

        def on_reply(reply: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(self._lines.put_nowait, str(reply["text"]))

        def put_back(running: asyncio.Future[Turn]) -> None:
            if known is not None and (running.cancelled() or running.exception() is not None):
                conversations.keep(heard.whose, before, known)  # it came no further: said again, it goes on there

        def take() -> Turn:
            at, told = thread, history
            if at is not None and heard.thread is None and not _is_there(agent, at, heard.by):
                at, told = None, _texts_of(before)
            return agent.hear(heard.messages[-1].content, at, told, on_reply, heard.by)

        self._running = asyncio.ensure_future(worker.run(take))
        self._running.add_done_callback(put_back)
        self._running.add_done_callback(lambda _: self._lines.put_nowait(None))

    async def next_line(self) -> str | None:
        """What is said next; None at the end.

        Raises:
            NightschoolError: The turn failed.
        """
        line = await self._lines.get()
        if line is None:
            self._running.result()  # raises what the turn raised
        return line

    def if_it_fails(self, tell: Callable[[], None]) -> None:
        """Say so where it was never taken up, as too many others wait or it cannot be read: asked again it is the same."""

        def ended(running: asyncio.Future[Turn]) -> None:
            error = None if running.cancelled() else running.exception()
            if isinstance(error, BadInput | NotFound | Denied) or (isinstance(error, ApiError) and error.status == _BUSY):
                tell()

        self._running.add_done_callback(ended)

    async def whole(self) -> Turn:
        """The turn, when it is over."""
        turn = await asyncio.shield(self._running)  # who waits may go away; the turn goes on
        self.keep(turn, turn.text)
        return turn

    def ended(self) -> Turn:
        """The turn, once there are no more lines."""
        return self._running.result()

    def keep(self, turn: Turn, text: str) -> None:
        """Remember the conversation as the client now has it; once, and then let go of what was heard."""
        heard, self._heard = self._heard, None
        if heard is not None:
            said = (*heard.messages, Message(role="assistant", content=text))
            self._conversations.keep(heard.whose, said, turn.thread)


def _is_there(agent: Agent, thread: str, by: Principal) -> bool:
    """Whether a thread that was remembered is kept still; what nobody went on with may be forgotten."""
    try:
        return agent.owns(thread, by)
    except NotFound:
        return False


def _told_again(turn: Turn, model: str) -> Response:
    """A turn that is over, as a stream in one piece."""
    chunks = TurnChunks(model)
    events = [chunks.first(), chunks.line(turn.text), chunks.last(turn)]
    return Response("".join(map(_event, events)) + "data: [DONE]\n\n", media_type="text/event-stream")


async def _events(turn: _RunningTurn, line: str | None, model: str) -> AsyncIterator[str]:
    chunks, said = TurnChunks(model), list[str]()
    yield _event(chunks.first())
    try:
        while line is not None:
            said.append(line)
            yield _event(chunks.line(line))
            line = await turn.next_line()
    except NightschoolError as error:  # too late for a status
        yield _event({"error": {"message": str(error), "type": "server_error", "param": None, "code": error.code}})
        return
    ended = turn.ended()
    for line in ended.question or (() if said else (ended.text,)):
        said.append(line)
        yield _event(chunks.line(line))
    turn.keep(ended, "\n".join(said))
    yield _event(chunks.last(ended))
    yield "data: [DONE]\n\n"


def _event(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n"


def _texts_of(messages: Sequence[Message]) -> Sequence[dict[str, Any]]:
    """What people and assistants said elsewhere; calls and results of other agents are not this one's."""
    return write_messages([message for message in messages if message.role in ("user", "assistant") and not message.tool_calls])
