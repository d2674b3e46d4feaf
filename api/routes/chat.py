"""`POST /v1/chat/completions`: the next step of a conversation, decided by a toolset's caller, which executes nothing; or a whole
turn of the agent, which does."""

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from api.acting import AGENT, Heard, act
from api.auth import Authenticated
from api.bodies import read_body
from api.callers import Callers
from api.errors import ApiError
from api.replies import Answer, chunks, completion
from api.worker import Worker
from core.errors import BadInput, NotFound
from core.types.message import Message, read_messages


class StreamOptions(BaseModel):
    """OpenAI's `stream_options`."""

    include_usage: bool | None = None
    """End with a chunk that carries the usage."""


class ChatRequest(BaseModel):
    """What is read of an OpenAI request; all other fields are ignored, `tools` too: the toolset has its own."""

    model_config = ConfigDict(extra="ignore")

    model: str
    """`toolset`, for its champion; `toolset@release`; `toolset@agent`, which acts."""
    messages: list[Any]
    """OpenAI chat messages, the last from the user or a tool; read by `core`, whose errors name the message."""
    stream: bool | None = None
    """Answer in server-sent events."""
    stream_options: StreamOptions | None = None
    """Only with `stream`."""
    n: int | None = None
    """Only 1: the caller is deterministic."""
    thread: str | None = None
    """With `toolset@agent`: the thread to go on in, as an earlier answer named it."""


async def read_request(request: Request) -> ChatRequest:
    """Read the body.

    Raises:
        RequestValidationError: Not JSON, or a field is missing or of a wrong type.
    """
    return await read_body(request, ChatRequest)


router = APIRouter(prefix="/v1")
# FastAPI does not see the body, so its schema is told; references point to where it will stand in /openapi.json.
_BODY_PLACE = "#/paths/~1v1~1chat~1completions/post/requestBody/content/application~1json/schema/$defs/{model}"
_BODY_SCHEMA = ChatRequest.model_json_schema(ref_template=_BODY_PLACE)
_BODY: dict[str, Any] = {"required": True, "content": {"application/json": {"schema": _BODY_SCHEMA}}}


@router.post("/chat/completions", openapi_extra={"requestBody": _BODY})
async def complete(request: Request, principal: Authenticated, body: Annotated[ChatRequest, Depends(read_request)]) -> Response:
    """Decide the next step: calls to make, a question to ask, or nothing. The agent takes the whole turn.

    Raises:
        ApiError: 400 for what cannot be read, 404 for an unknown model, 429 while too many requests wait.
    """
    if body.n not in (None, 1):
        raise _bad("n", f"n: only 1 answer can be given, got {body.n}")
    toolset, release = _named(body.model)
    messages = _read_conversation(body.messages)
    if release == AGENT:
        heard = Heard(model=body.model, messages=messages, thread=body.thread, by=principal)
        return await act(request, toolset, heard, bool(body.stream))
    worker: Worker = request.app.state.worker
    answer = await worker.run(_decision(request.app.state.callers, body.model, messages))
    if body.stream:
        return _events(answer, bool(body.stream_options and body.stream_options.include_usage))
    return JSONResponse(completion(answer))


def _named(model: str) -> tuple[str, str | None]:
    """Toolset and release of a model's name."""
    toolset, at, release = model.partition("@")
    if not toolset or (at and not release):
        raise _bad("model", f"model: expected `toolset`, `toolset@release` or `toolset@agent`, got {model[:80]!r}")
    return toolset, release or None


def _decision(callers: Callers, model: str, messages: tuple[Message, ...]) -> Callable[[], Answer]:
    """The worker's job: load the caller if need be, and predict."""
    toolset, release = _named(model)

    def decide() -> Answer:
        try:
            caller = callers.caller(toolset, release)
        except NotFound as error:
            raise ApiError(str(error), status=404, code="model_not_found", param="model") from error
        prediction = caller.predict(messages)
        return Answer(model=model, release=caller.release_id, toolset=caller.toolset, prediction=prediction)

    return decide


def _read_conversation(raw: list[Any]) -> tuple[Message, ...]:
    try:
        messages = read_messages(raw)
    except BadInput as error:  # its text starts with the field
        raise _bad(str(error).partition(":")[0], str(error), error.code) from error
    except RecursionError as error:
        raise _bad("messages", "messages: the arguments of a call are nested too deep") from error
    if messages[-1].role not in ("user", "tool"):
        raise _bad("messages", f"messages: the last message must be the user's or a tool's, got {messages[-1].role!r}")
    return messages


def _bad(param: str, message: str, code: str = "bad_input") -> ApiError:
    return ApiError(message, status=400, code=code, param=param)


def _events(answer: Answer, include_usage: bool) -> Response:
    """Server-sent events in one piece: a step is decided as a whole, so there is nothing to wait for between chunks."""
    lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks(answer, include_usage)]
    body = "".join(f"data: {line}\n\n" for line in (*lines, "[DONE]"))
    return Response(body, media_type="text/event-stream", headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
