"""The demo: one day in the company with the champion that comes with the program, one night of school, and what it was worth.

The people of the company have words of their own for what they do ("a leash of 8,000 for Harbour Cafe"), which the champion has
never heard. It works, an operator who errs watches, and at night the champion is trained on from what was left: on the day, and
on some of what it had learned before, so that nothing is forgotten. In the morning other people use the same words.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.caller import FIRST_DRAFTS
from agents.champions import COMPANY as CHAMPION_FILE
from agents.home import Home
from agents.learned import learned_in
from agents.serving import BASE, Loader
from core.types.case import Case
from core.types.message import last_user_text
from core.types.principal import IMPORTER
from core.types.release import Release
from core.types.tool import Toolset
from core.types.trace import Trace
from evals.golden import HOUSE
from evals.golden_scenarios import GoldenScenario, golden_scenarios, only_step
from evals.golden_sets import read_cases
from evals.intervals import paired_difference, rate
from evals.suite import Examination
from evals.workday import Outcome, read_outcomes, sum_up, work, write_outcomes
from finetune.archive import unpack
from finetune.day import Day, Operator, read_day, work_a_day, write_day
from finetune.harvest import harvest_one
from finetune.kept import is_quiet
from finetune.night_order import NightOrder, NightResult
from finetune.nightly import run_night
from finetune.plan import Limits
from finetune.progress import Progress
from tools.erp.company import CONVERSATIONS, DAY
from tools.erp.company.toolset import TOOLSET
from tools.erp.sandbox.seed.company import build_company
from tools.erp.scenario import Sort
from tools.importers.jsonl import read_traces

REPLAYED, QUIET = 900, 250
"""Conversations the champion has learned that are at hand, and how many of them call nothing; the writer learns as many again as
the tokens allow, and the picker keeps the others in mind."""
EPOCHS, MOST_TOKENS = 2.0, 62_000
GATE_CASES = 16
"""Golden requests of the gate's half that call, and as many that do not, beside the house's words: nothing may be forgotten."""
STRATA: dict[Sort, int] = {"one step": 40, "several steps": 20, "no call": 20}
"""Golden scenarios of each sort."""
BASE_SCENARIOS = 10
"""Of these, one in eight, for the untrained base: with 55 schemas in its prompt each takes it ten seconds."""
SHOWN = 4
_BASE, _BEFORE, _AFTER = "base", "before", "after"


class Demo:
    """One run in a home of its own; every step is kept, so that an interrupted one goes on."""

    def __init__(self, home: Home, progress: Progress) -> None:
        self._home, self._progress = home, progress
        self._folder = home.settings.home / "demo"
        self._folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, Any]:
        """The document written to `demo.json`."""
        started = time.monotonic()
        champion = self._set_up()
        toolset = self._home.registry.get(TOOLSET)
        day = self._day(toolset, champion)
        self._home.traces.add([*day.refused, *day.traces, *self._replayed(toolset, champion)])
        night = self._night()
        releases = {_BASE: BASE, _BEFORE: champion.id, _AFTER: night.release}
        scenarios = stratified(golden_scenarios("report"))
        asked = {name: scenarios[:: len(scenarios) // BASE_SCENARIOS] if name == _BASE else scenarios for name in releases}
        worked = {name: self._worked(name, release, asked[name]) for name, release in releases.items()}
        document = {
            "champion": champion.id,
            "release": night.release,
            "promoted": night.promoted,
            "gate": night.reason,
            "plan": night.plan,
            "day": dict(day.steps),
            "training": self._home.releases.get(night.release).training,
            "golden": _golden(asked, worked),
            "house": _house(Path(night.folder), champion),
            "report": night.report,
            "seconds": round(time.monotonic() - started, 1),
        }
        (self._home.settings.home / "demo.json").write_text(json.dumps(document, indent=1, ensure_ascii=False))
        return document

    def _set_up(self) -> Release:
        self._progress.step("the shipped champion")
        champion = unpack(self._home, CHAMPION_FILE)
        if not self._home.releases.history(TOOLSET):
            self._home.releases.promote(champion.id, self._home.principal, "person")
        if not self._home.company.is_file():
            self._progress.step("eighteen months of business")
            build_company(self._home.company, progress=self._progress.update).close()
        return champion

    def _read(self, file: Path, toolset: Toolset) -> list[Trace]:
        principal = IMPORTER.model_copy(update={"tenant": self._home.settings.tenant})
        return read_traces(file, toolset, principal)[0]

    def _day(self, toolset: Toolset, champion: Release) -> Day:
        file = self._folder / "day.json"
        if not file.is_file():
            conversations = self._read(DAY, toolset)
            self._progress.step(f"a day of {len(conversations)} requests")
            loaded = Loader(self._home).load(TOOLSET, champion.id, FIRST_DRAFTS)
            try:
                day = work_a_day(conversations, loaded, toolset, Operator(), on_progress=self._progress.update)
            finally:
                loaded.close()
            write_day(day, file)
        return read_day(file)

    def _replayed(self, toolset: Toolset, champion: Release) -> list[Trace]:
        """Some of what the champion has learned."""
        learned = learned_in(self._home, champion.id)
        known = [trace for trace in self._read(CONVERSATIONS, toolset) if trace.id in learned]
        known.sort(key=lambda trace: _rank(trace.id))
        quiet = [trace for trace in known if (example := harvest_one(trace)) is not None and is_quiet(example)]
        spoken_for = {trace.id for trace in quiet}
        others = [trace for trace in known if trace.id not in spoken_for]
        return [*quiet[:QUIET], *others[: REPLAYED - QUIET]]

    def _night(self) -> NightResult:
        """Once: after it the champion is another, and it would be compared with itself."""
        file = self._folder / "night.json"
        if file.is_file():
            return NightResult.model_validate_json(file.read_text())
        order = NightOrder(
            toolset=TOOLSET,
            limits=Limits(epochs=EPOCHS, tokens=MOST_TOKENS),
            continued=True,
            exam=(*read_cases(HOUSE), *gate_cases()),
        )
        night = run_night(self._home, order, self._progress)
        file.write_text(night.model_dump_json())
        return night

    def _worked(self, name: str, release: str, scenarios: Sequence[GoldenScenario]) -> list[Outcome]:
        file = self._folder / f"{name}.jsonl"
        if not file.is_file():
            self._progress.step(f"{name}: {len(scenarios)} golden scenarios")
            loaded = Loader(self._home).load(TOOLSET, release)
            try:
                asked = [golden.scenario for golden in scenarios]
                write_outcomes(work(asked, loaded, self._home.company, 0.0, self._progress.update), file)
            finally:
                loaded.close()
        return read_outcomes(file)


def gate_cases() -> list[Case]:
    """Golden requests of the gate's half, always the same ones: with one step of calls, and with nothing to call."""
    able = [golden for golden in golden_scenarios("gate") if golden.scenario.end != "ask"]
    return [only_step(golden.scenario) for golden in stratified(able, {"one step": GATE_CASES, "no call": GATE_CASES})]


