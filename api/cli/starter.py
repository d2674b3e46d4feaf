"""`nightschool starter`: from nothing to a measured release, in one command."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agents.home import Home
from api.cli.output import AsJson, Bars, show
from core.settings import Settings
from finetune.starter import run_starter


def starter(
    full: Annotated[bool, typer.Option("--full", help="Train on everything, at most an hour.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the demo's home goes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train one night on the first toolset and compare with base, nearest row and writer alone."""
    place = (folder or Path(".starter-full" if full else ".starter")).resolve()
    if (place / "demo.json").is_file():  # a finished demo is replaced, an interrupted one goes on
        shutil.rmtree(place)
    home = Home(Settings(home=place))
    key = None if home.keys.list(home.settings.tenant) else home.keys.create(home.principal)
    with Bars() as bars:
        document = run_starter(home, full, bars)
    if as_json:
        show(document, "", True)
        return
    _print(document, place, key)


def _print(document: dict[str, Any], place: Path, key: str | None) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(_table(document), soft_wrap=False)
    low, high = document["lift_interval"]
    console.print(
        f"Lift over the untrained base: {document['lift_points']} points [{low}, {high}] exact, on the same"
        f" {document['lift_n']} rows."
        f" Training took {document['training_minutes']} minutes for {document['training_tokens']:,} tokens."
    )
    for call in document["calls"]:
        console.print()
        console.print(call["user"], style="bold", markup=False)
        predicted = call["predicted"] or {}
        said = predicted.get("tool_calls") or predicted.get("ask") or predicted.get("query") or predicted.get("outcome")
        console.print(f"  {said}  confidence {predicted.get('confidence', 0):.2f}", markup=False)
    console.print(f"\nReport: {document['report']}\nServe it: NIGHTSCHOOL_HOME={place} .venv/bin/nightschool serve")
    if key:
        console.print(f"API key (shown once): {key}")


def _table(document: dict[str, Any]) -> Table:
    table = Table(title=f"Golden requests, release {document['release']}")
    table.add_column("")
    for name in document["columns"]:
        table.add_column(name, justify="right")
    rows: dict[str, Any] = {
        "rows": lambda c: str(c["n"]),
        "exact": lambda c: _rate(c["exact"]),
        "name": lambda c: _rate(c["name"]),
        "no call": lambda c: _rate(c["no_call"]),
        "exact, surest 60 %": lambda c: _rate(next((r["exact"] for r in c["risk_coverage"] if r["share"] == 0.6), None)),
        "wrong writes per 100": lambda c: f"{c['wrong_writes_per_100']:.1f}",
        "p50 / p95 ms": lambda c: f"{c['latency_p50_ms']:.0f} / {c['latency_p95_ms']:.0f}",
        "tokens a call": lambda c: str(c["tokens_per_call"]),
        "USD per 1,000 calls": lambda c: f"{c['usd_per_1000_calls']:.4f}",
    }
    for label, cell in rows.items():
        table.add_row(label, *(cell(column) for column in document["columns"].values()))
    return table


def _rate(entry: dict[str, Any] | None) -> str:
    return f"{entry['rate']:.2f} [{entry['low']:.2f}, {entry['high']:.2f}]" if entry else "–"
