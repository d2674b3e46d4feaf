"""`nightschool audit`: who wrote what, signed and chained."""

from typing import Annotated

import typer

from api.cli.output import REFUSED, AsJson, open_home, show

app = typer.Typer(help="The audit: a signed chain of all writes.", no_args_is_help=True)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Check the chain, its anchor, and that the ledger holds what the chain saw; exit code 3 where something is wrong."""
    home = open_home()
    faults = [fault.what for fault in home.audit.verify()] + home.ledger.faults()
    rows = len(home.audit.rows())
    text = "\n".join([*faults, f"{rows} rows: {'whole' if not faults else f'{len(faults)} faults'}"])
    show({"rows": rows, "faults": faults}, text, as_json)
    if faults:
        raise typer.Exit(REFUSED)


@app.command("list")
def list_rows(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20, as_json: AsJson = False
) -> None:
    """The newest events first."""
    rows = open_home().audit.rows()[: -limit - 1 : -1]
    lines = [f"{row.seq:>6}  {row.at[:19]}  {row.event:<9} {row.body.get('tool', ''):<22} {row.about}" for row in rows]
    show([row.model_dump(mode="json") for row in rows], "\n".join(lines) or "Nothing was written yet.", as_json)


@app.command()
def rotate(as_json: AsJson = False) -> None:
    """Sign with a new key from now on; the old one goes on proving what it signed."""
    key = open_home().keyring.rotate()
    show({"key": key}, f"New writes are signed with {key}.", as_json)
