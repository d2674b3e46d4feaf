"""`/console/approvals`: one page where a person sees what waits for them, and decides.

The page is signed in to with an API key, which the browser keeps in a cookie that no script and no other site can use; a form
that was not made for this very key is refused.
"""

import hashlib
import hmac
from collections import Counter as Counts
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from agents.planning import ShownRow
from api import console
from api.deciding import counter_of, decide
from core.errors import NightschoolError
from core.keys import KeyStore
from core.types.principal import Principal
from tools import approvals
from tools.plans import MOST_ROWS, Plan

_COOKIE, _LASTS_S = "nightschool_key", 8 * 3600
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = "/console/approvals"
_MOST_FIELDS = MOST_ROWS + 20
router = APIRouter(prefix="/console", include_in_schema=False)
_pages = Environment(loader=FileSystemLoader(Path(console.__file__).parent), autoescape=True)


@router.get("/approvals")
async def page(request: Request) -> Response:
    """What waits, or the form to sign in."""
    return await _page(request, await _who(request))


@router.post("/login")
async def login(request: Request) -> Response:
    """Keep the key in a cookie, if it is one of ours."""
    key = (await _form(request)).get("key", "")
    keys: KeyStore = request.app.state.keys
    if await run_in_threadpool(keys.authenticate, key) is None:
        return await _page(request, None, "Incorrect API key", 401)
    answer = RedirectResponse(_PAGE, 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(_COOKIE, key, _LASTS_S, path="/console", secure=secure, httponly=True, samesite="strict")
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Forget the key."""
    answer = RedirectResponse(_PAGE, 303)
    answer.delete_cookie(_COOKIE, path="/console")
    return answer


@router.post("/approvals/{identity}")
async def decided(request: Request, identity: str) -> Response:
    """Approve or reject, and show what is left."""

    async def settle(by: Principal, form: dict[str, str]) -> str:
        came = await decide(request, by, identity, form["approve"] == "yes", form.get("reason", ""))
        return str(came.get("reply") or f"{identity}: {came['status']}")

    return await _settled(request, settle)


@router.post("/plans/{identity}")
async def plan_decided(request: Request, identity: str) -> Response:
    """Approve the rows that are ticked, or reject all, and show what is left."""

    async def settle(by: Principal, form: dict[str, str]) -> str:
        counter, approve = counter_of(request, by), form["approve"] == "yes"
        plan, _ = await run_in_threadpool(counter.plan_table, identity, by)
        without = [at for at, row in enumerate(plan.rows) if row.approval and f"row{at}" not in form] if approve else []
        await run_in_threadpool(counter.decide_plan, identity, by, approve, without, form.get("reason", ""))
        _, rows = await run_in_threadpool(counter.plan_table, identity, by)
        ends = Counts(row.state for row in rows)
        return f"{identity}: {', '.join(f'{count} {state}' for state, count in ends.items())}"

    return await _settled(request, settle)


async def _settled(request: Request, settle: Callable[[Principal, dict[str, str]], Awaitable[str]]) -> Response:
    """A decision, if whoever sends the form was shown it."""
    by, form = await _who(request), await _form(request)
    if by is None:
        return await _page(request, None, "Sign in first", 401)
    if not hmac.compare_digest(form.get("csrf", "").encode(), _csrf(request).encode()):
        return await _page(request, by, "This form was not made for you: look again", 403)
    if form.get("approve") not in ("yes", "no"):
        return await _page(request, by, "approve: yes or no", 400)
    try:
        return await _page(request, by, await settle(by, form))
    except NightschoolError as error:
        return await _page(request, by, str(error), 409)


async def _page(request: Request, by: Principal | None, said: str = "", status: int = 200) -> Response:
    waiting: list[approvals.Request] = []
    plans: list[tuple[Plan, list[ShownRow]]] = []
    if by is not None:
        counter = counter_of(request, by)
        waiting = await run_in_threadpool(counter.to_decide, by)
        plans = await run_in_threadpool(counter.plans_to_decide, by)
    told: dict[str, Any] = {"by": by, "waiting": waiting, "plans": plans, "said": said}
    told |= {"csrf": _csrf(request), "doubtful": _is_doubtful}
    return HTMLResponse(_pages.get_template("page.html").render(told), status, _HEADERS)


async def _who(request: Request) -> Principal | None:
    keys: KeyStore = request.app.state.keys
    return await run_in_threadpool(keys.authenticate, request.cookies.get(_COOKIE, ""))


async def _form(request: Request) -> dict[str, str]:
    """The last value of each field; what is no form has none."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return {name: values[-1] for name, values in parse_qs(body, max_num_fields=_MOST_FIELDS).items()}
    except ValueError:
        return {}


def _csrf(request: Request) -> str:
    return hmac.new(request.cookies.get(_COOKIE, "").encode(), b"nightschool console", hashlib.sha256).hexdigest()


def _is_doubtful(request: approvals.Request, value: Any) -> bool:
    """Whether a value that would be written is one nobody vouches for."""
    doubted = {str(request.arguments.get(name)) for name in request.shown.taint.arguments}
    return value is not None and str(value) in doubted
