"""A summary: what many scores say together, with intervals; what reports, gates and `evaluate --json` show."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.types.trace import OUTCOMES
from core.types.value import Value
from evals.intervals import Rate, rate
from evals.scorers.exact import Score

SHARES = (0.6, 0.75, 0.9)
"""How much of the work is acted on without asking, surest first."""


class Coverage(Value):
    """How the surest rows did."""

    share: float
    """Share of all rows, in (0, 1]."""
    exact: Rate
    """Exact rate among them."""
    wrong_writes_per_100: float
    """Wrong writes a hundred of these rows."""
    threshold: float
    """Confidence of the least sure row among them; rows tied with it may stand outside."""


class Summary(Value):
    """Scores of one caller on one set of cases."""

    n: int
    """Rows."""
    errors: int
    """Rows without a prediction; they count as wrong."""
    exact: Rate
    """Rows right in every call and in the outcome."""
    name: Rate
    """Rows with the right tools."""
    no_call: Rate | None
    """Of the rows that expect no call: nothing called and the outcome right; None where there are no such rows."""
    asks_right: Rate | None
    """Of the rows that expect a question: asked for the right thing; None where there are no such rows."""
    wrong_writes_per_100: float
    """Wrong writes a hundred rows."""
    by_outcome: dict[str, Rate]
    """Exact rate by expected outcome, of the rows that give one."""
    risk_coverage: tuple[Coverage, ...]
    """The same among the surest; empty where there are no rows."""
    latency_p50_ms: float
    """Median wall time of a decision, milliseconds, without errored rows."""
    latency_p95_ms: float
    """95th percentile, milliseconds, without errored rows."""

    def to_json(self) -> dict[str, Any]:
        """The summary as a JSON object; `Summary.model_validate` reads it back."""
        return self.model_dump(mode="json")


def summarise(scores: Sequence[Score]) -> Summary:
    """Sum up scores; ties of confidence keep the order of the rows, so the same scores give the same summary."""
    latencies = [score.latency_ms for score in scores if not score.error]
    p50, p95 = (float(value) for value in np.percentile(latencies, [50, 95])) if latencies else (0.0, 0.0)
    ranked = by_confidence(scores)
    return Summary(
        n=len(scores),
        errors=sum(score.error for score in scores),
        exact=exact_rate(scores),
        name=rate([score.name for score in scores], _clusters(scores)),
        no_call=_optional_rate([(score.no_call, score.cluster) for score in scores]),
        asks_right=_optional_rate([(score.asks_right, score.cluster) for score in scores]),
        wrong_writes_per_100=_wrong_writes_per_100(scores),
        by_outcome=_by_outcome(scores),
        risk_coverage=tuple(_coverage(ranked, share) for share in SHARES) if scores else (),
        latency_p50_ms=p50,
        latency_p95_ms=p95,
    )


def by_confidence(scores: Sequence[Score]) -> list[Score]:
    """Surest first; ties keep their order, errored rows come last."""
    return sorted(scores, key=lambda score: (score.error, -score.confidence))


def exact_rate(scores: Sequence[Score]) -> Rate:
    """Share of exact rows."""
    return rate([score.exact for score in scores], _clusters(scores))


def _coverage(ranked: Sequence[Score], share: float) -> Coverage:
    # Half up, not Python's half to even: 0.75 of 2 and of 6 rows should round the same way.
    surest = ranked[: max(1, int(share * len(ranked) + 0.5))]
    return Coverage(
        share=share,
        exact=exact_rate(surest),
        wrong_writes_per_100=_wrong_writes_per_100(surest),
        threshold=surest[-1].confidence,
    )


def _by_outcome(scores: Sequence[Score]) -> dict[str, Rate]:
    rows = {outcome: [score for score in scores if score.outcome == outcome] for outcome in OUTCOMES}
    return {outcome: exact_rate(chosen) for outcome, chosen in rows.items() if chosen}


def _optional_rate(answers: Sequence[tuple[bool | None, str | None]]) -> Rate | None:
    applicable = [(answer, cluster) for answer, cluster in answers if answer is not None]
    if not applicable:
        return None
    return rate([answer for answer, _ in applicable], [cluster for _, cluster in applicable])


def _wrong_writes_per_100(scores: Sequence[Score]) -> float:
    return 100 * sum(score.wrong_writes for score in scores) / len(scores) if scores else 0.0


def _clusters(scores: Sequence[Score]) -> list[str | None]:
    return [score.cluster for score in scores]
