"""What the demo asks: always the same, of the right sorts, and nothing of the report's half before the report."""

from collections import Counter

from core.types.message import last_user_text
from evals.golden import HOUSE
from evals.golden_scenarios import golden_scenarios
from evals.golden_sets import read_cases
from finetune.demo import GATE_CASES, STRATA, gate_cases, stratified


def test_eighty_scenarios_of_the_report_of_three_sorts() -> None:
    chosen = stratified(golden_scenarios("report"))
    assert len(chosen) == sum(STRATA.values()) == len({golden.id for golden in chosen}) == 80
    assert {golden.part for golden in chosen} == {"report"}
    assert chosen == stratified(list(reversed(golden_scenarios("report"))))
    assert sum(not golden.scenario.is_one_step for golden in chosen) == STRATA["several steps"]


def test_the_gate_sees_nothing_of_the_report() -> None:
    cases = gate_cases()
    assert Counter(bool(case.expected) for case in cases) == {True: GATE_CASES, False: GATE_CASES}
    reported = {turn.user for golden in golden_scenarios("report") for turn in golden.scenario.turns if turn.user}
    assert not reported.intersection(last_user_text(case.messages) for case in (*cases, *read_cases(HOUSE)))
