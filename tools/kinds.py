"""Kinds: how each argument of a toolset is filled.

Our own tools declare kinds (`x-kind` and a vocabulary). For foreign toolsets they are inferred at night, from the schema
and from training rows only: is the set of values closed, do values stand in the request, are they digits?
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from core.types.example import Example
from core.types.tool import Toolset, schema_type
from core.types.value import Value

Mode = Literal["choice", "number", "mention", "span", "digits"]
TEXT_KIND, DATE_KIND = "text", "date"
_VERBATIM_SHARE, _DIGIT_SHARE = 0.7, 0.8
_MIN_SEEN = 2


class Slot(Value):
    """How one argument is filled."""

    mode: Mode
    """`choice`: one of `choices`; `number`: a numeric mention; `mention`: a mention of `kind`; `span`: words of the request
    or one of `choices`; `digits`: a run of digits."""
    kind: str
    """What fills it."""
    choices: tuple[Any, ...] = ()
    """Values allowed whatever was said."""
    said: bool = False
    """Whether only choices that were said are allowed after all."""


class InferredKind(Value):
    """What training rows say about an argument nobody declared a kind for."""

    mode: Mode
    """As in `Slot`."""
    choices: tuple[str, ...] = ()
    """Values seen that need not stand in the request."""


class KindTable(Value):
    """Everything inferred from training rows; part of a release."""

    inferred: dict[str, InferredKind] = Field(default_factory=dict)
    """By argument name."""
    learned: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Values seen, by kind: they extend the vocabulary for kinds without names."""
    outcomes: tuple[str, ...] = ("ask", "calls", "done", "knowledge", "none")
    """Outcomes seen: the grammar offers no others."""
    said: tuple[str, ...] = ()
    """Arguments whose enumerated values are filled only with what was said."""
    never: tuple[str, ...] = ()
    """What no call does (`tools/habits.py`)."""
    max_calls: int = 4
    """Most calls seen in one step."""


def slot_of(toolset: Toolset, table: KindTable, name: str, schema: Mapping[str, Any]) -> Slot:
    """How the argument `name` with this (scalar) schema is filled."""
    if "const" in schema:
        return Slot(mode="choice", kind=name, choices=(schema["const"],))
    if schema.get("enum"):
        choices = tuple(v for v in schema["enum"] if v is not None)
        return Slot(mode="choice", kind=name, choices=choices, said=name in table.said)
    kind = schema.get("x-kind")
    scalar = schema_type(schema)
    if scalar == "boolean":
        return Slot(mode="choice", kind=name, choices=(True, False))
    if scalar in ("number", "integer"):
        return Slot(mode="number", kind=kind or name)
    if kind in toolset.vocabulary:
        return Slot(mode="mention", kind=kind)
    if kind == DATE_KIND or schema.get("format") in ("date", "date-time"):
        return Slot(mode="mention", kind=DATE_KIND)
    if kind == TEXT_KIND:
        return Slot(mode="span", kind=TEXT_KIND)
    inferred = table.inferred.get(name)
    if inferred is None:
        return Slot(mode="span", kind=kind or name)
    return Slot(mode=inferred.mode, kind=kind or name, choices=inferred.choices)


def leaves(value: Any, schema: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """Walk a value along its schema: yields `(argument name, scalar schema, scalar value)`; items bear their array's name."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for key, inner in value.items():
            yield from leaves(inner, properties.get(key) or {}, key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, schema.get("items") or {}, name)
    else:
        yield name, schema, value


def slots(toolset: Toolset, table: KindTable) -> Iterator[tuple[str, Slot]]:
    """Name of each scalar argument of every tool and how it is filled."""
    for tool in toolset.tools:
        for name, schema in scalars(tool.parameters):
            yield name, slot_of(toolset, table, name, schema)


def scalars(schema: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and schema of each scalar argument below a schema, as `leaves` names them."""
    if schema.get("properties"):
        for inner, inner_schema in schema["properties"].items():
            yield from scalars(inner_schema, inner)
    elif schema.get("items"):
        yield from scalars(schema["items"], name)
    else:
        yield name, schema


def infer_kinds(toolset: Toolset, examples: Sequence[Example]) -> KindTable:
    """Infer how undeclared arguments are filled, from training examples only."""
    seen: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    learned: dict[str, Counter[str]] = defaultdict(Counter)
    for name, schema, value, said in _string_values(toolset, examples):
        kind = schema.get("x-kind")
        if schema.get("enum") or "const" in schema or kind in toolset.vocabulary or kind == TEXT_KIND:
            continue
        learned[kind or name][value] += 1
        if kind != DATE_KIND:
            seen[name].append((value, value.casefold() in said))
    outcomes = {step.outcome for example in examples for step in example.steps}
    return KindTable(
        inferred={name: _infer(values) for name, values in sorted(seen.items())},
        learned={kind: tuple(sorted(values)) for kind, values in sorted(learned.items())},
        outcomes=tuple(sorted(outcomes)),
        max_calls=max((len(step.calls) for example in examples for step in example.steps), default=1) or 1,
    )


def _string_values(toolset: Toolset, examples: Sequence[Example]) -> Iterator[tuple[str, Mapping[str, Any], str, str]]:
    for example in examples:
        for step in example.steps:
            said = "\n".join(m.content for m in example.messages[: step.position] if m.role != "assistant").casefold()
            for call in step.calls:
                tool = toolset.by_name.get(call.name)
                for name, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
                    if isinstance(value, str):
                        yield name, schema, value, said


def _infer(values: list[tuple[str, bool]]) -> InferredKind:
    if sum(value.isdigit() for value, _ in values) >= _DIGIT_SHARE * len(values):
        return InferredKind(mode="digits")
    unsaid = Counter(value for value, verbatim in values if not verbatim)
    if sum(verbatim for _, verbatim in values) < _VERBATIM_SHARE * len(values):
        return InferredKind(mode="choice", choices=tuple(sorted({value for value, _ in values})))
    return InferredKind(mode="span", choices=tuple(sorted(v for v, count in unsaid.items() if count >= _MIN_SEEN)))
