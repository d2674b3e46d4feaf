"""`nightschool history`: what mails, tickets, the business system's journal and written procedures know of how work is done."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from agents.home import Home
from agents.serving import CHAMPION, Loader
from api.cli.output import BAD_ROWS, AsJson, Bars, open_home, show
from core.errors import BadInput, NotFound
from core.types.message import Message
from core.types.principal import IMPORTER
from evals.golden_proposals import ProposalStore
from finetune.barred import barred_for
from finetune.procedure_cases import Drafted, draft_cases
from finetune.propose import met_by_releases
from retrieval.documents import Document, pages_in, read_document
from retrieval.procedures import procedures_in
from tools.erp.company.toolset import TOOLSET
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.history.pairing import pair
from tools.history.records import Entry, Letter, read_records
from tools.history.wording import Wording
from tools.importers.jsonl import MOST_ERRORS, RowError
from tools.resolve import Book

app = typer.Typer(help="Institutional knowledge: letters and journals, procedures.", no_args_is_help=True)
_SHOWN = 8
_Record = TypeVar("_Record", Letter, Entry)


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


@app.command("procedures")
def draft_procedures(
    toolset: str,
    pages: Annotated[Path, typer.Argument(help="A page with numbered steps, Markdown or text, or a folder of such.")],
    release: Annotated[str, typer.Option(help="A release id, champion or base: who says what a step comes to.")] = CHAMPION,
    as_json: AsJson = False,
) -> None:
    """Draft cases from procedures and propose them for the golden set, where people verify or reject them; until rejected nothing
    like them is trained on. Bad pages are listed and skipped (exit code 4)."""
    home = open_home()
    known = home.registry.get(toolset)
    documents, errors = _pages(pages)
    valid = [document for document in documents if document.superseded_by is None]
    procedures = [one for document in valid for one in procedures_in(document)]
    drafted = Drafted([], Counter())
    if procedures:
        with Bars() as bars:
            bars.step(f"{len(procedures)} procedures on {len(documents)} pages")
            predictor = Loader(home).load(toolset, release)
            drafted = draft_cases(procedures, known, predictor, bars, _met(home, toolset))
            predictor.close()
    added = ProposalStore(home.database, home.settings.tenant).add(toolset, drafted.proposals, home.principal)
    strata = Counter(proposal.stratum for proposal in drafted.proposals)
    document = {
        "toolset": toolset, "pages": len(documents), "superseded": len(documents) - len(valid), "procedures": len(procedures),
        "cases": len(drafted.proposals), "proposed": added, "strata": dict(strata.most_common()),
        "left_out": dict(drafted.left_out.most_common()), "bad": len(errors), "errors": errors,
    }  # fmt: skip
    lines = [f"{len(procedures)} procedures on {len(valid)} pages: {len(drafted.proposals)} cases, {added} of them new"]
    lines += [f"  {len(documents) - len(valid):>7}  pages left out: superseded"] if len(documents) > len(valid) else []
    lines += [f"  {count:>7}  {name}" for name, count in strata.most_common()]
    lines += [f"  {count:>7}  left out: {why}" for why, count in drafted.left_out.most_common()]
    lines += [*errors, f"`nightschool golden list {toolset}` shows them, `golden verify {toolset} ID` says what is right"]
    show(document, "\n".join(lines), as_json)
    if errors:
        raise typer.Exit(BAD_ROWS)


def _met(home: Home, toolset: str) -> list[Sequence[Message]]:
    """What examines already, and what any release has learned."""
    learned = met_by_releases(home, toolset)
    traces = (trace.messages for trace in home.traces.all(toolset) if trace.id in learned)
    return [*barred_for(home, toolset).conversations, *traces]


def _pages(place: Path) -> tuple[list[Document], list[str]]:
    """A page, or all of a folder; and what is wrong with those that cannot be read."""
    if not place.exists():
        raise NotFound(f"{place}: no such page or folder")
    files = [place] if place.is_file() else list(pages_in(place))
    documents, errors = list[Document](), list[str]()
    for file in files:
        try:
            documents.append(read_document(file, place if place.is_dir() else place.parent))
        except BadInput as error:
            errors.append(str(error))
        except OSError as error:
            errors.append(f"{file}: {error.strerror}")
    return documents, errors


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
