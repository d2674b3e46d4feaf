"""The gate: whether a candidate may serve.

A first release passes when it beats the untrained base on the same rows with the interval's lower bound above zero; a
later one when it is not worse than the champion by more than a margin (paired, same rows). Too few cases decide nothing.
"""

from collections.abc import Sequence

from core.types.value import Value
from evals.intervals import Difference, paired_difference
from evals.scorers.exact import Score

MIN_CASES = 30
MARGIN = 0.01


class Verdict(Value):
    """What the gate decided, and why."""

    passed: bool
    """Whether the candidate may serve."""
    reason: str
    """One sentence with the figures."""
    difference: Difference | None
    """Candidate minus reference, exact rate; None without rows."""
    warnings: tuple[str, ...] = ()
    """What a person should know."""


def judge(candidate: Sequence[Score], reference: Sequence[Score], against_base: bool) -> Verdict:
    """Compare candidate and reference on the same rows.

    Args:
        candidate: Scores of the candidate.
        reference: Scores of the base or the champion, row by row the same cases.
        against_base: True for a first release.
    """
    clusters = [score.cluster for score in candidate]
    if not candidate:
        return Verdict(passed=True, reason="no exam rows", difference=None, warnings=("not enough cases",))
    gap = paired_difference([s.exact for s in candidate], [s.exact for s in reference], clusters)
    figures = f"{gap.difference:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] exact on {gap.n} rows"
    if len(candidate) < MIN_CASES:
        return Verdict(
            passed=True, reason=figures, difference=gap, warnings=(f"not enough cases: {len(candidate)} of {MIN_CASES}",)
        )
    if against_base:
        passed = gap.low > 0
        return Verdict(passed=passed, reason=f"against the untrained base: {figures}", difference=gap)
    passed = gap.low > -MARGIN or gap.difference >= 0
    return Verdict(passed=passed, reason=f"against the champion: {figures}", difference=gap)
