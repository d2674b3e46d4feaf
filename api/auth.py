"""Who asks: the FastAPI dependency that turns a bearer key into a principal."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import ApiError
from core.keys import KeyStore
from core.types.principal import Principal

_Credentials = Annotated[
    HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False, description="An API key: ns_…"))
]


def authenticated(request: Request, credentials: _Credentials) -> Principal:
    """The principal of the request's `Authorization: Bearer` key; not async, as it asks the database.

    Raises:
        ApiError: 401, without a key or with one that does not work. Malformed, unknown and revoked keys are told apart
            by nobody, and the key is not repeated. 404, with another tenant's key: nothing here is theirs.
    """
    if credentials is None:
        raise _refusal("No API key: send `Authorization: Bearer ns_…`; `nightschool keys create` makes one")
    keys: KeyStore = request.app.state.keys
    principal = keys.authenticate(credentials.credentials)
    if principal is None:
        raise _refusal("Incorrect API key: unknown, mistyped or revoked")
    if principal.tenant != request.app.state.tenant:
        raise ApiError(f"nothing here is open to tenant {principal.tenant!r}", status=404, code="not_found")
    return principal


Authenticated = Annotated[Principal, Depends(authenticated)]
"""A route parameter of this type is the principal who asks."""


def _refusal(message: str) -> ApiError:
    return ApiError(message, status=401, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
