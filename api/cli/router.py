"""`nightschool router`: which route a text takes."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.router import Router
from api.cli.output import BAD_ROWS, AsJson, Bars, fail, open_home, show
from core.errors import BadInput
from core.whole import opened_whole
from tools.erp.company import ROUTES
from tools.importers.jsonl import read_lines

app = typer.Typer(help="Routes of texts: fitted on labelled rows, abstaining rather than guessing.", no_args_is_help=True)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@app.command()
def fit(
    name: Annotated[str, typer.Argument(help="Under which name it is kept.")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="JSON Lines of text and label.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a router; `company` without a file takes the routes that come with the company."""
    _check_name(name)
    if file is None and name != "company":
        fail(f"router {name!r}: which rows? Give a FILE of {{text, label}}")
    rows, bad = _read(file or ROUTES)
    home = open_home()
    with Bars() as bars:
        bars.step(f"fit router {name} on {len(rows)} rows")
        router = Router.fit([text for text, _ in rows], [label for _, label in rows], home.embedder)
        router.save(home.routers / name)
        bars.update(1, 1)
    document = {"router": name, "rows": len(rows), "labels": list(router.labels), "threshold": router.threshold, "errors": bad}
    lines = [f"router {name}: {len(rows)} rows, {len(router.labels)} routes, abstains below {router.threshold:.3f}", *bad]
    show(document, "\n".join(lines), as_json)
    if bad:
        raise typer.Exit(BAD_ROWS)


@app.command()
def predict(
    name: str,
    file: Annotated[Path, typer.Argument(metavar="IN", help="JSON Lines of text.")],
    out: Annotated[Path, typer.Option(help="Where routes go, one line a text.")],
    as_json: AsJson = False,
) -> None:
    """Route each text, in order; rows that cannot be read give an error in their place (exit 4)."""
    _check_name(name)
    home = open_home()
    router = Router.load(home.routers / name, home.embedder)
    rows = list(read_lines(file))
    texts = [(at, text) for at, (_, document) in enumerate(rows) if (text := _word(document, "text")) is not None]
    routed = dict(zip((at for at, _ in texts), router.route([text for _, text in texts]), strict=True))
    with opened_whole(out) as sink:
        for at, (line, _) in enumerate(rows):
            found = routed.get(at)
            answer: dict[str, Any] = (
                {"label": found.label, "confidence": round(found.confidence, 6)}
                if found is not None
                else {"error": {"code": "bad_row", "message": f"{file.name}:{line}: expected an object with text"}}
            )
            sink.write(json.dumps(answer, ensure_ascii=False) + "\n")
    errors = len(rows) - len(routed)
    show(
        {"rows": len(rows), "errors": errors, "out": str(out)},
        f"{len(rows)} routes in {out}, {errors} rows could not be read",
        as_json,
    )
    if errors:
        raise typer.Exit(BAD_ROWS)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        fail(f"router {name!r}: a name has letters, digits, '.', '_' and '-', at most 64")


def _word(document: Any, name: str) -> str | None:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def _read(file: Path) -> tuple[list[tuple[str, str]], list[str]]:
    rows, bad = [], []
    for line, document in read_lines(file):
        text, label = _word(document, "text"), _word(document, "label")
        if text and text.strip() and label:
            rows.append((text, label))
        else:
            bad.append(f"{file.name}:{line}: expected an object with text and label")
    if not rows:
        raise BadInput(f"{file}: no row with text and label")
    return rows, bad
