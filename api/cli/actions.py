"""`nightschool actions`: writes by their keys, and what nobody knows the end of."""

from typing import Annotated

import typer

from agents.actions import Actions
from api.cli.output import As, AsJson, open_home, show, speaker

app = typer.Typer(help="Writes by their keys, and what nobody knows the end of.", no_args_is_help=True)
_Key = Annotated[str, typer.Argument(help="Key of the write.")]


@app.command("show")
def show_action(key: _Key, as_json: AsJson = False) -> None:
    """What became of a write."""
    entry = Actions(open_home()).entry(key)
    text = f"{entry.tool}: {entry.state}{': ' + entry.detail if entry.detail else ''}"
    show(entry.model_dump(mode="json"), text, as_json)


@app.command()
def reconcile(as_json: AsJson = False) -> None:
    """Ask the business system about every write that a crash left open, and close it by what it says."""
    closed = Actions(open_home()).executor.reconcile()
    lines = [f"{entry.key}  {entry.state:<8} {entry.tool}  {entry.detail}".rstrip() for entry in closed]
    show([entry.model_dump(mode="json") for entry in closed], "\n".join(lines) or "Nothing was open.", as_json)


@app.command()
def unknown(as_json: AsJson = False) -> None:
    """Writes of which the business system cannot say whether it did them: a person has to look."""
    entries = open_home().ledger.unknown()
    lines = [f"{entry.key}  {entry.tool} {entry.arguments}  {entry.detail}" for entry in entries]
    show([entry.model_dump(mode="json") for entry in entries], "\n".join(lines) or "None.", as_json)


@app.command()
def settle(
    key: _Key,
    done: Annotated[bool, typer.Option("--done/--not-done", help="Whether the business system did it.")],
    note: Annotated[str, typer.Option(help="What was seen.")] = "",
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Say how an unknown write ended, after looking."""
    home = open_home()
    entry = Actions(home).executor.settle(key, done, speaker(home, person), note)
    show(entry.model_dump(mode="json"), f"{entry.tool}: {entry.state}", as_json)
