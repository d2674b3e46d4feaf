"""Many nights in a row, to see that a loop fed by people who err does not eat itself.

By day a release works on conversations that nobody has worked on before, and an operator watches who overlooks some errors. By
night everything harvested since the first day is curated, and the picker fitted anew; the adapter stays as the first night
left it, as sixty trainings would take days. What this does not cover is therefore how the writer's own errors would build up.
"""

import json
import math
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agents.caller import FIRST_DRAFTS
from agents.home import Home
from agents.parts import KINDS, PICKER, TOOLSET, load_caller, load_kinds
from agents.picker import Picker
from agents.serving import Loaded, open_release_engine
from core.settings import Settings
from core.types.example import Step
from core.types.trace import Trace
from core.types.value import Value
from evals.intervals import paired_difference, rate
from finetune.barred import Barred
from finetune.curation import Curator
from finetune.day import read_day, work_a_day, write_day
from finetune.fit import PICKER_JOINED, Remembering, fit_picker
from finetune.harvest import harvest_one
from finetune.join import Joiner
from finetune.loop import FIRST_NIGHT, ROWS, Loop, LoopOrder
from finetune.progress import Progress
from tools.marks import AT_NIGHT, Marker


class NightsOrder(Value):
    """How many nights, and of what."""

    nights: int = 60
    """How many."""
    a_day: int = 40
    """Conversations a day."""
    loop: LoopOrder = FIRST_NIGHT
    """Of what the first night is trained, and who watches."""
    curated: bool = True
    """Whether the harvest is; else all of it is learned as it is."""


class _Taught(Value):
    """What one night taught."""

    night: int
    """Which, from 1."""
    steps: dict[str, int]
    """Of the day before: right, corrected, missed, mistaken."""
    taught: int
    """Steps that taught."""
    wrong: int
    """Of these, how many are not what should have been done."""
    entropy: float
    """Of tools and ways to end over the steps that taught, in bits."""
    true_entropy: float
    """The same over all steps there have been, as they should have been done."""


def run_nights(folder: Path, settings: Settings, order: NightsOrder, progress: Progress) -> dict[str, Any]:
    """Live through the nights; an interrupted run goes on.

    Returns:
        The document written to `FOLDER/nights.json`: each night, and golden scenarios before the first and after the last.
    """
    document = _Nights(folder, settings, order, progress).run()
    (folder / "nights.json").write_text(json.dumps(document, indent=1))
    return document


class _Nights:
    def __init__(self, folder: Path, settings: Settings, order: NightsOrder, progress: Progress) -> None:
        self._loop, self._order, self._progress = Loop(folder, settings, order.loop, progress), order, progress
        self._first = self._loop.night(ROWS, self._loop.rows)
        self._trained = self._loop.home(ROWS)
        self._name = "curated" if order.curated else "straight"
        self._folder = folder / f"{self._name}-nights"
        self._home = Home(settings.model_copy(update={"home": self._folder / "home", "artefacts": settings.artefact_folder}))
        self._home.registry.add(self._loop.toolset)
        self._home.traces.add(self._loop.rows)
        self._embedder = Remembering(self._home.embedder)
        self._table = load_kinds(self._parts_of(0))

    def run(self) -> dict[str, Any]:
        taught = [self._live(number) for number in range(1, self._order.nights + 1)]
        last = self._order.nights
        before = self._loop.examined("before", lambda: self._release(0))
        after = self._loop.examined(f"{self._name} after {last} nights", lambda: self._release(last))
        right = [[outcome.end_state for outcome in outcomes] for outcomes in (after, before)]
        alone = [None] * len(before)
        return {
            "order": self._order.model_dump(mode="json"),
            "nights": [night.model_dump() for night in taught],
            "before": rate(right[1], alone).model_dump(),
            "after": rate(right[0], alone).model_dump(),
            "difference": paired_difference(right[0], right[1], alone).model_dump(),
            "least_entropy_kept": min(night.entropy / night.true_entropy for night in taught),
        }

    def _live(self, number: int) -> _Taught:
        """A day and its night."""
        folder = self._folder / f"{number:03}"
        folder.mkdir(parents=True, exist_ok=True)
        own = self._day_of(number)
        file, kept = folder / "day.json", folder / "taught.json"
        if not file.is_file():
            self._progress.step(f"day {number} of {self._order.nights}")
            seed, release = self._order.loop.seed + number, self._release(number - 1)
            day = work_a_day(own, release, self._loop.toolset, self._order.loop.operator, seed, self._progress.update)
            release.close()
            write_day(day, file)
        day = read_day(file)
        self._home.traces.add([*day.refused, *day.traces])
        if not kept.is_file():
            self._progress.step(f"night {number} of {self._order.nights}")
            taught = self._night(number, dict(day.steps))
            kept.write_text(taught.model_dump_json())
        return _Taught.model_validate_json(kept.read_text())

    def _night(self, number: int, steps: dict[str, int]) -> _Taught:
        toolset = self._loop.toolset
        curator = Curator(self._home, toolset, lambda: self._embedder, self._order.loop.seed, self._progress)
        examples = (curator.curate(Barred()) if self._order.curated else curator.harvested()).examples
        joiner = Joiner(toolset, self._table, PICKER_JOINED, self._order.loop.seed)
        marker = Marker(toolset, self._table, AT_NIGHT)
        picker = fit_picker(toolset, examples, joiner.join(examples), marker, self._embedder)
        self._keep(number, picker)
        right = _steps_by_place([*self._loop.rows, *(trace for day in range(1, number + 1) for trace in self._day_of(day))])
        taught = [(step, right.get(example.key_before(step.position))) for example in examples for step in example.steps]
        return _Taught(
            night=number,
            steps=steps,
            taught=len(taught),
            wrong=sum(should is not None and step.key != should.key for step, should in taught),
            entropy=_entropy(step for step, _ in taught),
            true_entropy=_entropy(right.values()),
        )

    def _day_of(self, number: int) -> list[Trace]:
        start = (number - 1) * self._order.a_day
        return self._loop.left[start : start + self._order.a_day]

    def _keep(self, number: int, picker: Picker) -> None:
        """The parts of a release, less what every night has alike."""
        partial = self._parts_of(number).with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name in (TOOLSET, KINDS):
            shutil.copy(self._parts_of(0) / name, partial / name)
        picker.save(partial / PICKER)
        shutil.rmtree(self._parts_of(number), ignore_errors=True)
        partial.replace(self._parts_of(number))

    def _parts_of(self, number: int) -> Path:
        return self._folder / f"{number:03}" / "parts" if number else self._trained.releases.path(self._first.release)

    def _release(self, number: int) -> Loaded:
        """What works after so many nights."""
        engine = open_release_engine(self._trained, "small", self._first.release)
        caller = load_caller(self._parts_of(number), engine, self._embedder, FIRST_DRAFTS)
        return Loaded(f"night {number}", self._loop.toolset, caller, engine)


def _steps_by_place(traces: Iterable[Trace]) -> dict[str, Step]:
    """Every teaching step by what stands before it."""
    examples = [example for trace in traces if (example := harvest_one(trace)) is not None]
    return {example.key_before(step.position): step for example in examples for step in example.steps}


def _entropy(steps: Iterable[Step]) -> float:
    counts = Counter(name for step in steps for name in ([call.name for call in step.calls] or [step.outcome]))
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values())
