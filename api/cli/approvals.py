"""`nightschool approvals`: calls that wait for a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from agents.actions import Actions
from agents.home import Home
from agents.wording import request_text
from api.cli.output import As, AsJson, fail, open_home, show, speaker

app = typer.Typer(help="Calls that wait for a person.", no_args_is_help=True)
_Identity = Annotated[str, typer.Argument(help="Id of what waits.")]


@app.command("list")
def list_waiting(as_json: AsJson = False) -> None:
    """What waits, the oldest first, with what it would change; what belongs to a plan is in `plans list`."""
    waiting = [request for request in open_home().approvals.waiting() if not request.shown.plan]
    text = "\n\n".join(map(request_text, waiting))
    show([request.model_dump(mode="json") for request in waiting], text or "Nothing waits.", as_json)


@app.command()
def approve(identity: _Identity, person: As = None, as_json: AsJson = False) -> None:
    """Let it be done."""
    home = open_home()
    with _open(home, identity) as actions:
        acted = actions.approve(identity, speaker(home, person))
    show(acted.model_dump(mode="json"), acted.effect.reply, as_json)


@app.command()
def reject(
    identity: _Identity,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Do not let it be done."""
    home = open_home()
    with _open(home, identity) as actions:
        request = actions.executor.reject(identity, speaker(home, person), reason)
    show(request.model_dump(mode="json"), f"{request.tool}: not done.", as_json)


@contextmanager
def _open(home: Home, identity: str) -> Iterator[Actions]:
    """The company; what a thread waits for is decided in the thread, which goes on then."""
    thread = home.approvals.get(identity).shown.thread
    if thread:
        fail(f"approval {identity!r}: thread {thread} waits for it: `nightschool chat --thread {thread} --approve` or `--reject`")
    actions = Actions(home)
    try:
        yield actions
    finally:
        actions.close()
