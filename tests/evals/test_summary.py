"""A summary counts what the scores say, and examines in order."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.types.case import Case
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.tool import Toolset, read_toolset
from evals.scorers.exact import Score
from evals.suite import examine
from evals.summary import Summary, by_confidence, summarise

TOOLSET: Toolset = read_toolset(
    "shop", [{"name": "pay", "parameters": {"type": "object", "properties": {"amount": {"type": "number"}}}}]
)
SCORES = st.lists(
    st.builds(
        Score,
        exact=st.booleans(),
        name=st.booleans(),
        no_call=st.none() | st.booleans(),
        asks_right=st.none() | st.booleans(),
        wrong_writes=st.integers(0, 2),
        confidence=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
        latency_ms=st.floats(0, 1e4),
        cluster=st.none() | st.sampled_from("abc"),
        outcome=st.none() | st.sampled_from(["calls", "ask", "none"]),
        error=st.just(False),
    ),
    max_size=40,
)


def scored(exact: bool, confidence: float, wrong_writes: int = 0, error: bool = False, latency_ms: float = 10.0) -> Score:
    return Score(
        exact=exact,
        name=exact,
        no_call=None,
        asks_right=None,
        wrong_writes=wrong_writes,
        confidence=confidence,
        latency_ms=latency_ms,
        cluster=None,
        outcome="calls",
        error=error,
    )


def test_the_surest_rows_are_counted_apart() -> None:
    scores = [scored(True, 0.9)] * 6 + [scored(False, 0.5, wrong_writes=1)] * 2 + [scored(True, 0.1)] * 2
    summary = summarise(scores)
    assert [coverage.share for coverage in summary.risk_coverage] == [0.6, 0.75, 0.9]
    assert [coverage.exact.n for coverage in summary.risk_coverage] == [6, 8, 9]
    assert [coverage.exact.rate for coverage in summary.risk_coverage] == pytest.approx([1, 6 / 8, 7 / 9])
    assert [coverage.threshold for coverage in summary.risk_coverage] == [0.9, 0.5, 0.1]
    assert [coverage.wrong_writes_per_100 for coverage in summary.risk_coverage] == pytest.approx([0, 25, 200 / 9])
    assert (summary.exact.rate, summary.wrong_writes_per_100, summary.n) == (0.8, 20, 10)
    assert (summary.no_call, summary.asks_right) == (None, None)
    assert {outcome: entry.n for outcome, entry in summary.by_outcome.items()} == {"calls": 10}


def test_ties_of_confidence_keep_the_order_of_rows_and_errors_come_last() -> None:
    rows = [scored(False, 0.0, error=True), scored(True, 0.5, latency_ms=1), scored(True, 0.0), scored(True, 0.5, latency_ms=2)]
    assert by_confidence(rows) == [rows[1], rows[3], rows[2], rows[0]]


def test_latency_leaves_errored_rows_out() -> None:
    summary = summarise(
        [scored(True, 1, latency_ms=100), scored(False, 0, error=True, latency_ms=0), scored(True, 1, latency_ms=200)]
    )
    assert (summary.latency_p50_ms, summary.latency_p95_ms) == pytest.approx((150, 195))
    assert summary.errors == 1


def test_no_scores_give_an_empty_summary() -> None:
    summary = summarise([])
    assert (summary.n, summary.exact.n, summary.risk_coverage, summary.by_outcome) == (0, 0, (), {})
    assert (summary.wrong_writes_per_100, summary.latency_p95_ms) == (0, 0)


@given(SCORES)
def test_a_summary_survives_json_and_is_the_same_each_time(scores: list[Score]) -> None:
    summary = summarise(scores)
    assert Summary.model_validate(json.loads(json.dumps(summary.to_json()))) == summary == summarise(scores)
    assert sum(entry.n for entry in summary.by_outcome.values()) == sum(score.outcome is not None for score in scores)
    assert all(coverage.exact.n <= summary.n for coverage in summary.risk_coverage)


class FakePredictor:
    """Answers from a queue; an exception in it is raised."""

    def __init__(self, answers: Sequence[Prediction | Exception]) -> None:
        self._answers = iter(answers)

    def predict(self, messages: Sequence[Message]) -> Prediction:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


PAY = ToolCall(name="pay", arguments={"amount": 5})
CASES = [Case(messages=(Message(role="user", content="pay 5"),), expected=(PAY,))] * 2
RIGHT = Prediction(outcome="calls", tool_calls=(PAY,), confidence=0.9, latency_ms=3)


def test_an_examination_lists_errored_rows_and_goes_on() -> None:
    seen: list[tuple[int, int]] = []
    examination = examine(
        CASES,
        FakePredictor([BadInput("no user turn", code="bad_row"), RIGHT]),
        TOOLSET,
        lambda done, total: seen.append((done, total)),
    )
    assert examination.predictions == (None, RIGHT)
    assert [row.exact for row in examination.scores] == [False, True]
    assert [(error.row, error.code, error.message) for error in examination.errors] == [(0, "bad_row", "no user turn")]
    assert (examination.summary.n, examination.summary.errors, seen) == (2, 1, [(1, 2), (2, 2)])


def test_a_defect_passes_through_an_examination() -> None:
    with pytest.raises(ZeroDivisionError):
        examine(CASES, FakePredictor([ZeroDivisionError()]), TOOLSET)
