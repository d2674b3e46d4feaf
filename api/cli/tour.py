"""`nightschool tour`: what this is, live, in a minute."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.cli.output import AsJson, Bars, show
from api.tour.scene import Scene, Who
from api.tour.scenes import SCENES, play_all
from api.tour.stage import set_up

_STYLES: dict[Who, str] = {"person": "bold", "agent": "green", "change": "dim", "base": "red", "note": "cyan"}
_SIGNS: dict[Who, str] = {"person": "> ", "agent": "  ", "change": "    ", "base": "  ✗ ", "note": "  · "}


def tour(
    folder: Annotated[Path, typer.Option(help="Where the tour's home goes; what is there is replaced.")] = Path(".tour"),
    as_json: AsJson = False,
) -> None:
    """Play the scenes of the tour with the shipped champion. Exit code 1 when one does not go as its title says."""
    started, scenes = time.monotonic(), list[Scene]()
    console = Console(soft_wrap=True, highlight=False, quiet=as_json)
    with Bars() as bars, set_up(folder.resolve(), bars) as stage:
        bars.step("the tour")
        release, prepared = stage.release, time.monotonic() - started
        for scene in play_all(stage):
            scenes.append(scene)
            bars.update(len(scenes), SCENES)
            _show(console, scene)
    seconds = time.monotonic() - started
    document = {
        "release": release.id,
        "scenes": [scene.model_dump(mode="json") for scene in scenes],
        "seconds": round(seconds, 1),
        "preparing_s": round(prepared, 1),
    }
    shown = sum(scene.shown for scene in scenes)
    text = (
        f"{shown} of {len(scenes)} scenes went as their titles say, in {seconds:.0f} s ({prepared:.0f} s of them to prepare),"
        f" with release {release.id}.\nGo on yourself: NIGHTSCHOOL_HOME={folder} nightschool chat"
    )
    show(document, text, as_json)
    if shown < len(scenes):
        raise typer.Exit(1)


def _show(console: Console, scene: Scene) -> None:
    mark = "✓" if scene.shown else "✗"
    console.print(f"\n{mark} {scene.title} ({scene.seconds:.1f} s)", style="bold cyan" if scene.shown else "bold red")
    for line in scene.lines:
        console.print(_SIGNS[line.who] + line.text.replace("\n", "\n  "), style=_STYLES[line.who], markup=False)
