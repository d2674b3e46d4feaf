"""What institutional knowledge is worth: training rows alone beside the same and pairs of letters and journal entries.

The history is made (`evals/journal.py`) of conversations that are not among the rows; no conversation of the day is.
"""

import json
from pathlib import Path
from typing import Any

from core.settings import Settings
from core.types.principal import IMPORTER
from core.types.value import Value
from evals.intervals import paired_difference, rate
from evals.journal import History, make_history, measure_pairs
from finetune.loop import FIRST_NIGHT, ROWS, Loop, LoopOrder
from finetune.progress import Progress
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.history.pairing import Pairs, pair
from tools.history.wording import Wording

HISTORY = "and the history"


class HistoryOrder(Value):
    """What is tried."""

    pairs: int = 2000
    """At most so many."""
    trained: bool = True
    """Whether two nights are compared; else it is only counted how many pairs are right."""
    loop: LoopOrder = FIRST_NIGHT
    """Of what the first night is trained."""


def run_history(folder: Path, settings: Settings, order: HistoryOrder, progress: Progress) -> dict[str, Any]:
    """Pair, count, train and compare; an interrupted run goes on.

    Returns:
        The document written to `FOLDER/history.json`.
    """
    loop = Loop(folder, settings, order.loop, progress)
    sandbox = Sandbox(loop.company)
    book = Lookup(sandbox)
    history = make_history(loop.left, loop.toolset, book, order.loop.seed)
    document: dict[str, Any] = {
        "order": order.model_dump(mode="json"),
        "conversations": len(loop.left),
        "letters": len(history.letters),
        "entries": len(history.entries),
    }
    for name, own in (("vocabulary alone", None), ("business system", book)):
        progress.step(f"pair, records by the {name}")
        pairs = _pair(history, loop, Wording(loop.toolset, own), settings, order, progress)
        found = measure_pairs(history, pairs.traces, loop.toolset, book)
        document[name] = {"pairs": len(pairs.traces), "left_out": dict(pairs.left_out), **found.model_dump(mode="json")}
    sandbox.close()
    if order.trained:
        document |= _compared(loop, pairs)
    (folder / "history.json").write_text(json.dumps(document, indent=1))
    return document


def _pair(history: History, loop: Loop, wording: Wording, settings: Settings, order: HistoryOrder, progress: Progress) -> Pairs:
    principal = IMPORTER.model_copy(update={"tenant": settings.tenant})
    return pair(history.letters, history.entries, loop.toolset, wording, principal, most=order.pairs, on_progress=progress.update)


def _compared(loop: Loop, pairs: Pairs) -> dict[str, Any]:
    releases = {name: loop.night(name, [*loop.rows, *more]).release for name, more in ((ROWS, ()), (HISTORY, pairs.traces))}
    right = {name: [one.end_state for one in loop.exam(name, release)] for name, release in releases.items()}
    alone = [None] * len(right[ROWS])
    return {
        "releases": releases,
        "end_state": {name: rate(outcomes, alone).model_dump() for name, outcomes in right.items()},
        "lift": paired_difference(right[HISTORY], right[ROWS], alone).model_dump(),
    }
