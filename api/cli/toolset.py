"""`nightschool toolset`: what agents can call."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.output import AsJson, open_home, show
from core.errors import BadInput, NotFound
from core.types.tool import read_toolset

app = typer.Typer(help="Toolsets: named, versioned sets of tools.", no_args_is_help=True)


@app.command()
def add(
    name: str,
    tools: Annotated[Path, typer.Argument(help="JSON file: an OpenAI tools array.")],
    vocabulary: Annotated[Path | None, typer.Option(help="JSON file: names and patterns by kind.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a toolset, or a new version of it; adding the same again changes nothing."""
    toolset = read_toolset(name, read_json(tools), read_json(vocabulary) if vocabulary else None)
    added = open_home().registry.add(toolset)
    document = {"toolset": name, "version": toolset.version, "tools": len(toolset.tools), "new": added}
    show(document, f"{name}: {len(toolset.tools)} tools, version {toolset.version}{'' if added else ' (unchanged)'}", as_json)


@app.command("list")
def list_toolsets(as_json: AsJson = False) -> None:
    """Show toolsets and their current versions."""
    found = open_home().registry.all()
    document = [{"toolset": t.name, "version": t.version, "tools": [tool.name for tool in t.tools]} for t in found]
    show(document, "\n".join(f"{t.name}  {t.version}  {len(t.tools)} tools" for t in found) or "No toolsets.", as_json)


def read_json(file: Path) -> Any:
    """Decode a JSON file.

    Raises:
        NotFound: No such file.
        BadInput: Not JSON; names file, line and column.
    """
    if not file.is_file():
        raise NotFound(f"{file}: no such file")
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise BadInput(f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{file}: not JSON: {error}") from error
