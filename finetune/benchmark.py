"""Benchmarks: held-out measurements on a data set, fold by fold; every fold is a whole night of its own.

A fold's home lies under the output folder, and each figure is kept as soon as it is known: an interrupted benchmark goes on.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.caller import FIRST_DRAFTS, Steps
from agents.home import Home
from agents.parts import load_kinds
from agents.serving import Loader
from core.errors import NotFound
from core.settings import Settings
from core.types.case import Case, cases_of
from core.types.example import Example
from core.types.principal import IMPORTER
from core.types.tool import Toolset, read_toolset
from core.types.trace import Trace
from core.types.value import Value
from core.whole import write_whole
from evals.failures import count_failures
from evals.nearest import NearestRow
from evals.scorers.exact import Score
from evals.suite import Examination, examine
from evals.summary import summarise
from evals.swap import NameSwap
from finetune.cluster import cluster
from finetune.dataset import thaw
from finetune.harvest import harvest
from finetune.night_order import NightOrder, NightResult
from finetune.nightly import run_night
from finetune.plan import Limits
from finetune.progress import Progress
from finetune.split import folds
from tools.importers.jsonl import read_traces

WHOLE = "whole caller"
ABLATIONS: dict[str, Steps] = {
    "no second look": FIRST_DRAFTS,
    "without reviewer": Steps(reviewer=False),
    "without picker": Steps(picker=False),
    "writer alone": Steps(mentions=False, picker=False, reviewer=False),
}


class Benchmark(Value):
    """What a data set is measured on."""

    name: str
    """`erp`, `iot` or `banking`."""
    files: tuple[str, ...]
    """Conversations, one or several files."""
    seeds: tuple[int, ...]
    """Of the folds and the nights."""
    folds: int = 5
    """Into how many parts the conversations are cut."""
    folds_run: int = 5
    """How many of them are held out in turn."""
    ignored_tools: tuple[str, ...] = ()
    """A second figure leaves out the cases that expect only these."""
    ablation_cases: int = 250
    """How many of a fold's held-out cases the ablations and the nearest row are measured on; the whole caller has them all."""
    swaps_names: bool = False
    """Whether the held-out cases are also measured with their names swapped for unused ones."""


BENCHMARKS = {
    "erp": Benchmark(name="erp", files=("conversations.jsonl",), seeds=(0, 1), folds_run=1, swaps_names=True),
    "iot": Benchmark(name="iot", files=("traces.jsonl", "seeds.jsonl"), seeds=(0,)),
    "banking": Benchmark(name="banking", files=("traces.jsonl",), seeds=(0,), ignored_tools=("greeting", "thank_you", "goodbye")),
}


class Fold(NamedTuple):
    """One part of a data set held out, and a night on the others."""

    toolset: Toolset
    """Whose conversations they are."""
    traces: dict[str, Trace]
    """All of them, by id."""
    held_out: Sequence[Example]
    """The part no night sees."""
    seed: int
    """Of the parts and the night."""
    number: int
    """Which part, from 0."""
    first: int | None = None
    """How many of its cases are asked; None for all."""

    @property
    def cases(self) -> tuple[Case, ...]:
        """The steps of what is held out, clusters in a seeded order."""
        return tuple(case for example in self.held_out for case in cases_of(example, self.toolset))[: self.first]

    def named(self, label: str) -> str:
        """The folder its home lies in."""
        return f"{label}-seed{self.seed}-fold{self.number}"

    def home(self, place: Path, settings: Settings) -> Home:
        """A home that holds what is not held out."""
        home = Home(settings.model_copy(update={"home": place, "artefacts": settings.artefact_folder}))
        hidden = {example.trace_id for example in self.held_out}
        home.registry.add(self.toolset)
        home.traces.add(trace for identity, trace in self.traces.items() if identity not in hidden)
        return home

    def night(self, home: Home, base: str, limit: int | None, progress: Progress) -> NightResult:
        """Its night; the exam is the cases, answered by the whole caller."""
        limits = Limits(conversations=limit)
        order = NightOrder(toolset=self.toolset.name, base=base, seed=self.seed, limits=limits, exam=self.cases)
        return run_night(home, order, progress)


def exam_of(night: NightResult) -> Examination:
    """What the whole caller answered on a fold's cases, when its night examined it."""
    return Examination.model_validate_json((Path(night.folder) / "candidate.json").read_text())


def run_benchmark(
    benchmark: Benchmark, data: Path, out: Path, settings: Settings, base: str, limit: int | None, progress: Progress
) -> dict[str, Any]:
    """Measure; safe to interrupt and repeat.

    Args:
        benchmark: What to measure.
        data: Folder of the data set: `tools.json`, the conversation files, perhaps `vocabulary.json`.
        out: Where homes and figures go.
        settings: Model files and threads are taken from here.
        base: Base model.
        limit: Use at most so many training conversations (learning curves).
        progress: Told of every step.

    Returns:
        Figures pooled over folds and seeds, and each fold's own.

    Raises:
        NotFound: A file of the data set is missing; names it.
    """
    label = f"{benchmark.name}-{base}" + (f"-{limit}" if limit else "")
    runs = []
    for fold in folds_of(benchmark, data):
        progress.step(f"{label}: seed {fold.seed}, fold {fold.number + 1} of {benchmark.folds_run}")
        runs.append(_run_fold(benchmark, fold, out / fold.named(label), settings, base, limit, progress))
    document = {
        "benchmark": benchmark.name,
        "base": base,
        "limit": limit,
        "pooled": _pooled(runs),
        "runs": [r["summary"] for r in runs],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{label}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False))
    return document


