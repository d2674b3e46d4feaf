"""`/v1/plans`: one operation over many records, shown as one table, decided once, rows left out as the person wishes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from agents.planning import Source, document
from api.auth import Authenticated
from api.bodies import read_body
from api.deciding import counter_of

_ACCEPTED = 202


class Planned(BaseModel):
    """A plan to be made."""

    model_config = ConfigDict(extra="forbid")

    tool: str
    """What to call for each record."""
    rows: list[dict[str, Any]] = Field(default_factory=list)
    """Its arguments, row by row."""
    over: Source | None = None
    """Or the read that finds the records."""
    why: str = ""
    """What it is for."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "Planned":
        if bool(self.rows) == (self.over is not None):
            raise ValueError("a plan takes either `rows` or `over`")
        return self


class Decision(BaseModel):
    """A person's answer to a plan."""

    model_config = ConfigDict(extra="forbid")

    approve: bool
    """Whether it may be done."""
    leave_out: list[int] = Field(default_factory=list)
    """Rows that are not wanted, by place."""
    reason: str = ""
    """Why, or why not."""


router = APIRouter(prefix="/v1")


async def _planned(request: Request, _: Authenticated) -> Planned:
    return await read_body(request, Planned)


async def _decision(request: Request, _: Authenticated) -> Decision:
    return await read_body(request, Decision)


@router.post("/plans")
async def make(
    request: Request, response: Response, by: Authenticated, planned: Annotated[Planned, Depends(_planned)]
) -> dict[str, Any]:
    """Have a plan wait; 202. A row that cannot be done says why and does not stop the others.

    Raises:
        ApiError: 400 for a plan that cannot be read, has no rows or changes nothing, 404 for a tool there is not, 422 where the
            read that finds the records is refused.
    """
    counter = counter_of(request, by)
    rows = planned.over if planned.over is not None else planned.rows
    plan = await run_in_threadpool(counter.plan, planned.tool, rows, by, planned.why)
    response.status_code = _ACCEPTED
    return document(*await run_in_threadpool(counter.plan_table, plan.id, by))


@router.get("/plans")
async def newest(request: Request, by: Authenticated) -> dict[str, Any]:
    """Plans this person asked for or may decide about, the newest first, without their rows."""
    plans = await run_in_threadpool(counter_of(request, by).plans, by)
    return {"plans": [document(plan, ()) for plan in plans]}


@router.get("/plans/{identity}")
async def show(request: Request, by: Authenticated, identity: str) -> dict[str, Any]:
    """A plan with its rows as they stand."""
    return document(*await run_in_threadpool(counter_of(request, by).plan_table, identity, by))


@router.post("/plans/{identity}")
async def decide(
    request: Request, by: Authenticated, identity: str, decision: Annotated[Decision, Depends(_decision)]
) -> dict[str, Any]:
    """Let it be done, without the rows left out, or not; then its rows as they stand. What fails stops nothing after it."""
    counter = counter_of(request, by)
    await run_in_threadpool(counter.decide_plan, identity, by, decision.approve, decision.leave_out, decision.reason)
    return document(*await run_in_threadpool(counter.plan_table, identity, by))
