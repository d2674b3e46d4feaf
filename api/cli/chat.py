"""`nightschool chat`: talk to the company."""

from typing import Annotated

import typer
from rich.console import Console

from agents.office import open_desk
from agents.serving import CHAMPION
from agents.threads import AS_IT_IS, Threads, Turn, open_threads
from agents.wording import change_text, proposal_text
from api.cli.output import As, AsJson, open_home, read_object, show, speaker
from core.errors import BadInput, NightschoolError
from core.types.principal import Principal
from tools.erp.company.toolset import TOOLSET

_KINDS = {
    "done": "green",
    "failed": "red",
    "answer": "cyan",
    "ask": "yellow",
    "none": "dim",
    "refused": "red",
    "escalated": "red",
    "error": "red",
}


def chat(
    text: Annotated[str | None, typer.Argument(help="What to say; without it a session begins.")] = None,
    thread: Annotated[str | None, typer.Option(help="Go on in this thread.")] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Let what the thread waits for be done.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not.")] = False,
    edit: Annotated[
        str | None, typer.Option(help="With --approve: other arguments, as said, `{CALL ID: {...}}`; done instead, and taught.")
    ] = None,
    release: Annotated[str, typer.Option(help="A release id, or champion.")] = CHAMPION,
    person: As = None,
    act: Annotated[float, typer.Option(min=0, max=1, help="Writes less sure than this wait for a person.")] = 0.8,
    as_json: AsJson = False,
) -> None:
    """Say something to the agent: it looks up, acts in the sandbox company, asks, or declines."""
    asked = [name for name, given in {"TEXT": text is not None, "--approve": approve, "--reject": reject}.items() if given]
    if len(asked) > 1:
        raise BadInput(f"{' and '.join(asked)}: one of them at a time")
    if edit is not None and not approve:
        raise BadInput("--edit needs --approve")
    if as_json and not asked:
        raise BadInput("--json needs a TEXT, --approve or --reject: a session is for people")
    home = open_home()
    with open_desk(home, TOOLSET, release, act) as desk, open_threads(desk, home.threads) as threads:
        if text is None and not (approve or reject):
            _session(threads, thread, speaker(home, person))
            return
        by = speaker(home, person)
        if text is not None:
            turn = threads.say(text, thread, by=by)
        elif thread is None:
            raise typer.BadParameter("--approve and --reject need --thread")
        else:
            edits = read_object(edit) if edit is not None else AS_IT_IS
            turn = threads.decide(thread, approve, by=by, edits=edits)
    show(turn.model_dump(mode="json"), _plain(turn), as_json)


def _session(threads: Threads, thread: str | None, by: Principal) -> None:
    console = Console()
    console.print("Say something; y or n answers what waits; an empty line ends.", style="dim")
    while said := _input(console):
        try:
            turn = threads.hear(said, thread, by=by)
        except NightschoolError as error:
            console.print(str(error), style="red")
            continue
        thread = turn.thread
        _show(console, turn)


def _input(console: Console) -> str:
    try:
        return console.input("[bold]> [/bold]").strip()
    except EOFError:
        return ""


def _show(console: Console, turn: Turn) -> None:
    for reply in turn.replies:
        for change in reply.get("changes", []):
            console.print(change_text(change), style="dim", markup=False)
        console.print(str(reply["text"]), style=_KINDS.get(str(reply["kind"]), ""), markup=False)
    for call in turn.waiting:
        console.print(proposal_text(call), style="yellow", markup=False)
    if turn.receipt:
        console.print(_receipt(turn), style="dim", markup=False)


def _plain(turn: Turn) -> str:
    lines = [line for reply in turn.replies for line in (*map(change_text, reply.get("changes", [])), str(reply["text"]))]
    lines += [proposal_text(call) for call in turn.waiting]
    return "\n".join([*lines, _receipt(turn) if turn.receipt else f"thread {turn.thread} waits: --approve or --reject"])


def _receipt(turn: Turn) -> str:
    receipt = turn.receipt
    return (
        f"[thread {turn.thread} · {receipt['route']} {receipt['route_confidence']:.0%} · {receipt['release']}"
        f" · {receipt['confidence']:.0%} sure · trace {receipt['trace']}]"
    )
