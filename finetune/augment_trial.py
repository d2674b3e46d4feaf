"""What augmentation is worth: nights on the same rows with none of it, with either kind, and with both."""

import json
from pathlib import Path
from typing import Any

from core.settings import Settings
from evals.intervals import paired_difference, rate
from finetune.loop import ROWS, Loop, LoopOrder
from finetune.night_order import NightResult
from finetune.progress import Progress

BOTH = ROWS
NEITHER, SWAPS, JOINS = "no augmentation", "other values", "two wishes"
_SWITCHES = {NEITHER: (False, False), SWAPS: (True, False), JOINS: (False, True), BOTH: (True, True)}
"""Whether values are swapped, whether rows are joined."""


def run_augment(folder: Path, settings: Settings, order: LoopOrder, progress: Progress) -> dict[str, Any]:
    """Train and examine the four; an interrupted run goes on.

    Args:
        folder: Where homes and scores go.
        settings: Model files and threads are taken from here.
        order: How large; of the day only that it is kept from the rows.
        progress: Told of every step.

    Returns:
        The document written to `FOLDER/augment.json`: rates by kind of augmentation, and what each adds to none.
    """
    loop = Loop(folder, settings, order, progress)
    nights = {name: loop.night(name, loop.rows, swaps=swaps, joins=joins) for name, (swaps, joins) in _SWITCHES.items()}
    right = {name: [one.end_state for one in loop.exam(name, night.release)] for name, night in nights.items()}
    alone = [None] * len(right[NEITHER])
    document = {
        "order": order.model_dump(mode="json"),
        "training": {name: _trained(night) for name, night in nights.items()},
        "end_state": {name: rate(outcomes, alone).model_dump() for name, outcomes in right.items()},
        "lift": {
            name: paired_difference(outcomes, right[NEITHER], alone).model_dump()
            for name, outcomes in right.items()
            if name != NEITHER
        },
    }
    (folder / "augment.json").write_text(json.dumps(document, indent=1))
    return document


def _trained(night: NightResult) -> dict[str, Any]:
    return {"release": night.release, "plan": night.plan, "rows": night.rows}
