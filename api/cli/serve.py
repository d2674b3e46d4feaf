"""`nightschool serve`: the HTTP service, on loopback unless told otherwise."""

import signal
import sys
from typing import Annotated, NoReturn

import typer

from agents.home import Home
from api.cli.output import open_home
from api.webhooks import Webhooks
from core.errors import BadInput
from tools.erp.company.toolset import TOOLSET
from tools.erp.sandbox.in_use import in_use

_CANNOT_START = 3
"""How uvicorn exits where it cannot."""


def serve(
    host: Annotated[str, typer.Option(help="Address to bind; anything but loopback belongs behind TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8642,
    act: Annotated[float, typer.Option(min=0, max=1, help="Writes less sure than this wait for a person.")] = 0.8,
) -> None:
    """Serve champions over an OpenAI-compatible API, the company's agent at /v1/threads, and single calls at /v1/actions; every
    request needs a key.

    With NIGHTSCHOOL_NIGHT_AT=02:30 and NIGHTSCHOOL_NIGHT_ZONE=Europe/Berlin it also runs the nights, each in a process of its
    own, where NIGHTSCHOOL_NIGHT_SIGNAL new traces are there.
    """
    import uvicorn

    from api.agent import HomeAgent
    from api.app import create_app
    from api.counter import Counter
    from api.fleet import HomeCallers
    from api.nights import Hours, NightWatch

    home = open_home()
    callers = HomeCallers(home)
    agent, counter = HomeAgent(home, callers.fleet, TOOLSET, act), Counter(home)
    settings = home.settings
    watch = None
    if settings.night_at is not None:
        hours = Hours(
            at=settings.night_at, zone=settings.night_zone, minutes=settings.night_minutes, enough=settings.night_signal
        )
        watch = NightWatch(home, hours)
        watch.start()
    app = create_app(home.keys, callers, agent, counter, _webhooks(home), settings.tenant)
    # uvicorn raises the signal that ended it again, once it has ended; by default that would be the end of everything here
    signal.signal(signal.SIGTERM, _end)
    try:
        with in_use(home.company):
            uvicorn.run(app, host=host, port=port, log_level="info")
    except SystemExit as ended:
        if ended.code == _CANNOT_START:
            raise BadInput(f"cannot listen on {host}:{port}: is something else there? --port names another one") from ended
        raise
    finally:
        if watch is not None:
            watch.close()
        agent.close()
        counter.close()


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(0)


def _webhooks(home: Home) -> Webhooks | None:
    """Who is told; None where no URL is set."""
    url, secret = home.settings.webhook_url, home.settings.webhook_secret
    if url is None:
        return None
    if secret is None:
        raise BadInput("NIGHTSCHOOL_WEBHOOK_URL is set and NIGHTSCHOOL_WEBHOOK_SECRET is not: nothing is told unsigned")
    return Webhooks(home.audit, url, secret.get_secret_value(), home.settings.home / "webhooks.reached")
