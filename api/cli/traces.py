"""`nightschool traces`: conversations to learn from."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from secrets import token_bytes
from typing import Annotated

import typer

from api.cli.output import BAD_ROWS, AsJson, Bars, open_home, show
from core.errors import BadInput
from core.types.message import Message, write_messages
from core.types.principal import IMPORTER
from core.types.trace import Trace
from core.whole import opened_whole
from finetune.curation import ways_of
from tools.exporters.formats import ANSWERED, WRITERS, has_answer
from tools.exporters.present import Present
from tools.importers.formats import NATIVE, READERS
from tools.importers.jsonl import MOST_ERRORS, Tally, each_trace
from tools.personal import PersonalData, names_ever
from tools.surrogates import Surrogates

app = typer.Typer(help="Traces: one conversation each, whole.", no_args_is_help=True)
_SHOWN, _BATCH = 8, 1_000


@app.command("import")
def import_traces(
    toolset: str,
    file: Annotated[Path, typer.Argument(help="JSON Lines of conversations, or what another program exported.")],
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(READERS)}.")] = NATIVE,
    as_json: AsJson = False,
) -> None:
    """Import traces; the same file twice adds nothing. Bad rows are listed and skipped (exit code 4)."""
    home = open_home()
    _check(form)
    principal = IMPORTER.model_copy(update={"tenant": home.settings.tenant})
    tally = Tally()
    found = each_trace(file, home.registry.get(toolset), principal, form, tally)
    rows, added = _lines_in(file), 0
    with Bars() as progress:
        progress.step(f"import {file.name}")
        while batch := list(islice(found, _BATCH)):
            added += home.traces.add(batch)
            progress.update(tally.outcomes.total(), rows)
    report = tally.report(added)
    lines = [
        f"{report.rows} rows: {added} added, {report.duplicates} known already, {report.unlabelled} with an unlabelled end,"
        f" {report.bad} bad",
        *(error.message for error in report.errors[:_SHOWN]),
    ]
    if report.bad > _SHOWN:
        lines.append(f"… and {report.bad - _SHOWN} more; --json lists the first {MOST_ERRORS:,}")
    show(report.model_dump(mode="json"), "\n".join(lines), as_json)
    if report.errors:
        raise typer.Exit(BAD_ROWS)


@app.command("export")
def export_traces(
    toolset: str,
    file: Annotated[Path, typer.Argument(help="Where they go, as JSON Lines.")],
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(WRITERS)}.")] = NATIVE,
    unconfirmed: Annotated[bool, typer.Option("--unconfirmed", help="Those nobody confirmed, too.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="With personal data as it is; else surrogates stand in its place.")] = False,
    as_json: AsJson = False,
) -> None:
    """Export confirmed traces for another program to learn from or to look at; personal data only where asked for. Calls are
    those of the tools of now: what nothing leads to is left out and counted, in every format."""
    home = open_home()
    _check(form)
    known, count, left_out = home.registry.get(toolset), 0, Counter[str]()
    present = Present(known, ways_of(home, toolset))
    surrogates = None if raw else Surrogates(PersonalData(names_ever(home.registry.versions(toolset))), token_bytes(32))
    with opened_whole(file) as lines:
        for trace in home.traces.all(toolset):
            if not trace.accepted and not unconfirmed:
                continue
            brought = _brought(trace, form, present)
            if isinstance(brought, str):
                left_out[brought] += 1
                continue
            shown = surrogates.hide_trace(brought) if surrogates else brought
            lines.write(json.dumps(WRITERS[form](shown, known), ensure_ascii=False) + "\n")
            count += 1
    for why, number in left_out.most_common():
        typer.echo(f"warning: {number} left out: {why}", err=True)
    document = {"toolset": toolset, "traces": count, "file": str(file), "format": form, "left_out": dict(left_out.most_common())}
    show(document, f"{count} traces in {file}", as_json)


def _brought(trace: Trace, form: str, present: Present) -> Trace | str:
    """The trace as it is exported, or why it is not."""
    if form in ANSWERED and not has_answer(trace):
        return f"ends without an answer, which {form} does not take"
    return present.bring(trace)


def _lines_in(file: Path) -> int:
    """At least one; 0 where there is no file, which reading it says."""
    if not file.is_file():
        return 0
    with file.open("rb") as lines:
        return max(1, sum(1 for _ in lines))


def _check(form: str) -> None:
    if form not in READERS:
        raise BadInput(f"--format {form!r}: known are {', '.join(READERS)}")


@app.command("list")
def list_traces(
    toolset: str | None = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = 50,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Show traces, oldest first."""
    found = list(open_home().traces.page(toolset, limit, offset))
    document = [
        {"id": t.id, "toolset": t.toolset, "outcome": t.outcome, "source": t.source, "says": _says(t.messages)} for t in found
    ]
    show(document, "\n".join(f"{d['id']}  {d['outcome'] or '-':<9}  {d['says']}" for d in document) or "No traces.", as_json)


@app.command("show")
def show_trace(trace_id: str, as_json: AsJson = False) -> None:
    """Show one trace, whole."""
    trace = open_home().traces.get(trace_id)
    lines = [
        f"{message['role']}: {message.get('content') or message.get('tool_calls')}" for message in write_messages(trace.messages)
    ]
    show({"id": trace.id, **trace.model_dump(mode="json")}, "\n".join([*lines, f"outcome: {trace.outcome}"]), as_json)


def _says(messages: Sequence[Message]) -> str:
    return next((m.content for m in messages if m.role == "user"), "")[:80]
