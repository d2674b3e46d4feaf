"""The loop's own benchmark: is a day's work, watched by a person who errs, worth a night?

Three releases are trained alike from the base: on training rows alone, on these and the day harvested with the first release, and
on these and the same day with its answers given to other requests. Each works through golden scenarios it has never met; the
claim is the second less the first, and the third shows that it is the answers that teach.
"""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agents.caller import FIRST_DRAFTS, Steps
from agents.home import Home
from agents.serving import Loaded, Loader
from core.errors import BadInput
from core.settings import Settings
from core.types.example import Example
from core.types.principal import IMPORTER
from core.types.trace import Trace
from core.types.value import Value
from evals.golden_scenarios import golden_scenarios
from evals.intervals import paired_difference, rate
from evals.workday import Outcome, read_outcomes, work, write_outcomes
from finetune.cluster import cluster
from finetune.day import Day, Operator, read_day, work_a_day, write_day
from finetune.harvest import harvest
from finetune.night_order import NO_EXAM, NightOrder, NightResult
from finetune.nightly import run_night
from finetune.plan import Limits
from finetune.progress import Progress
from finetune.split import shuffled_clusters
from tools.erp.company import CONVERSATIONS
from tools.erp.company.toolset import TOOLSET, company_toolset
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.seed.company import build_company
from tools.importers.jsonl import read_traces

ROWS, DAY, SHUFFLED = "training rows", "and the day", "and the day, shuffled"


class LoopOrder(Value):
    """How large the loop is."""

    rows: int = 1600
    """Conversations to train on before the day."""
    day: int = 800
    """Conversations of the day; none of their phrasings is among the rows."""
    epochs: float | None = None
    """Of every night alike; None as the planner says."""
    rank: int | None = None
    """LoRA rank of every night alike; None as a night has it."""
    learning_rate: float | None = None
    """Peak learning rate of every night alike; None as the base has it."""
    seed: int = 0
    """Of who is in which part, the operator, and the nights."""
    scenarios: int | None = None
    """How many golden scenarios; None takes them all."""
    first_drafts: bool = False
    """Whether the three work by their first drafts, in a third of the time, and none chooses among several."""
    operator: Operator = Operator()
    """Who watches."""


FIRST_NIGHT = LoopOrder(day=10, first_drafts=True)
"""For measurements that need the rows' night alone: what is left out of the day can be met by others."""


