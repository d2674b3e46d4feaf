"""What kind of mistake a failed row is, so that the next night's work goes where the mistakes are.

A row has one class: the first that applies, from what to do, over which tools, down to a single value. It is a heuristic
for people who read reports, not a score: two mistakes in one row count as the graver one, calls of one tool are paired by
how much they agree, and strings without `x-kind` are told apart as names and free text by their length.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from core.types.case import Case
from core.types.message import ToolCall
from core.types.prediction import Prediction
from core.types.tool import Toolset, schema_type
from evals.scorers.exact import as_iso_date, is_numeric, item_schema, property_schema, score, unmatched, values_equal
from tools.dates import find_dates

_NAME_WORDS = 4
"""A string without a kind and with more words than this is free text."""


class Failure(StrEnum):
    """Named kinds of mistake."""

    ERROR = "error"
    ASKED_NOT_CALLED = "asked instead of calling"
    DONE_TOO_EARLY = "done too early"
    SEARCHED_NOT_CALLED = "searched instead of calling"
    IDLE_NOT_CALLED = "did nothing instead of calling"
    CALLED_NOT_ASKED = "called instead of asking"
    DID_NOT_ASK = "did not ask"
    ASKED_WRONG_TOOL = "asked about the wrong tool"
    ASKED_WRONG_MISSING = "wrong missing argument"
    CALLED_AFTER_DONE = "called after the task was done"
    CALLED_FOR_NOTHING = "called where nothing was to be called"
    ASKED_FOR_NOTHING = "asked where nothing was missing"
    KNOWLEDGE_OR_NONE = "knowledge and none confused"
    ENDED_WRONG_WAY = "ended the wrong way"
    WRONG_TOOL = "wrong tool"
    WISH_DROPPED = "second wish dropped"
    EXTRA_CALL = "extra call"
    WRONG_PLACE = "value in the wrong argument"
    REQUIRED_LEFT_OUT = "required argument left out"
    OPTIONAL_LEFT_OUT = "optional argument left out"
    ARGUMENT_ADDED = "argument added"
    ENTRY_LEFT_OUT = "list entry left out"
    ENTRY_ADDED = "list entry added"
    WRONG_NUMBER = "wrong number"
    WRONG_DATE = "wrong date"
    WRONG_CHOICE = "wrong choice"
    TEXT_CUT_SHORT = "free text cut short"
    TEXT_TOO_LONG = "free text too long"
    WRONG_TEXT = "wrong free text"
    WRONG_NAME = "wrong name"


class _Pair(NamedTuple):
    """Two differing values of one place and the schema they share."""

    expected: Any
    got: Any
    schema: Mapping[str, Any] | None


def failure_class(case: Case, prediction: Prediction | None, toolset: Toolset) -> str | None:
    """The class of a row's mistake, a `Failure`; None exactly where the row is exact."""
    if prediction is None:
        return Failure.ERROR
    if score(case, prediction, toolset).exact:
        return None
    if case.expected:
        return _instead_of_calling(prediction) or _wrong_calls(case, prediction, toolset)
    if case.outcome == "ask":
        return _wrong_ask(case, prediction)
    return _wrong_end(case, prediction)


def count_failures(cases: Sequence[Case], predictions: Sequence[Prediction | None], toolset: Toolset) -> dict[str, int]:
    """How many rows fail in which way, most frequent first, ties by name.

    Raises:
        ValueError: Not one prediction a case.
    """
    found = (failure_class(case, prediction, toolset) for case, prediction in zip(cases, predictions, strict=True))
    counts = Counter(str(kind) for kind in found if kind is not None)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _instead_of_calling(prediction: Prediction) -> Failure | None:
    """A wrong outcome where calls were expected; None where it did call."""
    match prediction.outcome:
        case "ask":
            return Failure.ASKED_NOT_CALLED
        case "done":
            return Failure.DONE_TOO_EARLY
        case "knowledge":
            return Failure.SEARCHED_NOT_CALLED
    return None if prediction.tool_calls else Failure.IDLE_NOT_CALLED


def _wrong_ask(case: Case, prediction: Prediction) -> Failure:
    if prediction.tool_calls:
        return Failure.CALLED_NOT_ASKED
    if prediction.outcome != "ask":
        return Failure.DID_NOT_ASK
    if case.ask is None or prediction.ask is None or prediction.ask.tool != case.ask.tool:
        return Failure.ASKED_WRONG_TOOL
    return Failure.ASKED_WRONG_MISSING


