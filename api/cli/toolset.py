"""`nightschool toolset`: what agents can call."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.home import Home
from api.cli.output import AsJson, open_home, show
from core.errors import BadInput, NotFound
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset, read_toolset
from finetune.standing import Standing, count_by_standing
from tools.migration_declared import proposed_migrations, read_migrations
from tools.schema_changes import toolset_changes

app = typer.Typer(help="Toolsets: named, versioned sets of tools.", no_args_is_help=True)
Was = Annotated[str | None, typer.Option(help="The version of then; default the latest one with other tools.")]
_FITS = "  (calls of then mean the same)"
_STANDING: dict[Standing, str] = {
    "as it is": "teach as they are",
    "migrated": "are migrated",
    "lost": "teach nothing until a migration is declared",
}


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


@app.command()
def diff(name: str, was: Was = None, as_json: AsJson = False) -> None:
    """Show what changed between two versions of a toolset, and what it means for the traces of then."""
    home = open_home()
    old, new = _versions(home, name, was)
    changes = toolset_changes(old, new)
    uses = count_by_standing(home, old, new)
    lines = [f"{name}: {old.version} → {new.version}", *(f"  {change}{_FITS if change.fits else ''}" for change in changes)]
    lines += [f"  {use.tool}: {use.traces} traces {_STANDING[use.standing]}" for use in uses]
    document = {
        "toolset": name,
        "was": old.version,
        "now": new.version,
        "changes": [change.model_dump() for change in changes],
        "traces": [use.model_dump() for use in uses],
    }
    show(document, "\n".join(lines if changes else [*lines, "  nothing but words changed"]), as_json)


@app.command()
def migrate(
    name: str,
    file: Annotated[
        Path | None, typer.Argument(help="JSON: by tool of then what it becomes; without it, what renames say.")
    ] = None,
    was: Was = None,
    yes: Annotated[bool, typer.Option("--yes", help="Without a file: take what is proposed.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Forget what was declared from that version.")] = False,
    as_json: AsJson = False,
) -> None:
    """Declare how calls of then are written now, so that their traces go on teaching; without a file, see what is proposed."""
    home = open_home()
    old, new = _versions(home, name, was)
    if withdraw:
        gone = home.migrations.withdraw(name, old.schema_hashes.values())
        show({"toolset": name, "withdrawn": gone}, f"{name}: {gone} migrations withdrawn", as_json)
        return
    declared = read_migrations(read_json(file), old, new, str(file)) if file is not None else proposed_migrations(old, new)
    if taken := file is not None or yes:
        for tool, migration in declared.items():
            schemas = old.by_name[tool].schema_hash, new.by_name[migration.becomes].schema_hash
            home.migrations.declare(name, tool, *schemas, migration, home.principal)
    uses = count_by_standing(home, old, new)
    lines = [f"  {tool} → {migration.becomes}: {_told(migration)}" for tool, migration in declared.items()]
    lines += [f"  {use.tool}: {use.traces} traces {_STANDING[use.standing]}" for use in uses]
    document = {
        "toolset": name,
        "declared": taken,
        "migrations": {tool: migration.model_dump() for tool, migration in declared.items()},
        "traces": [use.model_dump() for use in uses],
    }
    said = f"{len(declared)} migrations {'declared' if taken else 'proposed; --yes takes them'}"
    show(document, "\n".join([f"{name}: {said}", *lines]), as_json)


def _versions(home: Home, name: str, was: str | None) -> tuple[Toolset, Toolset]:
    """The version of then and the current one; without a word the latest of then whose tools were others.

    Raises:
        NotFound: No such toolset or version, or there was never another.
    """
    current = home.registry.get(name)
    before = [version for version in home.registry.versions(name) if version.schema_hashes != current.schema_hashes]
    if was is not None:
        before = [version for version in before if version.version.startswith(was)]
    if not before:
        raise NotFound(f"toolset {name!r}: no {f'version {was!r}' if was else 'earlier version'} with other tools")
    return before[-1], current


def _told(migration: ToolMigration) -> str:
    renamed = [f"{path} → {now or 'dropped'}" for path, now in migration.arguments.items()]
    return ", ".join([*renamed, *(f"{path} as {cast}" for path, cast in migration.casts.items())]) or "as they are"


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
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file}: not JSON: {error}") from error
