"""The boundary where errors become HTTP: every failure leaves in OpenAI's form, with an id to find it by.

`{"error": {"message", "type", "param", "code"}}`, the header `x-request-id` on every response, and `x-should-retry: false`
where a repetition cannot help, since the openai client repeats by itself what it may.
"""

import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import (
    BadInput,
    ContactLost,
    Denied,
    ModelError,
    NightschoolError,
    NotFound,
    OutcomeUnknown,
    StoreError,
    ToolError,
    ToolsetError,
)

MAX_BODY_BYTES = 1024 * 1024
"""Largest request body taken."""

_log = logging.getLogger(__name__)
_RETRYABLE = (408, 429, 503)
_HTTP_CODES = {404: "unknown_url", 405: "unknown_url", 413: "request_too_large"}
_STATUS: tuple[tuple[type[NightschoolError], int], ...] = (
    (Denied, 403),
    (OutcomeUnknown, 409),
    (ToolError, 422),
    (NotFound, 404),
    (BadInput, 400),
    (ToolsetError, 400),
    (ModelError, 503),
    (ContactLost, 503),
)
_STORE_STATUS = {"key_mismatch": 422, "in_progress": 409, "approval_spent": 409, "audit": 503, "policy": 503}
"""Of a `StoreError` by its code; others are ours to mend."""


class ApiError(NightschoolError):
    """A request is refused here, with everything its answer needs."""

    def __init__(
        self, message: str, *, status: int, code: str, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code)
        self.status = status
        self.param = param
        self.headers = dict(headers or {})


def answer_in_openai_form(app: FastAPI, max_body_bytes: int = MAX_BODY_BYTES) -> None:
    """Make every error of `app` leave in OpenAI's form, and limit what it reads."""
    for kind in (NightschoolError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(Envelope, max_body_bytes=max_body_bytes)


def error_response(
    status: int, message: str, code: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One error as OpenAI writes it."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    retry = {} if status in _RETRYABLE else {"x-should-retry": "false"}
    return JSONResponse(
        {"error": {"message": message, "type": kind, "param": param, "code": code}},
        status_code=status,
        headers={**retry, **(headers or {})},
    )


class Envelope:
    """Outermost middleware: names the request, limits its body, and answers what nothing else has answered."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._too_large = f"The request body is larger than {max_body_bytes} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{secrets.token_hex(12)}"
        started = False
        received = 0

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:  # an HTTPException, as FastAPI turns others into 400 while it reads a body
                raise HTTPException(413, self._too_large)
            return message

        if _declared_bytes(scope) > self._max_body_bytes:
            await error_response(413, self._too_large, _HTTP_CODES[413])(scope, receive, send_named)
            return
        try:
            await self._app(scope, receive_limited, send_named)
        except Exception:
            _log.exception("request %s failed", request_id)
            if started:  # too late for an answer: the server cuts the connection, which the client notices
                raise
            message = f"Something went wrong on our side; name {request_id} to the operator"
            await error_response(500, message, "internal_error")(scope, receive, send_named)


def _declared_bytes(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if re.fullmatch(r"[0-9]{1,18}", declared) else 0


async def _answer(request: Request, error: Exception) -> JSONResponse:
    """The handler of all expected errors.

    Raises:
        Exception: The same error, where its class has no status: `Envelope` answers it without details.
    """
    if isinstance(error, ApiError):
        return error_response(error.status, str(error), error.code, error.param, error.headers)
    if isinstance(error, NightschoolError):
        for kind, status in _STATUS:
            if isinstance(error, kind):
                return error_response(status, str(error), error.code, getattr(error, "field", None) or None)
        if isinstance(error, StoreError) and (status := _STORE_STATUS.get(error.code, 0)):
            return error_response(status, str(error), error.code)
    if isinstance(error, RequestValidationError):
        message, param = _name_field(error.errors()[0])
        return error_response(400, message, "bad_input", param)
    if isinstance(error, HTTPException):
        message = f"{error.detail}: {request.method} {request.url.path}" if error.status_code in (404, 405) else error.detail
        code = _HTTP_CODES.get(error.status_code, "http_error")
        return error_response(error.status_code, message, code, headers=error.headers)
    raise error


def _name_field(problem: Mapping[str, Any]) -> tuple[str, str | None]:
    """Message and `param` of one pydantic error: `("body", "stream_options", "include_usage")` is one field."""
    if problem["type"] == "json_invalid":
        return f"The request body is not JSON: {problem.get('ctx', {}).get('error', problem['msg'])}", None
    path = [str(part) for part in problem["loc"][1:]]
    param = ".".join(path) or None
    return f"{param or 'The request body'}: {problem['msg']}", param
