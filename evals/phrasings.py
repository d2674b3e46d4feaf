"""Phrasings: the same wish in five people's words; a wish counts only where all of them come out right."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.types.value import Value
from evals.golden import COMPANY_PHRASINGS
from evals.golden_scenarios import GoldenScenario, golden_scenarios
from evals.intervals import Rate, rate
from evals.workday import Outcome


class Consistency(Value):
    """How steady the answers to the same wish are."""

    wishes: int
    """Wishes asked for."""
    phrasings: Rate
    """Share of phrasings that came out right; interval clustered by wish."""
    all_right: Rate
    """Share of wishes all of whose phrasings did."""


def rephrased(file: Path = COMPANY_PHRASINGS) -> Iterator[GoldenScenario]:
    """Golden scenarios of one request in each of their other phrasings; those of one wish share its id."""
    by_id = {golden.id: golden for golden in golden_scenarios()}
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        golden = by_id[row["id"]]
        first, *others = golden.scenario.turns
        for text in row["phrasings"]:
            turns = (first.model_copy(update={"user": text}), *others)
            yield golden.model_copy(update={"scenario": golden.scenario.model_copy(update={"turns": turns})})


def consistency(asked: Sequence[GoldenScenario], outcomes: Sequence[Outcome]) -> Consistency:
    """Outcomes of `rephrased` in numbers."""
    right: dict[str, list[bool]] = {}
    for golden, outcome in zip(asked, outcomes, strict=True):
        right.setdefault(golden.id, []).append(outcome.end_state)
    whole = [all(outcomes) for outcomes in right.values()]
    return Consistency(
        wishes=len(right),
        phrasings=rate([outcome.end_state for outcome in outcomes], [golden.id for golden in asked]),
        all_right=rate(whole, [None] * len(whole)),
    )
