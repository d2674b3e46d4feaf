"""`/v1/threads`: conversations with the agent, which acts; `/v1/feedback`: what people say of its turns."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from agents.threads import Turn
from api.agent import Agent
from api.auth import Authenticated
from api.bodies import read_body
from api.errors import ApiError
from api.worker import Worker
from core.types.message import ToolCall
from core.types.principal import Principal


class Said(BaseModel):
    """A message of a person."""

    model_config = ConfigDict(extra="ignore")

    text: str
    """What is said."""


class Decision(BaseModel):
    """A person's answer to what a thread waits for."""

    model_config = ConfigDict(extra="ignore")

    approve: bool
    """Whether it may be done."""
    reason: str = ""
    """Why not."""
    edits: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Other arguments, as said, for calls that wait, by the call's id: these are done instead, and taught."""


class Call(BaseModel):
    """A call that would have been right."""

    model_config = ConfigDict(extra="ignore")

    name: str
    """Tool."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """As said."""


class Feedback(BaseModel):
    """What a person says of a turn."""

    model_config = ConfigDict(extra="ignore")

    trace: str
    """The trace its receipt names."""
    right: bool
    """Whether it was right: then it teaches."""
    calls: list[Call] | None = None
    """Where it was wrong, the calls that would have been right; an empty list where none were."""


router = APIRouter(prefix="/v1")


async def _said(request: Request) -> Said:
    return await read_body(request, Said)


async def _decision(request: Request) -> Decision:
    return await read_body(request, Decision)


async def _feedback(request: Request) -> Feedback:
    return await read_body(request, Feedback)


def _agent(request: Request) -> Agent:
    agent: Agent | None = request.app.state.agent
    if agent is None:
        raise ApiError("this service has no agent: it serves callers only", status=404, code="no_agent")
    return agent


@router.post("/threads")
async def begin(request: Request, by: Authenticated, said: Annotated[Said, Depends(_said)]) -> dict[str, Any]:
    """Say something in a new thread.

    Raises:
        ApiError: 400 for a message that cannot be read, 404 without a champion, 429 while too many requests wait.
    """
    return await _take_turn(request, by, said.text, None)


@router.post("/threads/{thread}")
async def go_on(request: Request, by: Authenticated, thread: str, said: Annotated[Said, Depends(_said)]) -> dict[str, Any]:
    """Say something in a thread that exists."""
    return await _take_turn(request, by, said.text, thread)


@router.get("/threads/{thread}")
async def show(request: Request, by: Authenticated, thread: str) -> dict[str, Any]:
    """The conversation so far, in OpenAI form."""
    agent, worker = _agent(request), _worker(request)
    return {"thread": thread, "messages": await worker.run(lambda: agent.messages(thread, by))}


@router.post("/threads/{thread}/decision")
async def decide(
    request: Request, by: Authenticated, thread: str, decision: Annotated[Decision, Depends(_decision)]
) -> dict[str, Any]:
    """Approve, put right, or reject what a thread waits for; what comes of it is told to whose thread it is."""
    agent, worker = _agent(request), _worker(request)

    def decided() -> Turn | None:
        """In one job, as a second one could be refused when the decision has taken effect; None where it is another's thread."""
        own = agent.owns(thread, by)
        turn = agent.decide(thread, decision.approve, decision.reason, by, edits=decision.edits)
        return turn if own else None

    turn = await worker.run(decided)
    return _shown(turn) if turn is not None else {"status": "decided", "thread": thread}


@router.post("/feedback")
async def judge(request: Request, by: Authenticated, feedback: Annotated[Feedback, Depends(_feedback)]) -> dict[str, Any]:
    """Say that a turn was right, or what would have been; either teaches the next night."""
    agent, worker = _agent(request), _worker(request)
    calls = None if feedback.calls is None else [ToolCall(name=c.name, arguments=c.arguments) for c in feedback.calls]
    trace = await worker.run(lambda: agent.judge(feedback.trace, feedback.right, calls, by))
    return {"trace": feedback.trace, "teaches": trace.id if trace is not None else None}


async def _take_turn(request: Request, by: Principal, text: str, thread: str | None) -> dict[str, Any]:
    agent, worker = _agent(request), _worker(request)
    turn = await worker.run(lambda: agent.say(text, thread, by))
    return _shown(turn)


def _shown(turn: Turn) -> dict[str, Any]:
    return {**turn.model_dump(mode="json"), "text": turn.text}


def _worker(request: Request) -> Worker:
    worker: Worker = request.app.state.worker
    return worker
