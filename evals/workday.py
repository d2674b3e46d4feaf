"""A day's work examined: scenarios carried out in a company by a predictor, judged by the state the company is left in.

What this does not cover: a person who answers a question is not played; a scenario ends where the predictor asks.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from core.errors import NightschoolError, ToolError
from core.types.message import Message, ToolCall, repeats
from core.types.prediction import Prediction
from core.types.value import Value, content_hash
from core.whole import write_whole
from evals.intervals import Rate, rate
from evals.suite import Predictor
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import OPERATIONS, Sandbox
from tools.erp.scenario import Scenario, Sort, play
from tools.resolve import resolve

_MOST_STEPS = 8
"""Steps after one request; more than that is going round in circles."""
_THRESHOLDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
Ending = Literal["finished", "asked", "approval", "gave up"]
"""`approval`: a write of too little confidence was handed to a person. `gave up`: an error, or too many steps."""


class Deed(Value):
    """One write that was carried out."""

    operation: str
    """What was called."""
    arguments: dict[str, Any]
    """Resolved."""
    expected: bool
    """Whether the scenario holds it."""
    sure: float
    """Confidence of the least sure write up to this one, in [0, 1]: a threshold above it would have stopped the work before."""


class Outcome(Value):
    """How a predictor did on one scenario."""

    end_state: bool
    """Whether the company is left as the scenario leaves it, and the end is of the right sort."""
    ending: Ending
    """How it came to an end."""
    deeds: tuple[Deed, ...]
    """Writes carried out, in order."""
    confidence: float
    """Of the least sure step, in [0, 1]."""
    least_write: float = 1.0
    """Confidence of the least sure step that writes; 1 where none does."""
    why: str = ""
    """What went wrong first, in words; empty where nothing did."""

    @property
    def wrong_writes(self) -> int:
        """Writes carried out that the scenario does not hold."""
        return sum(not deed.expected for deed in self.deeds)

    @property
    def unaided(self) -> bool:
        """Right to the end without a person."""
        return self.end_state and self.ending == "finished"


class Workday(Value):
    """Outcomes of many scenarios."""

    n: int
    """Scenarios."""
    end_state: Rate
    """Left the company right."""
    one_step: Rate | None
    """The same of those that expect one step of calls."""
    several_steps: Rate | None
    """The same of those with several steps or turns."""
    no_call: Rate | None
    """The same of those that expect no call at all."""
    unaided_per_1000: float
    """Done right without a person, of a thousand."""
    asked_per_1000: float
    """Ended in a question, rightly or not."""
    approval_per_1000: float
    """Handed to a person for too little confidence."""
    wrong_writes_per_1000: float
    """Wrong writes carried out."""
    posted_or_paid_wrongly_per_1000: float
    """Of these, postings and payments."""
    failures: dict[str, int]
    """What went wrong first, counted."""


_MONEY = frozenset(
    ("post_invoice", "pay_bill", "register_payment", "reconcile_payment", "allocate_payment", "match_bank_line", "record_advance")
)


class Shift(Protocol):
    """One scenario at work."""

    @property
    def deeds(self) -> Sequence[Deed]:
        """Writes carried out, in order."""

    @property
    def confidence(self) -> float:
        """Of the least sure step, in [0, 1]."""

    @property
    def least_write(self) -> float:
        """Of the least sure step that writes."""

    @property
    def why(self) -> str:
        """What went wrong, where it could not go on."""

    def run(self, scenario: Scenario) -> Ending:
        """Say everything the scenario's people say, until an end."""

    def last_outcome_fits(self, scenario: Scenario) -> bool:
        """Whether it ended in the right way: a question for retrieval, nothing, or done after calls."""


Wanted = Counter[str]
"""Writes that a scenario holds and that are still to come, by `deed_name`."""


