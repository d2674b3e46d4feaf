"""The gate: whether a candidate may serve.

A first release passes when it beats the untrained base on the same rows with the interval's lower bound above zero; a
later one when it is as good as the champion or better, or surely not worse by more than a margin (paired, same rows). Too few
cases tell nothing: there a first release passes with a warning, and a later one where it is at least as good as the champion;
without any case the champion stays.
"""

from collections.abc import Sequence

from core.types.value import Value
from evals.intervals import Difference, paired_difference
from evals.scorers.exact import Score
from evals.slices import SliceChange, slice_changes

MIN_CASES = 30
MARGIN = 0.01
_NAMED = 3
"""Slices a refusal names."""


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
    slices: tuple[SliceChange, ...] = ()
    """How each slice changed, the one that lost most first."""


def judge(candidate: Sequence[Score], reference: Sequence[Score], against_base: bool, slices: Sequence[str] = ()) -> Verdict:
    """Compare candidate and reference on the same rows.

    Args:
        candidate: Scores of the candidate.
        reference: Scores of the base or the champion, row by row the same cases.
        against_base: True for a first release.
        slices: Which slice each row belongs to; a refusal names those that lost most.
    """
    clusters = [score.cluster for score in candidate]
    if not candidate:
        return Verdict(passed=against_base, reason="no exam rows", difference=None, warnings=("not enough cases",))
    gap = paired_difference([s.exact for s in candidate], [s.exact for s in reference], clusters)
    figures = f"{gap.difference:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] exact on {gap.n} rows"
    if len(candidate) < MIN_CASES:
        few = f"not enough cases: {len(candidate)} of {MIN_CASES}"
        return Verdict(passed=against_base or gap.difference >= 0, reason=figures, difference=gap, warnings=(few,))
    groups = len({cluster for cluster in clusters if cluster is not None}) + clusters.count(None)
    warnings = (f"few phrasings: {groups} of {MIN_CASES}, the interval is too narrow",) if groups < MIN_CASES else ()
    passed = gap.low > 0 if against_base else gap.low > -MARGIN or gap.difference >= 0
    changes = slice_changes(slices, candidate, reference) if slices else []
    lost = [str(change) for change in changes if change.after < change.before][:_NAMED]
    named = f"; lost most: {', '.join(lost)}" if lost and not passed else ""
    against = "the untrained base" if against_base else "the champion"
    reason = f"against {against}: {figures}{named}"
    return Verdict(passed=passed, reason=reason, difference=gap, warnings=warnings, slices=tuple(changes))
