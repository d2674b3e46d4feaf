"""`nightschool history`: what mails, tickets and the business system's journal know of how work is done."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from agents.home import Home
from api.cli.output import BAD_ROWS, AsJson, Bars, open_home, show
from core.types.principal import IMPORTER
from tools.erp.company.toolset import TOOLSET
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.history.pairing import pair
from tools.history.records import Entry, Letter, read_records
from tools.history.wording import Wording
from tools.importers.jsonl import MOST_ERRORS, RowError
from tools.resolve import Book

app = typer.Typer(help="Institutional knowledge: letters and journals.", no_args_is_help=True)
_SHOWN = 8
_Record = TypeVar("_Record", Letter, Entry)


@app.callback()
def _group() -> None:
    """A group, though it has one command so far."""


@app.command("import")
def import_history(
    toolset: str,
    letters: Annotated[Path, typer.Option(help="JSON Lines of what was asked: at, text; handler, id where known.")],
    journal: Annotated[
        Path, typer.Option(help="JSON Lines of what was written: at, author, tool, arguments; letter, reversed where known.")
    ],
    hours: Annotated[float, typer.Option(min=0.1, max=8760, help="How long after a letter its entry may come.")] = 8.0,
    most: Annotated[int | None, typer.Option(min=1, help="At most so many, of those who reverse least.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make traces of letters and the entries that answer them; bad rows are listed and skipped (exit code 4)."""
    home = open_home()
    known = home.registry.get(toolset)
    asked, errors = _read(letters, Letter)
    written, more = _read(journal, Entry)
    errors += more
    principal = IMPORTER.model_copy(update={"tenant": home.settings.tenant})
    with Bars() as bars:
        bars.step(f"{len(written)} entries, {len(asked)} letters")
        wording = Wording(known, _book(home, toolset))
        pairs = pair(asked, written, known, wording, principal, timedelta(hours=hours), most, bars.update)
    added = home.traces.add(pairs.traces)
    document = {
        "toolset": toolset, "letters": len(asked), "entries": len(written), "pairs": len(pairs.traces), "added": added,
        "left_out": dict(pairs.left_out.most_common()), "bad": len(errors),
        "errors": [error.model_dump() for error in errors[:MOST_ERRORS]],
    }  # fmt: skip
    lines = [f"{len(asked)} letters, {len(written)} entries: {len(pairs.traces)} pairs, {added} of them new"]
    lines += [f"  {count:>7}  {why}" for why, count in pairs.left_out.most_common()]
    lines += [error.message for error in errors[:_SHOWN]]
    lines += [f"… and {len(errors) - _SHOWN} more bad rows"] if len(errors) > _SHOWN else []
    show(document, "\n".join(lines), as_json)
    if errors:
        raise typer.Exit(BAD_ROWS)


def _read(file: Path, form: type[_Record]) -> tuple[list[_Record], list[RowError]]:
    records, errors = list[_Record](), list[RowError]()
    for one in read_records(file, form):
        if isinstance(one, RowError):
            errors.append(one)
        else:
            records.append(one)
    return records, errors


def _book(home: Home, toolset: str) -> Book | None:
    """What knows the records; elsewhere than in the sandbox the vocabulary has to do."""
    return Lookup(Sandbox(home.company)) if toolset == TOOLSET and home.company.is_file() else None
