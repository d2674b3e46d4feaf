"""The web service, put together: keys and callers in, a FastAPI app out. Nothing is read at import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.agent import Agent
from api.callers import Callers
from api.conversations import Conversations
from api.errors import answer_in_openai_form
from api.routes import chat, health, models, threads
from api.worker import Worker
from core.keys import KeyStore


def create_app(keys: KeyStore, callers: Callers, agent: Agent | None = None) -> FastAPI:
    """Build the service.

    Args:
        keys: Who may call.
        callers: What decides.
        agent: What acts; without it `/v1/threads` and `toolset@agent` answer 404.

    Returns:
        An app of its own: two of them share nothing but what was handed in.
    """
    worker = Worker()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        worker.close()

    # The documentation pages would load scripts from elsewhere; /openapi.json is enough for tools.
    app = FastAPI(title="nightschool", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.keys, app.state.callers, app.state.worker, app.state.agent = keys, callers, worker, agent
    app.state.conversations = Conversations()
    answer_in_openai_form(app)
    for routes in (chat, threads, models, health):
        app.include_router(routes.router)
    return app