def folds_of(benchmark: Benchmark, data: Path, first: int | None = None) -> Iterator[Fold]:
    """The parts that are held out in turn, seed by seed.

    Args:
        benchmark: What is measured.
        data: Folder of the data set.
        first: How many cases of each are asked; None for all.

    Raises:
        NotFound: A file of the data set is missing; names it.
    """
    toolset, examples, traces = load(benchmark, data)
    for seed in benchmark.seeds:
        parts = folds(examples, benchmark.folds, seed)
        for number in range(benchmark.folds_run):
            yield Fold(toolset, traces, parts[number], seed, number, first)


def load(benchmark: Benchmark, data: Path) -> tuple[Toolset, list[Example], dict[str, Trace]]:
    """The data set: toolset, clustered examples, traces by id."""
    for name in ("tools.json", *benchmark.files):
        if not (data / name).is_file():
            raise NotFound(f"benchmark {benchmark.name}: {data / name} is missing; --data names the folder of the data set")
    vocabulary = data / "vocabulary.json"
    toolset = read_toolset(
        benchmark.name,
        json.loads((data / "tools.json").read_text()),
        json.loads(vocabulary.read_text()) if vocabulary.is_file() else None,
    )
    traces = {}
    for name in benchmark.files:
        traces.update({trace.id: trace for trace in read_traces(data / name, toolset, IMPORTER)[0]})
    return toolset, cluster(harvest(traces.values())), traces


def _run_fold(
    benchmark: Benchmark, fold: Fold, place: Path, settings: Settings, base: str, limit: int | None, progress: Progress
) -> dict[str, Any]:
    home = fold.home(place, settings)
    night = fold.night(home, base, limit, progress)
    examinations = _ablate(benchmark, fold, home, night, progress)
    training = home.releases.get(night.release).training
    return {
        "examinations": examinations,
        "cases": fold.cases,
        "toolset": fold.toolset,
        "ignored": benchmark.ignored_tools,
        "summary": {
            "home": place.name,
            "release": night.release,
            "training_minutes": round(training["seconds"] / 60, 2),
            "training_tokens": training["tokens"],
            "exact": {name: exam.summary.exact.model_dump() for name, exam in examinations.items()},
        },
    }


def _ablate(benchmark: Benchmark, fold: Fold, home: Home, night: NightResult, progress: Progress) -> dict[str, Examination]:
    """Every ablation on the held-out cases, the nearest-row baseline, and the whole caller on swapped names."""
    folder = home.settings.home / "figures"
    folder.mkdir(exist_ok=True)
    loader, release, toolset = Loader(home), night.release, fold.toolset
    some = fold.cases[: benchmark.ablation_cases]
    examinations = {WHOLE: exam_of(night)}
    for name, steps in ABLATIONS.items():
        examinations[name] = kept_examination(
            folder, name, some, lambda s=steps: loader.load(toolset.name, release, s), toolset, progress
        )
    training = thaw(Path(night.folder) / "dataset").training
    table = load_kinds(home.releases.path(release))
    examinations["nearest row"] = kept_examination(
        folder, "nearest row", some, lambda: NearestRow(toolset, table, training, home.embedder), toolset, progress
    )
    if benchmark.swaps_names:
        swap = NameSwap(toolset, training, fold.seed)
        swapped = [swap.swap(case) for case in fold.cases]
        examinations["names swapped"] = kept_examination(
            folder, "names swapped", swapped, lambda: loader.load(toolset.name, release), toolset, progress
        )
    return examinations


def kept_examination(
    folder: Path, name: str, cases: Sequence[Case], make: Any, toolset: Toolset, progress: Progress
) -> Examination:
    """What `make` gives, examined; or what an earlier run found, kept in the folder under the name."""
    file = folder / f"{name}.json"
    if not file.is_file():
        progress.step(f"{name} on {len(cases)} cases")
        predictor = make()
        write_whole(file, examine(cases, predictor, toolset, progress.update).model_dump_json())
        if hasattr(predictor, "close"):
            predictor.close()
    return Examination.model_validate_json(file.read_text())


def _pooled(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Every held-out case once a seed; intervals clustered by shape."""
    pooled: dict[str, Any] = {}
    for name in runs[0]["examinations"]:
        scores = [score for run in runs for score in run["examinations"][name].scores]
        pooled[name] = summarise(scores).to_json()
        if runs[0]["ignored"]:
            pooled[name]["without_ignored"] = summarise(_relevant(runs, name)).to_json()
    predictions = [p for run in runs for p in run["examinations"][WHOLE].predictions]
    cases = [case for run in runs for case in run["cases"]]
    pooled[WHOLE]["failures"] = count_failures(cases, predictions, runs[0]["toolset"])
    return pooled


def _relevant(runs: Sequence[dict[str, Any]], name: str) -> list[Score]:
    return [
        score
        for run in runs
        for case, score in zip(run["cases"], run["examinations"][name].scores, strict=False)  # ablations see the first ones
        if not case.expected or any(call.name not in run["ignored"] for call in case.expected)
    ]
