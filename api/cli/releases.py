"""`nightschool releases`: what nights made, and which of it serves."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import AsJson, open_home, show
from finetune.fates import flagged

app = typer.Typer(help="Releases: gated, promoted, rolled back as one.", no_args_is_help=True)


@app.command("list")
def list_releases(toolset: str | None = None, as_json: AsJson = False) -> None:
    """Show releases, oldest first; the champion is marked, and so is what learned writes that were taken back since."""
    home = open_home()
    found = home.releases.all(toolset)
    champions = {history[-1] for name in {r.toolset for r in found} if (history := home.releases.history(name))}
    flags = {name: held for toolset_name in {r.toolset for r in found} for name, held in flagged(home, toolset_name).items()}
    document = [
        {
            **r.model_dump(mode="json", include={"id", "toolset", "status", "base", "created_at"}),
            "champion": r.id in champions,
            "taken_back": flags.get(r.id, []),
        }
        for r in found
    ]
    lines = [
        f"{'*' if d['champion'] else ' '} {d['id']}  {d['toolset']}  {d['base']}  {d['status']}  {d['created_at']}"
        + (f"  learned {len(d['taken_back'])} conversations that were taken back since" if d["taken_back"] else "")
        for d in document
    ]
    show(document, "\n".join(lines) or "No releases.", as_json)


@app.command("show")
def show_release(release_id: str, as_json: AsJson = False) -> None:
    """Show one release: lineage, exam, training."""
    home = open_home()
    release = home.releases.get(release_id)
    document = {**release.model_dump(mode="json"), "folder": str(home.releases.path(release_id))}
    show(document, "\n".join(f"{key}: {value}" for key, value in document.items()), as_json)


@app.command()
def promote(release_id: str, as_json: AsJson = False) -> None:
    """Make a release the champion of its toolset."""
    home = open_home()
    release = home.releases.promote(release_id, home.principal, "person")
    show({"champion": release.id, "toolset": release.toolset}, f"{release.id} is champion of {release.toolset}.", as_json)


@app.command()
def rollback(toolset: str, as_json: AsJson = False) -> None:
    """Go back to the champion before."""
    home = open_home()
    release = home.releases.rollback(toolset, home.principal)
    show({"champion": release.id, "toolset": toolset}, f"{release.id} is champion of {toolset} again.", as_json)


@app.command("export")
def export_release(release_id: str, file: Path, as_json: AsJson = False) -> None:
    """Write a release to one file, to be carried to another home."""
    from finetune.archive import pack

    size = pack(open_home(), release_id, file)
    show({"release": release_id, "file": str(file), "bytes": size}, f"{release_id}: {size / 1e6:.1f} MB in {file}", as_json)


@app.command("import")
def import_release(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion of its toolset.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take in a release that `releases export` wrote; every file must have the SHA-256 its release names."""
    from finetune.archive import unpack

    home = open_home()
    release = unpack(home, file)
    if promote:
        home.releases.promote(release.id, home.principal, "person")
    state = f"champion of {release.toolset}" if promote else "not promoted"
    show({"release": release.id, "toolset": release.toolset, "promoted": promote}, f"{release.id}: {state}", as_json)