def _wrong_end(case: Case, prediction: Prediction) -> Failure:
    if prediction.tool_calls:
        return Failure.CALLED_AFTER_DONE if case.outcome == "done" else Failure.CALLED_FOR_NOTHING
    if prediction.outcome == "ask":
        return Failure.ASKED_FOR_NOTHING
    if {case.outcome, prediction.outcome} == {"knowledge", "none"}:
        return Failure.KNOWLEDGE_OR_NONE
    return Failure.ENDED_WRONG_WAY


def _wrong_calls(case: Case, prediction: Prediction, toolset: Toolset) -> Failure:
    expected = Counter(call.name for call in case.expected)
    got = Counter(call.name for call in prediction.tool_calls)
    if expected != got:
        if got < expected:
            return Failure.WISH_DROPPED
        return Failure.EXTRA_CALL if expected < got else Failure.WRONG_TOOL
    left = unmatched(case.expected, prediction.tool_calls, toolset)
    if not left.expected:
        return Failure.ENDED_WRONG_WAY
    wanted = left.expected[0]
    tool = toolset.by_name.get(wanted.name)
    schema = tool.parameters if tool else None
    return _wrong_value(_Pair(wanted.arguments, _nearest(wanted, left.got, schema).arguments, schema))


def _nearest(wanted: ToolCall, got: Sequence[ToolCall], schema: Mapping[str, Any] | None) -> ToolCall:
    """The returned call of the same tool with the most right arguments, the first of several."""

    def agreement(call: ToolCall) -> int:
        return sum(
            values_equal(value, call.arguments[key], property_schema(schema, key))
            for key, value in wanted.arguments.items()
            if key in call.arguments
        )

    return max((call for call in got if call.name == wanted.name), key=agreement)


def _wrong_value(pair: _Pair) -> Failure:
    if isinstance(pair.expected, Mapping) and isinstance(pair.got, Mapping):
        return _wrong_object(pair.expected, pair.got, pair.schema)
    if isinstance(pair.expected, list) and isinstance(pair.got, list):
        return _wrong_list(pair.expected, pair.got, pair.schema)
    return _wrong_scalar(pair)


def _wrong_object(expected: Mapping[str, Any], got: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Failure:
    missing = [key for key in expected if key not in got]
    added = [key for key in got if key not in expected]
    if any(values_equal(expected[key], got[other], property_schema(schema, key)) for key in missing for other in added):
        return Failure.WRONG_PLACE
    if missing:
        required = (schema or {}).get("required") or ()
        return Failure.REQUIRED_LEFT_OUT if any(key in required for key in missing) else Failure.OPTIONAL_LEFT_OUT
    if added:
        return Failure.ARGUMENT_ADDED
    pairs = (_Pair(expected[key], got[key], property_schema(schema, key)) for key in expected)
    return _wrong_value(_first_difference(pairs))


def _wrong_list(expected: Sequence[Any], got: Sequence[Any], schema: Mapping[str, Any] | None) -> Failure:
    if len(expected) != len(got):
        return Failure.ENTRY_LEFT_OUT if len(got) < len(expected) else Failure.ENTRY_ADDED
    items = item_schema(schema)
    return _wrong_value(_first_difference(_Pair(e, g, items) for e, g in zip(expected, got, strict=True)))


def _first_difference(pairs: Iterable[_Pair]) -> _Pair:
    return next(pair for pair in pairs if not values_equal(*pair))


def _wrong_scalar(pair: _Pair) -> Failure:
    schema = pair.schema or {}
    if is_numeric(pair.schema) or (pair.schema is None and isinstance(pair.expected, int | float)):
        return Failure.WRONG_NUMBER
    if "enum" in schema or (schema and schema_type(schema) == "boolean") or isinstance(pair.expected, bool):
        return Failure.WRONG_CHOICE
    expected, got = str(pair.expected).strip(), str(pair.got).strip()
    if _is_date(expected, schema):
        return Failure.WRONG_DATE
    return _wrong_text(expected, got) if _is_text(expected, schema) else Failure.WRONG_NAME


def _wrong_text(expected: str, got: str) -> Failure:
    if got in expected:
        return Failure.TEXT_CUT_SHORT
    return Failure.TEXT_TOO_LONG if expected in got else Failure.WRONG_TEXT


def _is_date(text: str, schema: Mapping[str, Any]) -> bool:
    kind = schema.get("x-kind")
    if kind is not None:
        return "date" in str(kind)
    declared = schema.get("format") in ("date", "date-time")
    return declared or as_iso_date(text) is not None or (0, len(text)) in find_dates(text)


def _is_text(text: str, schema: Mapping[str, Any]) -> bool:
    kind = schema.get("x-kind")
    return kind == "text" if kind is not None else len(text.split()) > _NAME_WORDS
