"""`GET /v1/models`: what can be named in `model`."""

from typing import Any

from fastapi import APIRouter, Depends, Request

from api.auth import authenticated
from api.callers import Callers, ModelInfo
from api.errors import ApiError

router = APIRouter(prefix="/v1", dependencies=[Depends(authenticated)])


@router.get("/models")
def list_models(request: Request) -> dict[str, Any]:
    """All models, in the callers' order."""
    callers: Callers = request.app.state.callers
    return {"object": "list", "data": [_wire(info) for info in callers.models()]}


@router.get("/models/{model_id}")
def show_model(request: Request, model_id: str) -> dict[str, Any]:
    """One model.

    Raises:
        ApiError: 404, there is none of this name.
    """
    callers: Callers = request.app.state.callers
    for info in callers.models():
        if info.id == model_id:
            return _wire(info)
    raise ApiError(f"model {model_id!r}: not here; GET /v1/models lists them", status=404, code="model_not_found", param="model")


def _wire(info: ModelInfo) -> dict[str, Any]:
    return {"id": info.id, "object": "model", "created": info.created, "owned_by": info.owned_by}
