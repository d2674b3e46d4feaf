"""Kinds: what fills an argument, declared by the toolset or inferred from training rows."""

from typing import Any

import pytest

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Vocabulary, read_toolset
from tools.kinds import InferredKind, KindTable, Slot, infer_kinds, leaves, slot_of

STRING = {"type": "string"}


def shop(**properties: Any) -> Any:
    tools = [{"name": "act", "parameters": {"type": "object", "properties": properties}}]
    return read_toolset("shop", tools, {"customer": {"names": ["Blue Harbour"]}})


def example(said: str, **arguments: Any) -> Example:
    calls = (ToolCall(name="act", arguments=arguments),)
    message = Message(role="user", content=said)
    return Example(trace_id=said, cluster=said, messages=(message,), steps=(Step(position=1, outcome="calls", calls=calls),))


@pytest.mark.parametrize(
    ("schema", "mode", "kind", "choices"),
    [
        ({"type": "string", "enum": ["low", "high"]}, "choice", "arg", ("low", "high")),
        ({"type": ["string", "null"], "enum": ["low", None]}, "choice", "arg", ("low",)),
        ({"const": 5}, "choice", "arg", (5,)),
        ({"type": "boolean"}, "choice", "arg", (True, False)),
        ({"type": "number"}, "number", "arg", ()),
        ({"type": "integer", "x-kind": "qty"}, "number", "qty", ()),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "number", "arg", ()),
        ({"type": "string", "x-kind": "customer"}, "mention", "customer", ()),
        ({"type": "string", "x-kind": "date"}, "mention", "date", ()),
        ({"type": "string", "format": "date-time"}, "mention", "date", ()),
        ({"type": "string", "x-kind": "text"}, "span", "text", ()),
        ({"type": "string"}, "span", "arg", ()),
        ({"type": "string", "x-kind": "nowhere"}, "span", "nowhere", ()),
        ({}, "span", "arg", ()),
    ],
)
def test_a_schema_says_how_its_argument_is_filled(schema: dict[str, Any], mode: str, kind: str, choices: tuple[Any, ...]) -> None:
    assert slot_of(shop(), KindTable(), "arg", schema) == Slot(mode=mode, kind=kind, choices=choices)  # type: ignore[arg-type]


def test_what_was_inferred_fills_only_arguments_nobody_declared() -> None:
    table = KindTable(inferred={"arg": InferredKind(mode="choice", choices=("a",))})
    assert slot_of(shop(), table, "arg", STRING) == Slot(mode="choice", kind="arg", choices=("a",))
    assert slot_of(shop(), table, "arg", {"type": "string", "x-kind": "customer"}).mode == "mention"
    assert slot_of(shop(), table, "other", STRING).mode == "span"


def test_values_that_stand_in_the_request_are_spans() -> None:
    rows = [example(f"call it item {n} please", arg=f"item {n}") for n in range(9)]
    assert infer_kinds(shop(arg=STRING), rows).inferred["arg"] == InferredKind(mode="span")


def test_values_that_were_not_said_but_come_again_are_choices_beside_the_span() -> None:
    rows = [
        *(example(f"item {n}", arg=f"item {n}") for n in range(9)),
        *(example(f"the usual {n}", arg="default") for n in range(2)),
        example("y", arg="once"),
    ]
    assert infer_kinds(shop(arg=STRING), rows).inferred["arg"] == InferredKind(mode="span", choices=("default",))


def test_values_that_are_mostly_not_said_are_a_closed_set() -> None:
    rows = [example(f"request {n}", arg=("on", "off")[n % 2]) for n in range(10)]
    assert infer_kinds(shop(arg=STRING), rows).inferred["arg"] == InferredKind(mode="choice", choices=("off", "on"))


def test_values_of_digits_are_digits() -> None:
    rows = [example(f"card {n}", arg=f"{n:04}") for n in range(10)]
    assert infer_kinds(shop(arg=STRING), rows).inferred["arg"] == InferredKind(mode="digits")


@pytest.mark.parametrize(
    "schema", [{**STRING, "enum": ["x"]}, {**STRING, "x-kind": "customer"}, {**STRING, "x-kind": "text"}, {"const": "x"}]
)
def test_declared_arguments_are_not_inferred(schema: dict[str, Any]) -> None:
    table = infer_kinds(shop(arg=schema), [example("x", arg="x")])
    assert table.inferred == {} and table.learned == {}


def test_the_table_does_not_depend_on_the_order_of_rows() -> None:
    rows = [example(f"request {n}", arg=("on", f"request {n}")[n % 2], more=str(n)) for n in range(10)]
    toolset = shop(arg=STRING, more=STRING)
    assert infer_kinds(toolset, rows) == infer_kinds(toolset, rows[::-1])


def test_outcomes_and_most_calls_are_those_seen() -> None:
    calls = tuple(ToolCall(name="act") for _ in range(3))
    ask = Step(position=1, outcome="ask", calls=calls[:1])
    rows = [
        example("a"),
        Example(trace_id="b", cluster="b", messages=(), steps=(Step(position=0, outcome="calls", calls=calls), ask)),
    ]
    table = infer_kinds(shop(), rows)
    assert (table.outcomes, table.max_calls) == (("ask", "calls"), 3)
    assert infer_kinds(shop(), []).max_calls == 1


def test_leaves_walk_objects_and_arrays_under_their_own_names() -> None:
    schema = (
        shop(lines={"type": "array", "items": {"type": "object", "properties": {"item": STRING, "qty": {"type": "number"}}}})
        .tools[0]
        .parameters
    )
    value = {"lines": [{"item": "a", "qty": 1}, {"item": "b"}], "unknown": [True]}
    assert list(leaves(value, schema)) == [
        ("item", STRING, "a"), ("qty", {"type": "number"}, 1), ("item", STRING, "b"), ("unknown", {}, True)
    ]  # fmt: skip


def test_a_kind_without_names_is_still_a_mention() -> None:
    toolset = shop().model_copy(update={"vocabulary": {"id": Vocabulary(patterns=("A\\d",))}})
    assert slot_of(toolset, KindTable(), "arg", {"type": "string", "x-kind": "id"}).mode == "mention"
