"""Two callers on the same cases: how often they write the same, and how right they are then.

What a second opinion is worth: a write that both write may act, where they differ a person decides (`agents/second.py`).
"""

from collections.abc import Sequence
from itertools import compress

from agents.second import same_calls, writes
from core.types.case import Case
from core.types.prediction import Prediction
from core.types.tool import Toolset
from core.types.value import Value
from evals.intervals import Rate, rate
from evals.scorers.exact import Score
from evals.suite import Examination


class Opinions(Value):
    """Two callers compared, and what their agreement says."""

    n: int
    """Cases."""
    first: Rate
    """Exact, the first alone."""
    second: Rate
    """Exact, the second alone."""
    either: Rate
    """At least one of them exact: what a perfect choice between the two would reach."""
    agree: Rate
    """Both take the same step: outcome, calls, and the question where one is asked."""
    exact_where_agree: Rate | None
    """Exact, of the cases on which they agree; None where there are none."""
    wrong_writes_where_agree: float | None
    """Wrong writes of a hundred cases on which they agree; None where there are none."""
    exact_where_differ: Rate | None
    """Exact, the first alone, of the other cases; None where there are none."""
    agree_on_writes: Rate | None
    """Both take the same step, of the cases where the first writes; None where it never does."""


def compare_opinions(cases: Sequence[Case], first: Examination, second: Examination, toolset: Toolset) -> Opinions:
    """Compare two examinations of the same cases.

    Args:
        cases: What both were asked, in order.
        first: The first one's answers.
        second: The second one's answers.
        toolset: What their calls are of.
    """
    clusters = [case.shape for case in cases]
    pairs = zip(first.predictions, second.predictions, strict=True)
    same = [one is not None and other is not None and same_step(one, other) for one, other in pairs]
    wrote = [one is not None and writes(one, toolset) for one in first.predictions]
    agreed = list(compress(first.scores, same))
    exacts = list(zip(first.scores, second.scores, strict=True))
    return Opinions(
        n=len(cases),
        first=rate([score.exact for score in first.scores], clusters),
        second=rate([score.exact for score in second.scores], clusters),
        either=rate([one.exact or other.exact for one, other in exacts], clusters),
        agree=rate(same, clusters),
        exact_where_agree=_exact(agreed),
        wrong_writes_where_agree=100 * sum(score.wrong_writes for score in agreed) / len(agreed) if agreed else None,
        exact_where_differ=_exact(list(compress(first.scores, [not both for both in same]))),
        agree_on_writes=_rate(list(compress(same, wrote)), list(compress(clusters, wrote))),
    )


def same_step(one: Prediction, other: Prediction) -> bool:
    """Whether two predictions are the same step: outcome, calls in any order, and what is asked for."""
    return one.outcome == other.outcome and _asked(one) == _asked(other) and same_calls(one, other)


def _asked(prediction: Prediction) -> tuple[str, str] | None:
    return (prediction.ask.tool, prediction.ask.missing) if prediction.ask else None


def _exact(scores: Sequence[Score]) -> Rate | None:
    return _rate([score.exact for score in scores], [score.cluster for score in scores])


def _rate(answers: Sequence[bool], clusters: Sequence[str | None]) -> Rate | None:
    return rate(answers, clusters) if answers else None
