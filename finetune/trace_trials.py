"""What curation is worth: nights on traces as the wild leaves them, curated and straight, beside a night on clean ones.

Every night trains from the base, for as many epochs, on what a harvest of all folds but one finds, and is examined by its first
drafts on the one it never saw. A night's home lies under the output folder and its scores are kept as soon as they are known: an
interrupted run goes on.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agents.caller import FIRST_DRAFTS
from agents.home import Home
from agents.serving import Loader
from core.settings import Settings
from core.types.case import Case, cases_of
from core.types.principal import IMPORTER
from core.types.tool import Toolset, read_toolset
from core.types.trace import Trace
from core.types.value import Value
from evals.corruptions import Wild, by_people, confused, drifted, few, mixed, noisy
from evals.intervals import paired_difference
from evals.suite import Examination
from evals.summary import summarise
from finetune.benchmark import BENCHMARKS, kept_examination, load
from finetune.night_order import NO_EXAM, NightOrder
from finetune.nightly import run_night
from finetune.plan import Limits
from finetune.progress import Progress
from finetune.split import folds
from tools.erp import starter
from tools.importers.jsonl import read_traces

CLEAN, FEW = "clean", "five traces a tool"
SCENARIOS = (CLEAN, "noise", "one person's confusions", "schema drift", "two toolsets mixed", FEW)
DIRECT, CURATED = "direct", "curated"
_FOLDS = 5
_EPOCHS_OF_FEW = 8.0


class TrialOrder(Value):
    """What is tried."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Each with a fold of its own."""
    scenarios: tuple[str, ...] = SCENARIOS
    """Which."""
    epochs: float = 4.0
    """Of every night, but for those on a few traces, which have eight: at most 300 steps."""


def run_trials(data: Path, out: Path, settings: Settings, order: TrialOrder, progress: Progress) -> dict[str, Any]:
    """Measure; safe to interrupt and repeat.

    Args:
        data: Folder of the data set.
        out: Where homes and scores go.
        settings: Model files and threads are taken from here.
        order: What is tried.
        progress: Told of every step.

    Returns:
        Exact rates by scenario and way, pooled over the seeds, and what each way loses against clean traces learned as they are.

    Raises:
        NotFound: A file of the data set is missing.
    """
    toolset, examples, traces = load(BENCHMARKS["iot"], data)
    examined: dict[str, dict[str, list[Examination]]] = {name: {DIRECT: [], CURATED: []} for name in order.scenarios}
    for seed in order.seeds:
        held_out = folds(examples, _FOLDS, seed)[seed % _FOLDS]
        hidden = {example.trace_id for example in held_out}
        cases = [case for example in held_out for case in cases_of(example, toolset)]
        known = by_people([trace for identity, trace in traces.items() if identity not in hidden], seed)
        for name in order.scenarios:
            wild = _wild(name, known, toolset, seed)
            trial = _Trial(out / f"{name.replace(' ', '-')}-seed{seed}", settings, toolset, wild, progress)
            for way, found in examined[name].items():
                progress.step(f"{name}, {way}, seed {seed}")
                found.append(trial.run(cases, way == CURATED, _EPOCHS_OF_FEW if name == FEW else order.epochs, seed))
    document = _document(order, examined)
    out.mkdir(parents=True, exist_ok=True)
    (out / "traces.json").write_text(json.dumps(document, indent=1))
    return document


def _wild(name: str, known: Sequence[Trace], toolset: Toolset, seed: int) -> Wild:
    ways: dict[str, Callable[[], Wild]] = {
        CLEAN: lambda: Wild(list(known)),
        "noise": lambda: noisy(known, seed),
        "one person's confusions": lambda: confused(known, toolset),
        "schema drift": lambda: drifted(known, toolset),
        "two toolsets mixed": lambda: mixed(known, _strangers(), seed),
        FEW: lambda: few(known, seed),
    }
    return ways[name]()


def _strangers() -> list[Trace]:
    """Conversations of the first toolset that comes with the project."""
    toolset = read_toolset("erp", json.loads(starter.TOOLS.read_text()), json.loads(starter.VOCABULARY.read_text()))
    return read_traces(starter.CONVERSATIONS, toolset, IMPORTER)[0]


class _Trial:
    """Nights on what one harvest finds; where curation leaves it as it is, the second night is the first."""

    def __init__(self, place: Path, settings: Settings, toolset: Toolset, wild: Wild, progress: Progress) -> None:
        self._place, self._toolset, self._wild, self._progress = place, toolset, wild, progress
        self._settings = settings.model_copy(update={"home": place, "artefacts": settings.artefact_folder})

    def run(self, cases: Sequence[Case], curated: bool, epochs: float, seed: int) -> Examination:
        home = self._home()
        order = NightOrder(
            toolset=self._toolset.name,
            seed=seed,
            limits=Limits(epochs=epochs),
            reviewer=False,
            promote=False,
            filtered=curated,
            exam=NO_EXAM,
        )
        release = run_night(home, order, self._progress).release
        load = partial(Loader(home).load, self._toolset.name, release, FIRST_DRAFTS)
        examined = kept_examination(self._place, release, cases, load, self._toolset, self._progress)
        home.database.dispose()
        return examined

    def _home(self) -> Home:
        home, was, now = Home(self._settings), self._wild.was, self._toolset
        if was is not None:
            home.registry.add(was)
            for name, migration in self._wild.migrations.items():
                hashes = was.by_name[name].schema_hash, now.by_name[migration.becomes].schema_hash
                home.migrations.declare(now.name, name, *hashes, migration, home.principal)
        home.registry.add(now)
        home.traces.add(self._wild.traces)
        return home


def _document(order: TrialOrder, examined: Mapping[str, Mapping[str, Sequence[Examination]]]) -> dict[str, Any]:
    scores = {
        (name, way): [score for one in found for score in one.scores]
        for name, ways in examined.items()
        for way, found in ways.items()
    }
    document: dict[str, Any] = {"order": order.model_dump(mode="json"), "exact": {}, "against clean": {}}
    for (name, way), own in scores.items():
        document["exact"].setdefault(name, {})[way] = summarise(own).exact.model_dump()
        clean = scores.get((CLEAN, DIRECT))
        if clean is not None and (name, way) != (CLEAN, DIRECT):
            gap = paired_difference([s.exact for s in own], [s.exact for s in clean], [s.cluster for s in own])
            document["against clean"].setdefault(name, {})[way] = gap.model_dump()
    return document