def work(
    scenarios: Sequence[Scenario],
    predictor: Predictor,
    company: Path,
    threshold: float = 0.0,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Carry every scenario out in a fresh copy of a company.

    Args:
        scenarios: What is asked.
        predictor: Who decides.
        company: The company's file; never changed.
        threshold: Confidence below which a write goes to a person.
        on_progress: Called with scenarios done and scenarios in all.
    """

    def begin(sandbox: Sandbox, wanted: Wanted) -> Shift:
        return _Shift(sandbox, predictor, wanted, threshold)

    return work_in_shifts(scenarios, begin, company, on_progress)


def work_in_shifts(
    scenarios: Sequence[Scenario],
    begin: Callable[[Sandbox, Wanted], Shift],
    company: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """As `work`, by whatever `begin` makes for a copy of the company and the writes a scenario holds."""
    outcomes = []
    for number, scenario in enumerate(scenarios):
        outcomes.append(_work(scenario, begin, company))
        if on_progress is not None:
            on_progress(number + 1, len(scenarios))
    return outcomes


def write_outcomes(outcomes: Sequence[Outcome], file: Path) -> None:
    """Keep outcomes, one a line, all of them or none."""
    write_whole(file, "\n".join(outcome.model_dump_json() for outcome in outcomes))


def read_outcomes(file: Path) -> list[Outcome]:
    """Outcomes that `write_outcomes` kept."""
    return [Outcome.model_validate_json(line) for line in file.read_text().split("\n") if line]


def held_back(outcome: Outcome, threshold: float) -> Outcome:
    """The outcome, had writes surer than a threshold alone been carried out: the first other one ends in an approval."""
    if outcome.least_write >= threshold:
        return outcome
    deeds = tuple(deed for deed in outcome.deeds if deed.sure >= threshold)
    return outcome.model_copy(update={"end_state": False, "ending": "approval", "deeds": deeds, "why": ""})


def choose_threshold(outcomes: Sequence[Outcome], most_wrong_per_1000: float) -> float:
    """The lowest threshold that lets at most so many wrong writes through, of a thousand scenarios; above 1 where none does.

    Scenarios it is chosen on must be others than those it is reported on.
    """
    sure = sorted({deed.sure for outcome in outcomes for deed in outcome.deeds if not deed.expected})
    for threshold in (0.0, *(np.nextafter(confidence, 2.0) for confidence in sure)):
        wrong = sum(held_back(outcome, threshold).wrong_writes for outcome in outcomes)
        if 1000 * wrong <= most_wrong_per_1000 * len(outcomes):
            break
    return float(threshold)


def risk_coverage(scenarios: Sequence[Scenario], outcomes: Sequence[Outcome], acted: float = 0.0) -> list[dict[str, float]]:
    """What each threshold between 0 and 1 would have done, of a thousand requests: unaided, approvals, wrong writes.

    Args:
        scenarios: What was asked.
        outcomes: What came of it.
        acted: The threshold that held writes back during the work itself: what a lower one would have done nobody saw.
    """
    rows = []
    for threshold in (threshold for threshold in _THRESHOLDS if threshold >= acted):
        day = sum_up(scenarios, [held_back(outcome, threshold) for outcome in outcomes])
        figures = {name: getattr(day, f"{name}_per_1000") for name in ("unaided", "asked", "approval", "wrong_writes")}
        rows.append({"threshold": threshold, **figures})
    return rows


def sum_up(scenarios: Sequence[Scenario], outcomes: Sequence[Outcome], wishes: Sequence[str] | None = None) -> Workday:
    """Outcomes in numbers.

    Args:
        scenarios: What was asked.
        outcomes: What came of it.
        wishes: Which wish each scenario says: those of one count as one cluster in intervals; None where each stands alone.
    """
    pairs = list(zip(scenarios, outcomes, strict=True))
    clusters = wishes if wishes is not None else [None] * len(pairs)
    thousand = 1000 / max(1, len(pairs))
    wrong = [deed for _, outcome in pairs for deed in outcome.deeds if not deed.expected]
    return Workday(
        n=len(pairs),
        end_state=rate([outcome.end_state for _, outcome in pairs], clusters),
        one_step=_rate(pairs, clusters, "one step"),
        several_steps=_rate(pairs, clusters, "several steps"),
        no_call=_rate(pairs, clusters, "no call"),
        unaided_per_1000=thousand * sum(outcome.unaided for _, outcome in pairs),
        asked_per_1000=thousand * sum(outcome.ending == "asked" for _, outcome in pairs),
        approval_per_1000=thousand * sum(outcome.ending == "approval" for _, outcome in pairs),
        wrong_writes_per_1000=thousand * len(wrong),
        posted_or_paid_wrongly_per_1000=thousand * sum(deed.operation in _MONEY for deed in wrong),
        failures=dict(Counter(outcome.why for _, outcome in pairs if outcome.why).most_common()),
    )


def _rate(pairs: Sequence[tuple[Scenario, Outcome]], clusters: Sequence[str | None], sort: Sort) -> Rate | None:
    chosen = [at for at, (scenario, _) in enumerate(pairs) if scenario.sort == sort]
    return rate([pairs[at][1].end_state for at in chosen], [clusters[at] for at in chosen]) if chosen else None


@contextmanager
def _copy(company: Path) -> Iterator[Sandbox]:
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(shutil.copyfile(company, Path(folder) / "company.sqlite")))
        try:
            yield sandbox
        finally:
            sandbox.close()


def _work(scenario: Scenario, begin: Callable[[Sandbox, Wanted], Shift], company: Path) -> Outcome:
    with _copy(company) as right:
        play(scenario, right, "right")
        state = right.rows()
        wanted = Counter(deed_name(action.operation, action.arguments) for action in right.journal(1_000))
    with _copy(company) as sandbox:
        shift = begin(sandbox, wanted.copy())
        ending = shift.run(scenario)
        as_expected = sandbox.rows() == state or (not wanted and all(deed.expected for deed in shift.deeds))
    expected_end = "asked" if scenario.end == "ask" else "finished"
    end_state = as_expected and ending == expected_end and shift.last_outcome_fits(scenario)
    return Outcome(
        end_state=end_state,
        ending=ending,
        deeds=tuple(shift.deeds),
        confidence=shift.confidence,
        least_write=shift.least_write,
        why="" if end_state else shift.why or _reason(scenario, ending, as_expected),
    )


def _reason(scenario: Scenario, ending: Ending, as_expected: bool) -> str:
    if ending == "asked":
        return "asked instead of acting"
    if scenario.end == "ask":
        return "did not ask"
    return "something was left out or done otherwise" if not as_expected else f"did not end in {scenario.end}"


def deed_name(operation: str, arguments: dict[str, Any]) -> str:
    """The same write has the same name."""
    return content_hash([operation, arguments], length=32)


class _Shift:
    """One scenario decided step by step."""

    def __init__(self, sandbox: Sandbox, predictor: Predictor, wanted: Wanted, threshold: float) -> None:
        self._sandbox, self._predictor, self._threshold = sandbox, predictor, threshold
        self._lookup, self._wanted, self._made = Lookup(sandbox), wanted, 0
        self._messages: list[Message] = []
        self._last: Prediction | None = None
        self.deeds: list[Deed] = []
        self.confidence = self.least_write = 1.0
        self.why = ""

    def run(self, scenario: Scenario) -> Ending:
        for turn in scenario.turns:
            if turn.user is not None:
                self._messages.append(Message(role="user", content=turn.user))
                ending = self._answer()
                if ending != "finished":
                    return ending
        return "finished"

    def last_outcome_fits(self, scenario: Scenario) -> bool:
        got = self._last.outcome if self._last is not None else ""
        return got == scenario.end if scenario.end in ("ask", "knowledge", "none") else got in ("calls", "done", "none")

    def _answer(self) -> Ending:
        for _ in range(_MOST_STEPS):
            try:
                prediction = self._last = self._predictor.predict(self._messages)
            except NightschoolError as error:
                self.why = f"error: {error.code}"
                return "gave up"
            self.confidence = min(self.confidence, prediction.confidence)
            if prediction.outcome == "ask":
                return "asked"
            if prediction.outcome != "calls":
                self._messages.append(Message(role="assistant", content="Done." if prediction.outcome == "done" else "…"))
                return "finished"
            if repeats(self._messages, prediction.tool_calls):
                break
            ending = self._carry_out(prediction)
            if ending is not None:
                return ending
        self.why = "went round in circles"
        return "gave up"

    def _carry_out(self, prediction: Prediction) -> Ending | None:
        calls = [call.model_copy(update={"id": f"call_{self._made + at}"}) for at, call in enumerate(prediction.tool_calls, 1)]
        resolved = [resolve(OPERATIONS[call.name].tool, call.arguments, self._lookup) for call in calls]
        if any(found.questions for found in resolved):
            return "asked"
        writes = any(OPERATIONS[call.name].risk != "read" for call in calls)
        if writes:
            self.least_write = min(self.least_write, prediction.confidence)
            if prediction.confidence < self._threshold:
                return "approval"
        self._messages.append(Message(role="assistant", tool_calls=tuple(calls)))
        for call, found in zip(calls, resolved, strict=True):
            self._messages.append(Message(role="tool", content=self._do(call, found.arguments), tool_call_id=call.id))
        return None

    def _do(self, call: ToolCall, arguments: dict[str, Any]) -> str:
        self._made += 1
        try:
            effect = self._sandbox.execute(call.name, arguments, f"shift/{self._made}")
        except ToolError as error:
            return json.dumps({"error": str(error)}, ensure_ascii=False)
        if effect.changes:
            name = deed_name(call.name, arguments)
            self.deeds.append(
                Deed(operation=call.name, arguments=arguments, expected=self._wanted[name] > 0, sure=self.least_write)
            )
            self._wanted[name] -= 1
        return json.dumps(effect.result, ensure_ascii=False)