class Loop:
    """One run, in a folder; every step is kept."""

    def __init__(self, folder: Path, settings: Settings, order: LoopOrder, progress: Progress) -> None:
        self._folder, self._settings, self._order, self._progress = folder, settings, order, progress
        folder.mkdir(parents=True, exist_ok=True)
        keep_order(folder / "order.json", order)
        self.company = folder / "company.sqlite"
        if not self.company.is_file():
            progress.step("eighteen months of business")
            build_company(self.company, progress=progress.update).close()
        sandbox = Sandbox(self.company)
        self.toolset = company_toolset(sandbox)
        sandbox.close()
        self.rows, self._unseen, self.left = self._parts()

    # What is public besides is for other measurements on the same parts: `finetune/fast_nights.py`.

    def run(self) -> dict[str, Any]:
        """All three, and what they show."""
        before = self.night(ROWS, self.rows)
        day = self._day(before.release)
        nights = {
            ROWS: before,
            DAY: self.night(DAY, [*self.rows, *day.refused, *day.traces]),
            SHUFFLED: self.night(SHUFFLED, [*self.rows, *day.refused, *shuffled(day.traces, self._order.seed)]),
        }
        worked = {name: self.exam(name, night.release) for name, night in nights.items()}
        return self._document(day, nights, worked)

    def _parts(self) -> tuple[list[Trace], list[Trace], list[Trace]]:
        """The rows, the conversations of the day, and all others: whole clusters of phrasings in each."""
        traces = {trace.id: trace for trace in read_traces(CONVERSATIONS, self.toolset, self._principal)[0]}
        groups = shuffled_clusters(cluster(harvest(traces.values())), self._order.seed)
        rows, rest = _fill(groups, self._order.rows)
        day, left = _fill(rest, self._order.day)
        others = [example for group in left for example in group]
        rows_, day_, left_ = ([traces[example.trace_id] for example in part] for part in (rows, day, others))
        return rows_, day_, left_

    @property
    def _principal(self) -> Any:
        return IMPORTER.model_copy(update={"tenant": self._settings.tenant})

    def home(self, name: str) -> Home:
        """Where the night of a name is done."""
        place = self._folder / _file_name(name)
        return Home(self._settings.model_copy(update={"home": place, "artefacts": self._settings.artefact_folder}))

    def night(self, name: str, traces: Sequence[Trace], swaps: bool = True, joins: bool = True) -> NightResult:
        """A night on these traces, in a home of its own; `swaps` and `joins` as a night's order has them."""
        self._progress.step(f"night: {name}")
        home = self.home(name)
        home.registry.add(self.toolset)
        home.traces.add(traces)
        asked = self._order
        order = NightOrder(
            toolset=TOOLSET,
            seed=asked.seed,
            limits=Limits(epochs=asked.epochs),
            rank=asked.rank,
            learning_rate=asked.learning_rate,
            exam=NO_EXAM,
            reviewer=not asked.first_drafts,
            swaps=swaps,
            joins=joins,
        )
        result = run_night(home, order, self._progress)
        home.database.dispose()
        return result

    def _day(self, release: str) -> Day:
        file = self._folder / "day.json"
        if not file.is_file():
            self._progress.step(f"a day of {len(self._unseen)} conversations")
            loaded = Loader(self.home(ROWS)).load(TOOLSET, release, FIRST_DRAFTS)
            day = work_a_day(self._unseen, loaded, self.toolset, self._order.operator, self._order.seed, self._progress.update)
            loaded.close()
            write_day(day, file)
        return read_day(file)

    def exam(self, name: str, release: str) -> list[Outcome]:
        """Golden scenarios as a release works through them."""
        steps = FIRST_DRAFTS if self._order.first_drafts else Steps()
        return self.examined(name, lambda: Loader(self.home(name)).load(TOOLSET, release, steps))

    def examined(self, name: str, load: Callable[[], Loaded]) -> list[Outcome]:
        """Golden scenarios as what `load` gives works through them, or as an earlier run found."""
        file = self._folder / f"{_file_name(name)}.jsonl"
        if not file.is_file():
            scenarios = [golden.scenario for golden in golden_scenarios("report")[: self._order.scenarios]]
            self._progress.step(f"{name}: {len(scenarios)} golden scenarios")
            loaded = load()
            outcomes = work(scenarios, loaded, self.company, 0.0, self._progress.update)
            loaded.close()
            write_outcomes(outcomes, file)
        return read_outcomes(file)

    def _document(self, day: Day, nights: dict[str, NightResult], worked: dict[str, list[Outcome]]) -> dict[str, Any]:
        right = {name: [outcome.end_state for outcome in outcomes] for name, outcomes in worked.items()}
        alone = [None] * len(right[ROWS])
        gaps = {name: paired_difference(right[name], right[ROWS], alone) for name in (DAY, SHUFFLED)}
        return {
            "order": self._order.model_dump(mode="json"),
            "day": day.steps,
            "releases": {name: night.release for name, night in nights.items()},
            "plans": {name: night.plan for name, night in nights.items()},
            "end_state": {name: rate(outcomes, alone).model_dump() for name, outcomes in right.items()},
            "lift": {name: gap.model_dump() for name, gap in gaps.items()},
        }


def run_loop(folder: Path, settings: Settings, order: LoopOrder, progress: Progress) -> dict[str, Any]:
    """Measure what a day is worth; an interrupted run goes on.

    Returns:
        The document written to `FOLDER/loop.json`: rates with intervals, and differences to training rows alone.

    Raises:
        TrainingAwaited: Trainings are to be done elsewhere, and one waits.
    """
    document = Loop(folder, settings, order, progress).run()
    (folder / "loop.json").write_text(json.dumps(document, indent=1))
    return document


def keep_order(file: Path, order: LoopOrder) -> None:
    """What is found in a folder is of one order: another one would go on with homes and scores that are not its own."""
    asked = order.model_dump(mode="json")
    known = json.loads(file.read_text()) if file.is_file() else asked
    if differ := [name for name in asked if asked[name] != known.get(name)]:
        said = ", ".join(f"{name} {known.get(name)!r} instead of {asked[name]!r}" for name in differ)
        raise BadInput(f"{file.parent}: holds a run with {said}; --out names another folder")
    file.write_text(json.dumps(asked, indent=1))


def _file_name(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")


def shuffled(traces: Sequence[Trace], seed: int) -> list[Trace]:
    """The same conversations, each begun with the request of another: what was done no longer answers what was said."""
    order = list(range(len(traces)))
    random.Random(seed).shuffle(order)
    # Each takes the request of the next one in a random circle, so that none keeps its own.
    following = {at: order[(place + 1) % len(order)] for place, at in enumerate(order)}
    return [_asked(trace, traces[following[at]].messages[0].content) for at, trace in enumerate(traces)]


def _asked(trace: Trace, said: str) -> Trace:
    first = trace.messages[0].model_copy(update={"content": said})
    return trace.model_copy(update={"messages": (first, *trace.messages[1:])})


def _fill(groups: Sequence[Sequence[Example]], wanted: int) -> tuple[list[Example], Sequence[Sequence[Example]]]:
    """Whole clusters until there are enough, and the clusters that are left."""
    taken: list[Example] = []
    for at, group in enumerate(groups):
        if len(taken) >= wanted:
            return taken, groups[at:]
        taken.extend(group)
    return taken, []
