"""The exact scorer: whether a predicted step is the expected step, by the contract's rules (section *Scores*).

What it does not cover: the `query` of a knowledge question and the arguments reported with an `ask` are not compared; two
phrases that mean the same day ("next Friday", "Friday next week") differ, as resolving is another step's work.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from core.types.case import Case
from core.types.message import ToolCall
from core.types.prediction import Prediction
from core.types.tool import Toolset, schema_type
from core.types.value import Value

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)


class Score(Value):
    """How one prediction did on one case."""

    exact: bool
    """Every call right, none extra, and the outcome right where given; for `ask` also tool and missing."""
    name: bool
    """The multiset of tool names is right; where `ask` is expected, the asked tool too."""
    no_call: bool | None
    """Rows with no expected call: nothing called and the outcome right where given; None for other rows."""
    asks_right: bool | None
    """Rows that expect `ask`: outcome, tool and missing right; None for other rows."""
    wrong_writes: int
    """Returned calls to tools that are not `read` and match no expected call."""
    confidence: float
    """As predicted, in [0, 1]; 0 where the row errored."""
    latency_ms: float
    """Wall time of the decision, milliseconds; 0 where the row errored."""
    cluster: str | None
    """The case's shape, for intervals."""
    outcome: str | None
    """The expected outcome, where given."""
    error: bool = False
    """The row errored: no prediction came."""


class Unmatched(NamedTuple):
    """What is left when equal calls are paired off."""

    expected: list[ToolCall]
    """Expected calls that did not come, in order."""
    got: list[ToolCall]
    """Returned calls that nobody expected, in order."""


def values_equal(expected: Any, got: Any, schema: Mapping[str, Any] | None) -> bool:
    """Whether two argument values are the same value.

    Numbers are compared as they are written in decimal (4 and 4.0 are equal, 0.1 and "0.1" too), calendar dates as ISO 8601
    dates without time ("2025-03-01" and "20250301"), other strings after NFC normalisation and trimming, with case. A
    number equals a numeric string only where the schema says number or integer. A boolean equals only itself.

    Args:
        expected: A JSON value.
        got: A JSON value.
        schema: The JSON schema of the value, `$ref` resolved; None where unknown, then a type equals only itself.
    """
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        return expected.keys() == got.keys() and all(
            values_equal(value, got[key], property_schema(schema, key)) for key, value in expected.items()
        )
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        items = item_schema(schema)
        return len(expected) == len(got) and all(values_equal(e, g, items) for e, g in zip(expected, got, strict=True))
    return _scalars_equal(expected, got, is_numeric(schema))


def is_numeric(schema: Mapping[str, Any] | None) -> bool:
    """Whether the schema says number or integer; the first type that is not null decides."""
    return schema is not None and schema_type(schema) in ("number", "integer")


def property_schema(schema: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    """The schema of one property of an object schema, or None where it is not declared."""
    properties = _declaring(schema, "properties")
    inner = properties.get(name) if isinstance(properties, Mapping) else None
    return inner if isinstance(inner, Mapping) else None


def item_schema(schema: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The schema of the items of an array schema, or None where it is not declared."""
    items = _declaring(schema, "items")
    return items if isinstance(items, Mapping) else None


def _declaring(schema: Mapping[str, Any] | None, keyword: str) -> Any:
    """The keyword's value, looked for in the schema itself and then in its `anyOf` and `oneOf` branches."""
    if schema is None or keyword in schema:
        return schema and schema[keyword]
    branches = [branch for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())) if isinstance(branch, Mapping)]
    return next((branch[keyword] for branch in branches if keyword in branch), None)


def _scalars_equal(expected: Any, got: Any, numeric: bool) -> bool:
    numbers = _as_number(expected, numeric), _as_number(got, numeric)
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] == numbers[1]
    if isinstance(expected, str) and isinstance(got, str):
        return _strings_equal(expected, got)
    # `True == 1` in Python, so the types must agree; what is left is booleans, null, and unlike types.
    return type(expected) is type(got) and bool(expected == got)


