"""`/v1/actions`: calls of business systems, by the path the agent's own calls take; `/v1/approvals`: what waits for a person."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import deciding
from api.auth import Authenticated
from api.bodies import read_body
from api.deciding import counter_of, shown
from tools import approvals

_ACCEPTED = 202


class Action(BaseModel):
    """One call."""

    model_config = ConfigDict(extra="forbid")

    tool: str
    """What to call."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Records by number, or as people say them."""
    dry_run: bool = False
    """Show what would change, change nothing."""


class Decision(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(extra="forbid")

    approve: bool
    """Whether it may be done."""
    reason: str = ""
    """Why, or why not."""


router = APIRouter(prefix="/v1")
_Key = Annotated[str | None, Header(alias="Idempotency-Key")]


async def _action(request: Request, _: Authenticated) -> Action:
    return await read_body(request, Action)


async def _decision(request: Request, _: Authenticated) -> Decision:
    return await read_body(request, Decision)


@router.post("/actions")
async def act(
    request: Request, response: Response, by: Authenticated, action: Annotated[Action, Depends(_action)], key: _Key = None
) -> dict[str, Any]:
    """Carry a call out; 202 where it waits for a person. The same `Idempotency-Key` brings the same answer.

    Raises:
        ApiError: 400 for a call that cannot be read, 403 where policy refuses it, 404 for a tool there is not, 409 while a twin
            is at it or where nobody knows how it ended, 422 where a rule is broken, 503 where the audit cannot be written.
    """
    counter = counter_of(request, by)
    acted = await run_in_threadpool(counter.act, action.tool, action.arguments, by, key, action.dry_run)
    if acted.status == "waiting":
        response.status_code = _ACCEPTED
    return shown(acted)


@router.get("/actions/{key:path}")
async def show_action(request: Request, by: Authenticated, key: str) -> dict[str, Any]:
    """What became of a write."""
    entry = await run_in_threadpool(counter_of(request, by).entry, key, by)
    return entry.model_dump(mode="json")


@router.get("/approvals")
async def waiting(request: Request, by: Authenticated) -> dict[str, Any]:
    """What waits, of it what this person asked for or may decide."""
    found = await run_in_threadpool(counter_of(request, by).waiting, by)
    return {"waiting": [_asked(one) for one in found]}


@router.get("/approvals/{identity}")
async def show_approval(request: Request, by: Authenticated, identity: str) -> dict[str, Any]:
    """What waits, or waited, under an id."""
    return _asked(await run_in_threadpool(counter_of(request, by).request, identity, by))


@router.post("/approvals/{identity}")
async def decide(
    request: Request, by: Authenticated, identity: str, decision: Annotated[Decision, Depends(_decision)]
) -> dict[str, Any]:
    """Let it be done, or not. A thread that waits for it goes on."""
    return await deciding.decide(request, by, identity, decision.approve, decision.reason)


def _asked(request: approvals.Request) -> dict[str, Any]:
    return request.model_dump(mode="json")
