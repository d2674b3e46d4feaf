"""`nightschool golden`: verified cases no training row may resemble."""

from pathlib import Path

import typer

from api.cli.output import AsJson, open_home, show
from evals.golden_sets import add_golden, golden_cases

app = typer.Typer(help="Golden sets: the exam of a toolset.", no_args_is_help=True)


@app.command()
def add(toolset: str, file: Path, as_json: AsJson = False) -> None:
    """Make a file of cases the golden set of a toolset."""
    home = open_home()
    home.registry.get(toolset)
    count = add_golden(home.settings.home, toolset, file)
    show({"toolset": toolset, "cases": count}, f"{toolset}: {count} golden cases", as_json)


@app.command()
def status(toolset: str, as_json: AsJson = False) -> None:
    """How many golden cases a toolset has."""
    count = len(golden_cases(open_home().settings.home, toolset))
    show({"toolset": toolset, "cases": count}, f"{toolset}: {count} golden cases", as_json)
