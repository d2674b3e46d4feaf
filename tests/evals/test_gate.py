"""The gate: what passes, what is refused, and that too few cases decide nothing."""

import pytest

from core.types.case import Case
from core.types.message import Message, ToolCall
from evals.gate import MARGIN, MIN_CASES, judge
from evals.scorers.exact import Score
from evals.slices import slice_of


def scores(*right: bool) -> list[Score]:
    return [
        Score(
            exact=exact, name=exact, no_call=None, asks_right=None, wrong_writes=0, confidence=0.5, latency_ms=1.0,
            error=False, outcome=None, cluster=str(row),
        )
        for row, exact in enumerate(right)
    ]  # fmt: skip


def share(right: int, of: int) -> list[Score]:
    return scores(*(row < right for row in range(of)))


def test_a_first_release_has_to_beat_the_base_clearly() -> None:
    assert judge(share(80, 100), share(20, 100), against_base=True).passed
    assert not judge(share(22, 100), share(20, 100), against_base=True).passed, "the interval reaches zero"
    assert not judge(share(20, 100), share(20, 100), against_base=True).passed
    assert not judge(share(10, 100), share(60, 100), against_base=True).passed


def test_a_later_release_has_to_be_no_worse_than_the_champion() -> None:
    assert judge(share(50, 100), share(50, 100), against_base=False).passed
    assert judge(share(51, 100), share(50, 100), against_base=False).passed
    refused = judge(share(30, 100), share(60, 100), against_base=False)
    assert not refused.passed and "against the champion: -0.300" in refused.reason
    assert refused.difference is not None and refused.difference.low < -MARGIN


def test_too_few_cases_pass_a_first_release_with_a_warning_and_no_worse_one() -> None:
    all_wrong, all_right = share(0, MIN_CASES - 1), share(MIN_CASES - 1, MIN_CASES - 1)
    few = judge(all_wrong, all_right, against_base=True)
    assert few.passed and few.warnings == (f"not enough cases: {MIN_CASES - 1} of {MIN_CASES}",)
    assert not judge(all_wrong, all_right, against_base=False).passed, "a champion is not lost to a handful of rows"
    assert judge(all_right, all_right, against_base=False).passed


def test_few_phrasings_are_told() -> None:
    rows = [score.model_copy(update={"cluster": "one"}) for score in share(MIN_CASES, MIN_CASES)]
    verdict = judge(rows, rows, against_base=False)
    assert verdict.warnings == (f"few phrasings: 1 of {MIN_CASES}, the interval is too narrow",)


@pytest.mark.parametrize("against_base", [True, False])
def test_no_cases_are_told_and_enough_decide(against_base: bool) -> None:
    none = judge([], [], against_base)
    assert none.passed == against_base and none.warnings == ("not enough cases",) and none.difference is None
    assert not judge(share(0, MIN_CASES), share(MIN_CASES, MIN_CASES), against_base).passed


def test_rows_are_compared_pair_by_pair() -> None:
    half = [row % 2 == 0 for row in range(60)]
    swapped = judge(scores(*half), scores(*(not right for right in half)), against_base=False)
    assert swapped.difference is not None and swapped.difference.difference == 0 and swapped.difference.n == 60


def test_a_refusal_names_the_slices_that_lost_most() -> None:
    slices = ["post_invoice"] * 20 + ["find_customer"] * 20 + ["none"] * 20
    before = scores(*[True] * 60)
    after = scores(*[False] * 18, *[True] * 2, *[False] * 4, *[True] * 16, *[True] * 20)
    verdict = judge(after, before, against_base=False, slices=slices)
    assert not verdict.passed
    assert verdict.reason.endswith("; lost most: post_invoice 20 → 2 of 20, find_customer 20 → 16 of 20")
    assert [change.slice for change in verdict.slices] == ["post_invoice", "find_customer", "none"]
    passed = judge(before, after, against_base=False, slices=slices)
    assert passed.passed and "lost" not in passed.reason


def test_a_case_belongs_to_its_first_tool_else_to_its_outcome() -> None:
    said = (Message(role="user", content="x"),)
    calls = (ToolCall(name="post_invoice", arguments={}), ToolCall(name="send_invoice", arguments={}))
    assert slice_of(Case(messages=said, expected=calls, outcome="calls")) == "post_invoice"
    assert slice_of(Case(messages=said, outcome="ask")) == "ask" and slice_of(Case(messages=said)) == "none"
