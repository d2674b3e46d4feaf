"""Intervals hold their rate, widen with clusters and are reproducible."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.intervals import design_effect, paired_difference, rate, wilson

ROWS = st.lists(st.tuples(st.booleans(), st.none() | st.sampled_from("abcde")), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # The textbook values of the score interval; 0 of 10 and 10 of 10 mirror each other.
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_gives_the_published_bounds(right: int, n: int, low: float, high: float) -> None:
    interval = wilson(right / n, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@given(ROWS)
def test_the_interval_holds_the_rate_and_stays_in_the_unit_range(rows: list[tuple[bool, str | None]]) -> None:
    got = rate([right for right, _ in rows], [cluster for _, cluster in rows])
    assert 0 <= got.low <= got.rate <= got.high <= 1
    assert 1 <= got.clusters <= got.n == len(rows)


@given(ROWS)
def test_clusters_never_narrow_the_interval(rows: list[tuple[bool, str | None]]) -> None:
    outcomes = [right for right, _ in rows]
    clustered = rate(outcomes, [cluster for _, cluster in rows])
    alone = rate(outcomes, [None] * len(rows))
    assert clustered.high - clustered.low >= alone.high - alone.low - 1e-12


def test_rows_that_go_together_count_as_one() -> None:
    outcomes = [cluster % 2 == 0 for cluster in range(40) for _ in range(5)]
    clusters = [str(cluster) for cluster in range(40) for _ in range(5)]
    assert design_effect(outcomes, clusters) == pytest.approx(5, rel=0.03)
    assert rate(outcomes, clusters).low == pytest.approx(rate(outcomes[::5], clusters[::5]).low, abs=0.01)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_rows_that_stand_alone_get_the_plain_wilson_interval(outcomes: list[bool]) -> None:
    plain = wilson(sum(outcomes) / len(outcomes), len(outcomes))
    for clusters in ([None] * len(outcomes), [str(row) for row in range(len(outcomes))]):
        got = rate(outcomes, clusters)
        assert (got.low, got.high) == pytest.approx((plain.low, plain.high))


def test_rows_without_a_cluster_stand_alone_even_beside_a_cluster_of_that_name() -> None:
    assert rate([True, False, True], [None, None, "0"]).clusters == 3


def test_no_rows_say_nothing() -> None:
    nothing = rate([], [])
    assert (nothing.low, nothing.high, nothing.n, nothing.clusters) == (0, 1, 0, 0)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2 and 1"):
        rate([True, False], [None])
    with pytest.raises(ValueError, match="got 1 and 2"):
        paired_difference([True], [True, False], [None])
    with pytest.raises(ValueError, match="at least one row"):
        paired_difference([], [], [])


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.none() | st.sampled_from("abc")), min_size=1, max_size=30))
def test_a_difference_is_reproducible_and_turns_round_with_its_sides(rows: list[tuple[bool, bool, str | None]]) -> None:
    a, b, clusters = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    forth, back = paired_difference(a, b, clusters, draws=100), paired_difference(b, a, clusters, draws=100)
    assert forth == paired_difference(a, b, clusters, draws=100)
    assert (forth.difference, forth.low, forth.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert -1 <= forth.low <= forth.high <= 1


def test_a_clear_gain_has_a_lower_bound_above_zero_and_no_gain_has_none() -> None:
    worse = [i % 2 == 0 for i in range(100)]
    better = [i % 10 != 1 for i in range(100)]
    alone: list[str | None] = [None] * 100
    assert paired_difference(better, worse, alone).low > 0.2
    assert paired_difference(worse, worse, alone).model_dump() == {"difference": 0, "low": 0, "high": 0, "n": 100}


def test_a_gain_in_one_cluster_only_is_not_sure() -> None:
    clusters = ["lucky"] * 30 + [str(i) for i in range(20)]
    assert paired_difference([True] * 50, [False] * 30 + [True] * 20, clusters).low == pytest.approx(0)
