"""The web service, put together: keys and callers in, a FastAPI app out. Nothing is read at import."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from api.agent import Agent
from api.callers import Callers
from api.conversations import Conversations
from api.counter import Counter
from api.errors import answer_in_openai_form
from api.retries import Retries
from api.routes import actions, chat, console, health, models, plans, threads
from api.webhooks import Webhooks
from api.worker import Worker
from core.keys import KeyStore

_FORGET_S = 3600.0
_SWEEP_S = 5.0
"""So often writes are looked for whose process is gone."""
_log = logging.getLogger(__name__)


def create_app(
    keys: KeyStore,
    callers: Callers,
    agent: Agent | None = None,
    counter: Counter | None = None,
    webhooks: Webhooks | None = None,
    tenant: str = "default",
) -> FastAPI:
    """Build the service.

    Args:
        keys: Who may call.
        callers: What decides.
        agent: What acts; without it `/v1/threads` and `toolset@agent` answer 404.
        counter: Where single calls are handed in; without it `/v1/actions` and `/v1/approvals` answer 404.
        webhooks: Tells what happens at the counter and in threads; needs a counter.
        tenant: Whose service it is; keys of other tenants, which lie in the same store, find nothing here.

    Returns:
        An app of its own: two of them share nothing but what was handed in.
    """
    worker = Worker()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        at_work = [asyncio.create_task(_sweep(counter, webhooks))] if counter is not None else []
        if agent is not None:
            at_work.append(asyncio.create_task(_resume(worker, agent)))
        yield
        for task in at_work:
            task.cancel()
        worker.close()

    # The documentation pages would load scripts from elsewhere; /openapi.json is enough for tools.
    app = FastAPI(title="nightschool", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.keys, app.state.callers, app.state.worker, app.state.agent = keys, callers, worker, agent
    app.state.counter, app.state.tenant = counter, tenant
    app.state.conversations, app.state.retries = Conversations(), Retries[Any]()
    answer_in_openai_form(app)
    for routes in (chat, threads, actions, plans, console, models, health):
        app.include_router(routes.router)
    return app


async def _resume(worker: Worker, agent: Agent) -> None:
    """Go on with the turns that a crash stopped, before anybody asks for one."""
    try:
        await worker.run(agent.resume)
    except Exception:
        _log.exception("turns that a crash stopped could not be gone on with")


async def _sweep(counter: Counter, webhooks: Webhooks | None) -> None:
    """Close what a crash left open, from the start on and whenever another process of this home was killed; tell what is new;
    every hour, forget what is kept no longer."""
    forgets_at = 0.0
    while True:
        try:
            for entry in await run_in_threadpool(counter.catch_up):
                _log.warning("write %s of %s was left open by a crash: %s", entry.key, entry.tool, entry.state)
        except Exception:
            _log.exception("writes that a crash left open could not be looked after")
        try:
            if time.monotonic() >= forgets_at:
                forgets_at = time.monotonic() + _FORGET_S
                await run_in_threadpool(counter.forget)
        except Exception:
            _log.exception("what is kept no longer could not be forgotten")
        try:
            if webhooks is not None:
                await run_in_threadpool(webhooks.deliver)
        except Exception:
            _log.exception("webhooks could not be told")
        await asyncio.sleep(_SWEEP_S)
