"""`nightschool knowledge`: pages that can be looked up."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import BAD_ROWS, AsJson, Bars, fail, open_home, show
from core.errors import BadInput
from retrieval.asked import Asked
from tools.importers.jsonl import read_lines

app = typer.Typer(help="Pages of policy, prices and procedures; found as they are now.", no_args_is_help=True)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="Folder of Markdown and text files, read to any depth.")],
    prune: Annotated[bool, typer.Option("--prune", help="Also take out pages of this folder whose file is gone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read pages; those that did not change cost nothing. Files that cannot be read, or are named like a page of another folder,
    are listed (exit 4)."""
    knowledge = open_home().knowledge
    with Bars() as bars:
        bars.step("read pages")
        result = knowledge.add_folder(folder, bars.update, prune)
    counts = (
        f"{len(result.added)} new, {len(result.changed)} changed, {result.unchanged} as before, {len(result.removed)} removed"
    )
    lines = [counts, *(f"refused: {reason}" for reason in result.refused.values())]
    show(result.model_dump(mode="json"), "\n".join(lines), as_json)
    if result.refused:
        raise typer.Exit(BAD_ROWS)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="A question, or words.")],
    limit: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show the passages that say most about a question, best first."""
    with closing(open_home().knowledge) as knowledge:
        hits = knowledge.search(text, limit)
    lines = [f"{hit.score:.4f}  {hit.document} | {hit.heading}\n        {' '.join(hit.text.split())[:160]}" for hit in hits]
    show({"results": [hit.model_dump(mode="json") for hit in hits]}, "\n".join(lines) or "Nothing found.", as_json)


@app.command()
def asked(
    file: Annotated[Path, typer.Argument(help="JSON Lines of question, document and passage: the page's own words.")],
    as_json: AsJson = False,
) -> None:
    """Bring questions that were answered well: others like them will find the same words. Bad rows are listed (exit 4)."""
    home = open_home()
    rows: list[Asked] = []
    refused: list[str] = []
    for line, row in read_lines(file):
        try:
            rows.append(_read(row))
        except BadInput as error:
            where = f"{file.name}:{line}: "
            refused.append(where + str(error).removeprefix(where))
    with closing(home.knowledge) as knowledge:
        learned = knowledge.learn(rows, home.principal)
    refused += [f"{file.name}: page {one.document!r} does not say {one.quote[:80]!r}" for one in learned.refused]
    text = "\n".join([f"{len(rows)} questions ({learned.added} new)", *(f"refused: {reason}" for reason in refused)])
    show({"questions": len(rows), "new": learned.added, "refused": refused}, text, as_json)
    if refused:
        raise typer.Exit(BAD_ROWS)


def _read(row: object) -> Asked:
    if isinstance(row, BadInput):
        raise row
    fields = [row.get(name) if isinstance(row, dict) else None for name in ("question", "document", "passage")]
    if not all(isinstance(field, str) and field.strip() for field in fields):
        raise BadInput("expected an object with question, document and passage")
    return Asked(*map(str, fields))


@app.command("list")
def list_pages(as_json: AsJson = False) -> None:
    """Show the pages there are."""
    names = sorted(open_home().knowledge.pages())
    show({"pages": names}, "\n".join(names) or "No page; add some with `nightschool knowledge add DIR`.", as_json)


@app.command()
def remove(name: Annotated[str, typer.Argument(help="As `list` names it.")], as_json: AsJson = False) -> None:
    """Take a page out."""
    if not open_home().knowledge.remove(name):
        fail(f"page {name!r}: there is none; `nightschool knowledge list` names them")
    show({"removed": name}, f"Removed {name}.", as_json)
