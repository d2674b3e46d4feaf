"""`nightschool erp`: the sandbox company, and what is done in it."""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from agents.actions import Actions
from agents.business import tryton_server
from api.cli.output import As, AsJson, Bars, open_home, read_object, show, speaker
from core.errors import BadInput
from core.settings import installed_tryton
from core.types.effect import Change, Effect
from core.types.principal import IMPORTER
from evals.golden_scenarios import case_rows, golden_scenarios
from evals.golden_sets import add_golden
from tools.erp.company import CONVERSATIONS
from tools.erp.company.toolset import TOOLSET, company_toolset
from tools.erp.sandbox.in_use import replacing
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox, forget_file, restore
from tools.erp.sandbox.seed.company import SEED, build_company
from tools.erp.sandbox.soundness import faults
from tools.erp.tryton.installation import Installation
from tools.importers.jsonl import read_traces

app = typer.Typer(help="The company to work in: the sandbox, or a Tryton.", no_args_is_help=True)
_System = Annotated[Literal["tryton"], typer.Argument(help="Which ERP.")]


@app.command()
def reset(
    snapshot: Annotated[Path | None, typer.Option("--from", help="Put this snapshot back instead.")] = None,
    seed: Annotated[int, typer.Option(help="Of the company's history.")] = SEED,
    as_json: AsJson = False,
) -> None:
    """Make the company anew, with eighteen months of history, and its toolset; what was done in it is gone."""
    home = open_home()
    with replacing(home.company):
        if snapshot is not None:
            restore(snapshot, home.company)
            sandbox = Sandbox(home.company)
        else:
            forget_file(home.company)
            with Bars() as bars:
                bars.step("eighteen months of business")
                sandbox = build_company(home.company, seed, progress=lambda done, of: bars.update(done, of))
    toolset = company_toolset(sandbox)
    home.registry.add(toolset)
    counts = sandbox.counts()
    document = {"company": str(home.company), "toolset": TOOLSET, "tools": len(toolset.tools), "rows": sum(counts.values())}
    show(document, f"{home.company}: {sum(counts.values())} rows; toolset {TOOLSET!r} with {len(toolset.tools)} tools", as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """What the company holds, and whether its books are sound."""
    sandbox = Sandbox(open_home().company)
    with sandbox.books() as books:
        name, today, broken = books.company.name, books.today, faults(books.session)
    counts = sandbox.counts()
    lines = [f"{name}, {today}", *(f"{table:<16}{count:>7}" for table, count in counts.items())]
    lines += [*broken, "The books are sound." if not broken else f"{len(broken)} rules are broken."]
    show({"name": name, "today": str(today), "rows": counts, "faults": broken}, "\n".join(lines), as_json)


@app.command()
def snapshot(file: Path, as_json: AsJson = False) -> None:
    """Copy the company into a file."""
    Sandbox(open_home().company).snapshot(file)
    show({"snapshot": str(file)}, f"{file}: written; `nightschool erp reset --from {file}` puts it back", as_json)


@app.command()
def call(
    tool: Annotated[str, typer.Argument(help="Operation to call.")],
    arguments: Annotated[str, typer.Argument(help="JSON object, values as people say them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")] = False,
    key: Annotated[str | None, typer.Option(help="Idempotency key; a new one by default.")] = None,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Call one operation: names and dates are resolved, a write goes into the ledger."""
    home = open_home()
    acted = Actions(home).act(tool, read_object(arguments), speaker(home, person), key, dry_run)
    document = {"tool": tool, "arguments": acted.arguments, "key": acted.key, **acted.effect.model_dump(mode="json")}
    document |= {"status": acted.status, "approval": acted.approval}
    waits = f"\nwaits: {acted.why}; `nightschool approvals approve {acted.approval} --as SOMEBODY`" if acted.approval else ""
    show(document, _text(acted.effect, acted.status != "done") + waits, as_json)


@app.command()
def journal(limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20, as_json: AsJson = False) -> None:
    """Writes, the newest first."""
    entries = open_home().ledger.newest(limit)
    lines = [
        f"{entry.key[:12]:<13} {entry.state:<8} {entry.tool} {json.dumps(entry.arguments, ensure_ascii=False)}"
        for entry in entries
    ]
    show([entry.model_dump(mode="json") for entry in entries], "\n".join(lines) or "Nothing was written yet.", as_json)


@app.command()
def undo(
    key: Annotated[str, typer.Argument(help="Key of the write, or its beginning.")], person: As = None, as_json: AsJson = False
) -> None:
    """Take a write back, row for row, where nothing rests on it."""
    home = open_home()
    actions = Actions(home)
    exact = home.ledger.get(key) is not None
    whole = [key] if exact else [entry.key for entry in home.ledger.newest(10_000) if entry.key.startswith(key)]
    if len(whole) > 1:
        raise BadInput(f"key {key!r}: begins {len(whole)} keys; write more of it")
    effect = actions.executor.undo(whole[0] if whole else key, speaker(home, person))
    show({"undone": whole[0] if whole else key, "tool": effect.tool}, f"Taken back: {effect.reply}", as_json)


@app.command()
def install(
    system: _System,
    into_environment: Annotated[bool, typer.Option(help="Put it beside this Python environment, for every home.")] = False,
    prepare: Annotated[bool, typer.Option(help="Also make the demo company's database, which takes a minute or two.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch Tryton from the package index, into an environment of its own."""
    installation = Installation(installed_tryton() if into_environment else open_home().settings.tryton_folder)
    with Bars() as bars:
        bars.step("tryton")
        installation.install(lambda note: bars.update(0, 1, note))
        if prepare:
            installation.prepare(lambda note: bars.update(0, 1, note))
        bars.update(1, 1)
    show({"tryton": str(installation.folder)}, f"Tryton is in {installation.folder}", as_json)


@app.command()
def start(
    system: _System, port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0, as_json: AsJson = False
) -> None:
    """Start the home's Tryton with its demo company; installed and set up where it is not yet."""
    home = open_home()
    with Bars() as bars:
        bars.step("tryton")
        running = tryton_server(home).start(port, lambda note: bars.update(0, 1, note))
        bars.update(1, 1)
    hint = "" if home.settings.erp == system else f"; with NIGHTSCHOOL_ERP={system} it is what is worked in"
    show({"url": running.url, "pid": running.pid}, f"{running.url} (process {running.pid}){hint}", as_json)


@app.command()
def stop(system: _System, as_json: AsJson = False) -> None:
    """Stop the home's Tryton."""
    stopped = tryton_server(open_home()).stop()
    show({"stopped": stopped}, "Stopped." if stopped else "None runs.", as_json)


@app.command()
def words(as_json: AsJson = False) -> None:
    """Bring the words that come with the company: conversations to learn from, and its golden set (the gate half)."""
    home = open_home()
    importer = IMPORTER.model_copy(update={"tenant": home.settings.tenant})
    toolset = home.registry.get(TOOLSET)
    traces, _ = read_traces(CONVERSATIONS, toolset, importer)
    added = home.traces.add(traces)
    rows = list(case_rows(golden_scenarios("gate"), home.company))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "golden.jsonl"
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        add_golden(home.folder, toolset, file)
    document = {"conversations": len(traces), "new": added, "golden_cases": len(rows)}
    show(
        document,
        f"{len(traces)} conversations ({added} new), {len(rows)} golden cases; next: nightschool night {TOOLSET}",
        as_json,
    )


def resolve_text(text: Annotated[str, typer.Argument(help="What somebody says.")], as_json: AsJson = False) -> None:
    """Show what a text mentions, the records each mention could mean, and what would be asked."""
    lookup = Lookup(Sandbox(open_home().company))
    mentions = lookup.directory.find(text)
    spans = [m for m in mentions if not any(_holds(other.start, other.end, m.start, m.end) for other in mentions)]
    rows = [(mention, lookup.match(mention.kind, mention.surface, {}) or []) for mention in spans]
    document = [{"kind": m.kind, "said": m.surface, "records": [match._asdict() for match in found]} for m, found in rows]
    lines = [f"{m.kind:<12} {m.surface!r}: {'; '.join(match.name for match in found) or 'not known'}" for m, found in rows]
    show(document, "\n".join(lines) or "Nothing is mentioned.", as_json)


def _holds(start: int, end: int, inner_start: int, inner_end: int) -> bool:
    return start <= inner_start and inner_end <= end and end - start > inner_end - inner_start


def _text(effect: Effect, dry_run: bool) -> str:
    lines = [f"{'Would: ' if dry_run else ''}{effect.reply}", *(_line(change) for change in effect.changes if not change.counter)]
    return "\n".join(lines)


def _line(change: Change) -> str:
    name = f"  {change.table} {' '.join(map(str, change.key.values()))}: "
    if change.before is None:
        return (
            name
            + "new "
            + ", ".join(f"{field} {value}" for field, value in (change.after or {}).items() if value not in (None, ""))
        )
    if change.after is None:
        return name + "removed"
    return name + ", ".join(f"{field} {old} → {change.after[field]}" for field, old in change.before.items())
