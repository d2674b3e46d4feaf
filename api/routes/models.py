"""`GET /v1/models`: what can be named in `model`."""

from typing import Any

from fastapi import APIRouter, Depends, Request

from api.acting import AGENT
from api.agent import Agent
from api.auth import authenticated
from api.callers import Callers, ModelInfo
from api.errors import ApiError

router = APIRouter(prefix="/v1", dependencies=[Depends(authenticated)])


@router.get("/models")
def list_models(request: Request) -> dict[str, Any]:
    """All models, in the callers' order; then the agent."""
    return {"object": "list", "data": [_wire(info) for info in _models(request)]}


@router.get("/models/{model_id}")
def show_model(request: Request, model_id: str) -> dict[str, Any]:
    """One model.

    Raises:
        ApiError: 404, there is none of this name.
    """
    for info in _models(request):
        if info.id == model_id:
            return _wire(info)
    raise ApiError(f"model {model_id!r}: not here; GET /v1/models lists them", status=404, code="model_not_found", param="model")


def _models(request: Request) -> list[ModelInfo]:
    callers: Callers = request.app.state.callers
    agent: Agent | None = request.app.state.agent
    models = callers.models()
    if agent is None:
        return models
    made = next((info.created for info in models if info.id == agent.toolset), 0)  # when its champion was
    return [*models, ModelInfo(id=f"{agent.toolset}@{AGENT}", created=made)]


def _wire(info: ModelInfo) -> dict[str, Any]:
    return {"id": info.id, "object": "model", "created": info.created, "owned_by": info.owned_by}
