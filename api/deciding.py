"""A person's decision about what waits, whichever door it comes by."""

from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from agents.actions import Acted
from api.counter import Counter
from api.errors import ApiError
from core.types.principal import Principal


def counter_of(request: Request, by: Principal) -> Counter:
    """Where this person's calls are handed in.

    Raises:
        ApiError: 404, no business system of their tenant is open here.
    """
    counter: Counter | None = request.app.state.counter
    if counter is None or counter.tenant != by.tenant:
        raise ApiError(f"no business system is open to tenant {by.tenant!r}", status=404, code="not_found")
    return counter


async def decide(request: Request, by: Principal, identity: str, approve: bool, reason: str) -> dict[str, Any]:
    """Let it be done, or not. A thread that waits for it goes on.

    Raises:
        ApiError: 404 where a thread waits and no agent acts here.
        NotFound: Nothing of theirs waits under this id.
        Denied: They may not decide about it.
        ToolError: A rule was broken meanwhile.
    """
    counter, agent = counter_of(request, by), request.app.state.agent
    asked = await run_in_threadpool(counter.request, identity, by)
    if asked.shown.thread:
        if agent is None:
            raise ApiError("no agent acts here", status=404, code="not_found")
        thread = asked.shown.thread
        await request.app.state.worker.run(lambda: agent.decide(thread, approve, reason, by, identity))
        return {"status": "decided", "thread": thread}  # what was said in it is between the agent and who asked
    if approve:
        return shown(await run_in_threadpool(counter.approve, identity, by))
    rejected = await run_in_threadpool(counter.reject, identity, by, reason)
    return {"status": "rejected", **rejected.model_dump(mode="json")}


def shown(acted: Acted) -> dict[str, Any]:
    """What came of an action, on the wire."""
    told = acted.model_dump(mode="json", exclude={"effect"})
    return {**told, **acted.effect.model_dump(mode="json", exclude={"tool"})}
