"""Request bodies, read whatever their content type.

As a dependency, and not as FastAPI's body parameter, for two reasons: FastAPI parses a body before it asks who sends it, and
pydantic's own parser refuses what Python's lets through (half surrogate pairs, any depth of nesting).
"""

from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

_Body = TypeVar("_Body", bound=BaseModel)


async def read_body(request: Request, kind: type[_Body]) -> _Body:
    """Read the body.

    Raises:
        RequestValidationError: Not JSON, or a field is missing or of a wrong type.
    """
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**problem, "loc": ("body", *problem["loc"])} for problem in problems]) from error