def stratified(scenarios: Sequence[GoldenScenario], strata: Mapping[Sort, int] = STRATA) -> list[GoldenScenario]:
    """So many scenarios of each sort, always the same ones."""
    chosen = []
    for sort, wanted in strata.items():
        own = [golden for golden in scenarios if golden.scenario.sort == sort]
        chosen.extend(sorted(own, key=lambda golden: _rank(golden.id))[:wanted])
    return chosen


def _rank(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _golden(asked: dict[str, list[GoldenScenario]], worked: dict[str, list[Outcome]]) -> dict[str, Any]:
    """Workdays by release, and the change from before to after with its interval."""
    right = {name: [outcome.end_state for outcome in outcomes] for name, outcomes in worked.items()}
    days = {name: sum_up([golden.scenario for golden in asked[name]], outcomes) for name, outcomes in worked.items()}
    change = paired_difference(right[_AFTER], right[_BEFORE], [None] * len(right[_AFTER]))
    return {
        "days": {name: day.model_dump(mode="json") for name, day in days.items()},
        "change": change.model_dump(mode="json"),
    }


def _house(night: Path, champion: Release) -> dict[str, Any]:
    """How requests in the house's words were understood before and after: the night's own examination."""
    cases = read_cases(HOUSE)
    found = {_BEFORE: f"reference-champion{champion.id}", _AFTER: "candidate"}
    exams = {name: Examination.model_validate_json((night / f"{file}.json").read_text()) for name, file in found.items()}
    exact = {name: [score.exact for score in exam.scores[: len(cases)]] for name, exam in exams.items()}
    alone = [None] * len(cases)
    shown = [at for at in range(len(cases)) if exact[_AFTER][at] and not exact[_BEFORE][at]][:SHOWN]
    return {
        "n": len(cases),
        "exact": {name: rate(rows, alone).model_dump(mode="json") for name, rows in exact.items()},
        "change": paired_difference(exact[_AFTER], exact[_BEFORE], alone).model_dump(mode="json"),
        "shown": [
            {"said": last_user_text(cases[at].messages), **{name: _step(exam, at) for name, exam in exams.items()}}
            for at in shown
        ],
    }


def _step(exam: Examination, at: int) -> dict[str, Any] | None:
    prediction = exam.predictions[at]
    return prediction.to_row() if prediction is not None else None
