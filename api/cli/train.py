"""`nightschool train`: the training of a night that waits for another machine."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from api.cli.output import AsJson, Bars, open_home, show
from core.errors import NotFound
from finetune.order import ORDER, Order
from finetune.training import train_in_child


def train(
    folder: Annotated[Path, typer.Argument(help="A night's folder, as a night with NIGHTSCHOOL_TRAIN_ELSEWHERE=1 named it.")],
    base: Annotated[str, typer.Option(help="small, large, a folder, or a hub name: what the night trains.")] = "small",
    as_json: AsJson = False,
) -> None:
    """Train what a night on another machine ordered; the night goes on there once the folder is back."""
    place = (folder / "training").resolve()
    order = _read_order(place / ORDER)
    home = open_home()
    with Bars() as bars:
        bars.step("prepare the base")
        ready = home.bases.ready_to_train(base, lambda note: bars.update(0, 1, note))
        bars.step("train")
        here = order.model_copy(update={"base": ready.folder, "threads": home.settings.threads})
        result = train_in_child(here, place, lambda line: bars.update(line.get("step", 0), line.get("steps", 1)))
    text = f"trained {result['tokens']:,} tokens in {result['seconds'] / 60:.1f} minutes: take {folder} back to its home"
    show(result, text, as_json)


def _read_order(file: Path) -> Order:
    try:
        return Order.model_validate(json.loads(file.read_text()))
    except OSError as error:
        raise NotFound(f"{file}: no training was ordered there: {error.strerror}") from error
    except (ValueError, ValidationError) as error:
        raise NotFound(f"{file}: not the order of a training: {error}") from error