def _as_number(value: Any, numeric: bool) -> Decimal | None:
    """The number a value is: its shortest decimal writing, so that equality is transitive across int, float and text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if numeric and isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None


def _strings_equal(expected: str, got: str) -> bool:
    left, right = (unicodedata.normalize("NFC", text).strip() for text in (expected, got))
    if left == right:
        return True
    day = as_iso_date(left)
    return day is not None and day == as_iso_date(right)


def as_iso_date(text: str) -> date | None:
    """The day an ISO 8601 date without time names, or None."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def call_equal(expected: ToolCall, got: ToolCall, toolset: Toolset) -> bool:
    """Equal in name, key set and values; ids do not count. A tool the toolset does not know has no schema."""
    tool = toolset.by_name.get(expected.name)
    schema = tool.parameters if tool else None
    return expected.name == got.name and values_equal(expected.arguments, got.arguments, schema)


def unmatched(expected: Sequence[ToolCall], got: Sequence[ToolCall], toolset: Toolset) -> Unmatched:
    """Pair off equal calls, whatever their order, each call at most once.

    Taking the first partner that fits is enough: equality of calls is transitive.
    """
    missing = list(expected)
    extra = []
    for call in got:
        partner = next((i for i, wanted in enumerate(missing) if call_equal(wanted, call, toolset)), None)
        if partner is None:
            extra.append(call)
        else:
            del missing[partner]
    return Unmatched(missing, extra)


def calls_equal(expected: Sequence[ToolCall], got: Sequence[ToolCall], toolset: Toolset) -> bool:
    """Whether two steps hold the same multiset of calls."""
    return len(expected) == len(got) and not unmatched(expected, got, toolset).expected


def names_equal(expected: Sequence[ToolCall], got: Sequence[ToolCall]) -> bool:
    """Whether two steps call the same multiset of tools."""
    return Counter(call.name for call in expected) == Counter(call.name for call in got)


def score(case: Case, prediction: Prediction | None, toolset: Toolset) -> Score:
    """Score one prediction by the contract.

    Args:
        case: What is expected; an `ask` counts only where the outcome `ask` is given.
        prediction: What came; None where the row errored, which is wrong in every respect and wrote nothing.
        toolset: Gives schemas and risks; a tool it does not know counts as a write.
    """
    if prediction is None:
        return _errored(case)
    outcome_right = case.outcome is None or case.outcome == prediction.outcome
    extra = unmatched(case.expected, prediction.tool_calls, toolset).got
    asks = case.outcome == "ask"
    asked_right = outcome_right and _asked(case, prediction, "tool") and _asked(case, prediction, "missing")
    return Score(
        exact=outcome_right and calls_equal(case.expected, prediction.tool_calls, toolset) and (asked_right or not asks),
        name=names_equal(case.expected, prediction.tool_calls) and (not asks or _asked(case, prediction, "tool")),
        no_call=None if case.expected else outcome_right and not prediction.tool_calls,
        asks_right=asked_right if asks else None,
        wrong_writes=sum(_writes(call, toolset) for call in extra),
        confidence=prediction.confidence,
        latency_ms=prediction.latency_ms,
        cluster=case.shape,
        outcome=case.outcome,
    )


def _errored(case: Case) -> Score:
    return Score(
        exact=False,
        name=False,
        no_call=None if case.expected else False,
        asks_right=False if case.outcome == "ask" else None,
        wrong_writes=0,
        confidence=0.0,
        latency_ms=0.0,
        cluster=case.shape,
        outcome=case.outcome,
        error=True,
    )


def _asked(case: Case, prediction: Prediction, field: str) -> bool:
    """Whether `tool` or `missing` of the question is right; a case that does not say which accepts any question."""
    if prediction.outcome != "ask":
        return False
    if case.ask is None:
        return True
    return prediction.ask is not None and bool(getattr(prediction.ask, field) == getattr(case.ask, field))


def _writes(call: ToolCall, toolset: Toolset) -> bool:
    tool = toolset.by_name.get(call.name)
    return tool is None or tool.risk != "read"
