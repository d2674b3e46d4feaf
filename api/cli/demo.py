"""`nightschool demo`: a day in the company, a night of school, and the next morning."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agents.home import Home
from api.cli.output import AsJson, Bars, show
from core.settings import Settings
from finetune.demo import Demo

_SORTS = {"end_state": "left the company right", "one_step": "one step", "several_steps": "several steps", "no_call": "no call"}
_PER_1000 = {"wrong_writes_per_1000": "wrong writes per 1,000", "posted_or_paid_wrongly_per_1000": "posted or paid wrongly"}


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's home goes.")] = Path(".demo"),
    as_json: AsJson = False,
) -> None:
    """Work a day with the shipped champion in the company's own words, train one night on it, and compare."""
    place = folder.resolve()
    if (place / "demo.json").is_file():  # a finished demo is replaced, an interrupted one goes on
        shutil.rmtree(place)
    home = Home(Settings(home=place))
    with Bars() as bars:
        document = Demo(home, bars).run()
    if as_json:
        show(document, "", True)
        return
    _print(document, place)


def _print(document: dict[str, Any], place: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    day, training = document["day"], document["training"]
    console.print("The day: " + ", ".join(f"{count} {name}" for name, count in day.items()))
    console.print(f"The night: {training['tokens']:,} tokens in {training['seconds'] / 60:.1f} minutes, on from the champion")
    console.print(_house(document["house"]), soft_wrap=False)
    for shown in document["house"]["shown"]:
        console.print(f"  {shown['said']}", style="bold", markup=False)
        console.print(f"    before  {_call(shown['before'])}\n    after   {_call(shown['after'])}", markup=False)
    console.print(_golden(document["golden"]), soft_wrap=False)
    console.print(f"Gate: {'promoted' if document['promoted'] else 'refused'}, {document['gate']}")
    console.print(f"\nReport: {document['report']}\nTalk to it: NIGHTSCHOOL_HOME={place} .venv/bin/nightschool chat")


def _house(house: dict[str, Any]) -> Table:
    table = Table(title=f"The house's words, said by others the next morning (n={house['n']})")
    table.add_column("")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    table.add_column("change, points", justify="right")
    table.add_row("exact", *(_rate(house["exact"][name]) for name in ("before", "after")), _change(house["change"]))
    return table


def _golden(golden: dict[str, Any]) -> Table:
    table = Table(title="Golden scenarios of the report's half")
    table.add_column("")
    for name, day in golden["days"].items():
        table.add_column(f"{name} (n={day['n']})", justify="right")
    table.add_column("change, points", justify="right")
    for field, label in _SORTS.items():
        change = _change(golden["change"]) if field == "end_state" else ""
        table.add_row(label, *(_rate(day[field]) for day in golden["days"].values()), change)
    for field, label in _PER_1000.items():
        table.add_row(label, *(f"{day[field]:.0f}" for day in golden["days"].values()), "")
    return table


def _rate(found: dict[str, Any]) -> str:
    return f"{found['rate']:.2f} [{found['low']:.2f}, {found['high']:.2f}] of {found['n']}"


def _change(found: dict[str, Any]) -> str:
    return f"{100 * found['difference']:+.1f} [{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"


def _call(row: dict[str, Any] | None) -> str:
    if row is None:
        return "no answer"
    calls = [f"{call['name']} {call['arguments']}" for call in row.get("tool_calls") or ()]
    return "; ".join(calls) or str(row.get("ask") or row.get("query") or row["outcome"])
