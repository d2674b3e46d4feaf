"""A suite of cases put to a caller: predict each, score each, sum up."""

from collections.abc import Callable, Sequence
from typing import Protocol

from core.errors import NightschoolError
from core.types.case import Case
from core.types.message import Message
from core.types.prediction import Prediction
from core.types.tool import Toolset
from core.types.value import Value
from evals.scorers.exact import Score, score
from evals.summary import Summary, summarise


class Predictor(Protocol):
    """Whatever decides the next step of a conversation."""

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """The next step after `messages`, which end with the user's or a tool's."""


class RowError(Value):
    """Why a row has no prediction."""

    row: int
    """Position among the cases, from 0."""
    code: str
    """The error's stable code."""
    message: str
    """The error's text."""


class Examination(Value):
    """All answers of one caller to one suite."""

    predictions: tuple[Prediction | None, ...]
    """One a case, in order; None where the row errored."""
    scores: tuple[Score, ...]
    """One a case, in order."""
    summary: Summary
    """The scores summed up."""
    errors: tuple[RowError, ...] = ()
    """The rows that errored, in order."""


def examine(
    cases: Sequence[Case],
    predictor: Predictor,
    toolset: Toolset,
    on_progress: Callable[[int, int], None] | None = None,
) -> Examination:
    """Put every case to the predictor, one after the other.

    A `NightschoolError` costs its row and is listed; any other exception is a defect and passes through.

    Args:
        cases: What to ask.
        predictor: Who answers.
        toolset: For scoring.
        on_progress: Called after each row with rows done and rows in all.
    """
    predictions: list[Prediction | None] = []
    errors = []
    for row, case in enumerate(cases):
        try:
            predictions.append(predictor.predict(case.messages))
        except NightschoolError as error:
            predictions.append(None)
            errors.append(RowError(row=row, code=error.code, message=str(error)))
        if on_progress is not None:
            on_progress(row + 1, len(cases))
    scores = tuple(score(case, prediction, toolset) for case, prediction in zip(cases, predictions, strict=True))
    return Examination(predictions=tuple(predictions), scores=scores, summary=summarise(scores), errors=tuple(errors))
