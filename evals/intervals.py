"""How sure a rate is: Wilson intervals that know about clusters, and paired differences by bootstrap.

Rows of one cluster are near-identical phrasings, right or wrong together; counted as independent they would make every
interval too narrow. A row without a cluster is a cluster of its own.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from core.types.value import Value

_LEVEL = 0.95
_Z = NormalDist().inv_cdf(0.5 + _LEVEL / 2)


class Interval(Value):
    """A 95 % interval of a proportion."""

    low: float
    """Lower bound, in [0, 1]."""
    high: float
    """Upper bound, in [0, 1]."""


class Rate(Value):
    """A share of rows with its 95 % interval."""

    rate: float
    """Share that is right, in [0, 1]; 0 where there are no rows."""
    low: float
    """Lower bound, in [0, 1]."""
    high: float
    """Upper bound, in [0, 1]."""
    n: int
    """Rows."""
    clusters: int
    """Clusters of rows; equals `n` where every row stands alone."""


class Difference(Value):
    """How much more often the first of two callers is right on the same rows."""

    difference: float
    """First rate minus second, in [-1, 1]."""
    low: float
    """Lower bound of the 95 % interval."""
    high: float
    """Upper bound of the 95 % interval."""
    n: int
    """Rows."""


def wilson(share: float, n: float) -> Interval:
    """The Wilson score interval of a proportion at 95 %.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212.

    Args:
        share: Observed proportion, in [0, 1].
        n: Rows, or effective rows; need not be whole.

    Returns:
        The interval; [0, 1] where `n` is 0.
    """
    if n <= 0:
        return Interval(low=0.0, high=1.0)
    z2 = _Z * _Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # Rounding can carry a bound past the share it encloses when all rows agree.
    return Interval(low=max(0.0, min(share, centre - half)), high=min(1.0, max(share, centre + half)))


def design_effect(outcomes: Sequence[bool], clusters: Sequence[str | None]) -> float:
    """How many times larger the variance of the rate is than if rows were independent, at least 1.

    The survey-ratio estimator: with cluster sizes m_i, successes y_i and rate p, the variance of p is
    k/(k-1) * sum (y_i - p m_i)^2 / n^2; divided by p(1-p)/(n-1), that of n rows drawn singly, it is Kish's design effect,
    which is exactly 1 where every row stands alone.

    Source: J. N. K. Rao and A. J. Scott, "A simple method for the analysis of clustered binary data", Biometrics 48 (1992)
    577-585; L. Kish, "Survey Sampling" (1965). What differs from the former: p(1-p)/(n-1) for their p(1-p)/n, and a floor
    of 1, so clusters never narrow an interval.

    Returns:
        1 where it cannot be estimated: fewer than two clusters, or all rows alike. There the interval is too narrow if the
        rows of a cluster do go together.
    """
    n, groups = len(outcomes), _groups(clusters)
    share = sum(outcomes) / n if n else 0.0
    if len(groups) < 2 or share in (0.0, 1.0):
        return 1.0
    residuals = (sum(outcomes[i] for i in rows) - share * len(rows) for rows in groups)
    variance = len(groups) / (len(groups) - 1) * sum(residual * residual for residual in residuals) / n**2
    return max(1.0, variance / (share * (1 - share) / (n - 1)))


def rate(outcomes: Sequence[bool], clusters: Sequence[str | None]) -> Rate:
    """The share of true outcomes with a 95 % Wilson interval on the effective number of rows, n / design effect.

    Args:
        outcomes: One a row.
        clusters: One a row; None stands alone.

    Raises:
        ValueError: The two differ in length.
    """
    _check_lengths(len(outcomes), len(clusters))
    n = len(outcomes)
    share = sum(outcomes) / n if n else 0.0
    interval = wilson(share, n / design_effect(outcomes, clusters))
    return Rate(rate=share, low=interval.low, high=interval.high, n=n, clusters=len(_groups(clusters)))


def paired_difference(
    a: Sequence[bool], b: Sequence[bool], clusters: Sequence[str | None], seed: int = 0, draws: int = 2000
) -> Difference:
    """How much more often `a` is right than `b` on the same rows, by a percentile bootstrap that draws whole clusters.

    Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13 (percentile intervals); whole
    clusters are the resampled units. With a handful of clusters the interval is too narrow.

    Args:
        a: Outcomes of the first caller, one a row.
        b: Outcomes of the second, of the same rows in the same order.
        clusters: Cluster of each row; None stands alone.
        seed: Same seed, same interval.
        draws: Bootstrap samples.

    Raises:
        ValueError: No rows, or lengths that differ.
    """
    _check_lengths(len(a), len(b))
    _check_lengths(len(a), len(clusters))
    if not a:
        raise ValueError("a difference needs at least one row")
    groups = _groups(clusters)
    gains = np.array([sum(int(a[i]) - int(b[i]) for i in rows) for rows in groups], dtype=np.float64)
    sizes = np.array([len(rows) for rows in groups], dtype=np.float64)
    generator = np.random.default_rng(seed)
    resampled = np.empty(draws)
    for draw in range(draws):
        chosen = generator.integers(len(groups), size=len(groups))
        resampled[draw] = gains[chosen].sum() / sizes[chosen].sum()
    low, high = np.quantile(resampled, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Difference(difference=float(gains.sum() / sizes.sum()), low=float(low), high=float(high), n=len(a))


def _groups(clusters: Sequence[str | None]) -> list[list[int]]:
    """Row numbers by cluster, in order of first appearance."""
    groups: dict[tuple[str, str | int], list[int]] = {}
    for index, cluster in enumerate(clusters):
        groups.setdefault(("alone", index) if cluster is None else ("cluster", cluster), []).append(index)
    return list(groups.values())


def _check_lengths(rows: int, others: int) -> None:
    if rows != others:
        raise ValueError(f"expected one entry a row, got {rows} and {others}")
