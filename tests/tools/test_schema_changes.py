"""What changed between versions of a tool, and calls of then written as calls of now."""

from typing import Any

import pytest

from core.errors import BadInput
from core.types.message import ToolCall
from core.types.schema_change import ToolMigration
from core.types.tool import Tool, Toolset, read_toolset
from tools.migration import edges_between, migrated, way_to_now
from tools.migration_declared import proposed_migrations, read_migrations
from tools.schema_changes import counterparts, tool_changes, toolset_changes

LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"item": {"type": "string"}, "qty": {"type": "integer"}}, "required": ["item"]},
}
INVOICE: dict[str, Any] = {
    "customer": {"type": "string", "x-kind": "customer"},
    "lines": LINES,
    "due": {"type": "string", "format": "date"},
    "unit": {"enum": ["piece", "box"]},
}


def tool(name: str = "draft_invoice", required: tuple[str, ...] = ("customer", "lines"), **properties: Any) -> Tool:
    parameters = {"type": "object", "properties": properties or INVOICE, "required": list(required)}
    return read_toolset("t", [{"name": name, "description": "words", "parameters": parameters}]).tools[0]


def other(**changed: Any) -> Tool:
    return tool(**{**INVOICE, **changed})


def without(*names: str, **added: Any) -> dict[str, Any]:
    return {name: schema for name, schema in INVOICE.items() if name not in names} | added


def lines_with(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": properties, "required": required}}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (other(note={"type": "string"}), ["draft_invoice.note: argument added: none → optional"]),
        (tool(required=("customer",)), ["draft_invoice.lines: became optional"]),
        (tool(required=("customer", "lines", "due")), ["draft_invoice.due: became required"]),
        (tool(**without("due")), ["draft_invoice.due: argument removed"]),
        (tool(**without("due", due_date=INVOICE["due"])), ["draft_invoice.due: argument renamed: due → due_date"]),
        (other(due={"type": "integer", "format": "date"}), ["draft_invoice.due: type changed: string → integer"]),
        (other(unit={"enum": ["piece", "box", "pallet"]}), ["draft_invoice.unit: choices changed: piece, box → piece, box, pallet"]),
        (other(unit={"enum": ["piece"]}), ["draft_invoice.unit: choices changed: piece, box → piece"]),
        (other(customer={"type": "string"}), ["draft_invoice.customer: other: x-kind customer → none"]),
        (other(due={"type": "string", "format": "date-time"}), ["draft_invoice.due: other: format date → format date-time"]),
    ],
)  # fmt: skip
def test_each_change_is_told_by_its_kind(now: Tool, said: list[str]) -> None:
    assert [str(change) for change in tool_changes(tool(), now)] == said


@pytest.mark.parametrize(
    ("now", "fits"),
    [
        (other(note={"type": "string"}), True),
        (other(unit={"enum": ["piece", "box", "pallet"]}), True),
        (other(unit={"type": "string"}), True),
        (other(customer={"type": "string"}), True),
        (other(customer={"type": "string", "x-kind": "customer", "maxLength": 40}), True),
        (other(customer={"type": "string", "x-kind": "supplier"}), False),
        (other(customer={"type": "string", "x-kind": "customer", "default": "ACME"}), False),
        (other(customer={"type": "string", "x-kind": "customer", "x-unit": "cents"}), False),
        (other(customer={"anyOf": [{"type": "string", "enum": ["A"]}, {"type": "null"}], "x-kind": "customer"}), False),
        (other(lines={**LINES, "items": {**LINES["items"], "x-unit": "dozen"}}), False),
        (tool(required=("customer", "lines", "elsewhere")), False),
        (tool(required=("customer",)), True),
        (other(unit={"enum": ["box"]}), False),
        (other(due={"type": "string"}), False),
        (tool(required=("customer", "lines", "due")), False),
        (tool(**without("due")), False),
    ],
)
def test_only_what_means_the_same_is_taken_as_it_is(now: Tool, fits: bool) -> None:
    assert all(change.fits for change in tool_changes(tool(), now)) is fits


def test_items_of_lists_are_compared_too() -> None:
    now = other(lines=lines_with(product={"type": "string"}, qty={"type": "number"}, required=["product"]))
    assert [str(change) for change in tool_changes(tool(), now)] == [
        "draft_invoice.lines[].item: argument renamed: item → product",
        "draft_invoice.lines[].qty: type changed: integer → number",
    ]


def test_a_change_of_type_does_not_hide_another() -> None:
    was, now = (tool(a={"type": kind, "format": unit}, required=()) for kind, unit in (("integer", "cents"), ("number", "euros")))
    assert [(change.kind, change.fits) for change in tool_changes(was, now)] == [("type changed", True), ("other", False)]


def test_a_rename_is_followed_into_what_belongs_together() -> None:
    def either(name: str) -> Tool:
        properties = {name: {"type": "string", "x-kind": "order"}, "customer": {"type": "string"}}
        parameters = {"type": "object", "properties": properties, "anyOf": [{"required": [name], "description": name}]}
        return read_toolset("t", [{"name": "bill", "parameters": parameters}]).tools[0]

    assert [change.kind for change in tool_changes(either("order"), either("order_number"))] == ["argument renamed"]


def test_two_that_are_alike_are_not_taken_for_renamed() -> None:
    was, now = tool(a={"type": "string"}, b={"type": "string"}, required=()), tool(c={"type": "string"}, required=())
    assert [change.kind for change in tool_changes(was, now)] == ["argument removed", "argument removed", "argument added"]


def toolset(*tools: Tool) -> Toolset:
    return Toolset(name="t", tools=tools)


ECHO = Tool(name="echo", parameters={"type": "object", "properties": {"text": {"type": "string"}}})


def test_tools_come_go_and_are_renamed() -> None:
    was = toolset(tool(), ECHO)
    now = toolset(tool(name="create_invoice"), tool(name="new", size={"type": "number"}, required=()))
    assert [str(change) for change in toolset_changes(was, now)] == [
        "draft_invoice: tool renamed: draft_invoice → create_invoice",
        "echo: tool removed",
        "new: tool added",
    ]


CALL = ToolCall(name="draft_invoice", arguments={"customer": "Acme", "lines": [{"item": "P1", "qty": 2}], "due": "2026-01-02"})


def test_a_call_goes_through_renames_casts_values_and_defaults() -> None:
    migration = ToolMigration(
        becomes="create_invoice",
        arguments={"customer": "client", "lines[].item": "product", "due": None},
        casts={"lines[].qty": "string"},
        values={"customer": {"Acme": "ACME Ltd"}},
        defaults={"currency": "EUR"},
    )
    assert migrated(CALL, [migration]) == ToolCall(
        name="create_invoice",
        arguments={"currency": "EUR", "client": "ACME Ltd", "lines": [{"product": "P1", "qty": "2"}]},
    )


@pytest.mark.parametrize(
    ("cast", "value", "becomes"),
    [
        ("integer", "12", 12),
        ("integer", "12.5", "12.5"),
        ("number", "12.5", 12.5),
        ("number", "a dozen", "a dozen"),
        ("string", 3, "3"),
        ("boolean", "yes", True),
        ("boolean", "perhaps", "perhaps"),
        ("integer", "1e999", "1e999"),
        ("integer", "9007199254740993", 9007199254740993),
        ("number", "12345678901234567890", 12345678901234567890),
        ("number", "nan", "nan"),
        ("number", "1_000", "1_000"),
        ("string", None, None),
        ("integer", True, True),
    ],
)
def test_what_cannot_be_cast_stays_as_it_was(cast: Any, value: Any, becomes: Any) -> None:
    migration = ToolMigration(becomes="t", casts={"a": cast})
    assert migrated(ToolCall(name="t", arguments={"a": value}), [migration]).arguments == {"a": becomes}


def test_the_way_goes_over_what_was_declared_and_what_fits_by_itself() -> None:
    first, renamed = tool(), tool(**without("due", due_date=INVOICE["due"]))
    wider = tool(**without("due", due_date=INVOICE["due"], note={"type": "string"}))
    versions = [toolset(first), toolset(renamed), toolset(wider)]
    now = frozenset([wider.schema_hash])
    assert way_to_now(first.schema_hash, now, edges_between(versions, {})) is None
    assert way_to_now(renamed.schema_hash, now, edges_between(versions, {})) == [ToolMigration(becomes="draft_invoice")]
    declared = {first.schema_hash: [(renamed.schema_hash, proposed_migrations(versions[0], versions[1])["draft_invoice"])]}
    way = way_to_now(first.schema_hash, now, edges_between(versions, declared))
    assert way is not None and migrated(CALL, way).arguments["due_date"] == "2026-01-02"
    assert way_to_now(wider.schema_hash, now, edges_between(versions, declared)) == []


def test_declared_migrations_in_a_circle_end() -> None:
    a, b = tool(), tool(**without("due"))
    back_and_forth = {a.schema_hash: [(b.schema_hash, ToolMigration(becomes="draft_invoice"))], b.schema_hash: [(a.schema_hash, ToolMigration(becomes="draft_invoice"))]}  # fmt: skip
    assert way_to_now(a.schema_hash, frozenset(["elsewhere"]), back_and_forth) is None


def test_only_what_says_itself_is_proposed() -> None:
    was = toolset(tool(), ECHO)
    assert proposed_migrations(was, toolset(tool(name="create_invoice"), ECHO)) == {
        "draft_invoice": ToolMigration(becomes="create_invoice")
    }
    assert proposed_migrations(was, toolset(other(due={"type": "integer"}), ECHO)) == {}
    assert proposed_migrations(was, toolset(tool(**without("due", must={"type": "integer"}), required=("must",)), ECHO)) == {}
    assert proposed_migrations(was, toolset(tool(**without("unit")), ECHO)) == {}, "five boxes would become five pieces"


def test_a_tool_of_another_risk_or_without_arguments_is_not_taken_for_renamed() -> None:
    def named(name: str, risk: str, **properties: Any) -> Tool:
        return read_toolset(
            "t", [{"name": name, "x-risk": risk, "parameters": {"type": "object", "properties": properties}}]
        ).tools[0]

    order = {"order": {"type": "string"}}
    assert counterparts(toolset(named("show", "read", **order)), toolset(named("delete", "destructive", **order))) == {}
    assert counterparts(toolset(named("close_day", "write")), toolset(named("open_day", "write"))) == {}
    assert counterparts(toolset(named("show", "read", **order)), toolset(named("display", "read", **order))) == {
        "show": "display"
    }


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "expected an object"),
        ({"nothing": {"becomes": "draft_invoice"}}, "f: nothing: no tool of then; there were draft_invoice"),
        ({"draft_invoice": {}}, r"f: draft_invoice.becomes: Field required"),
        ({"draft_invoice": {"becomes": "gone"}}, "becomes: no tool 'gone' now"),
        ({"draft_invoice": {"becomes": "draft_invoice", "arguments": {"lines[].sku": "x"}}}, r"no argument 'lines\[\].sku' then"),
        ({"draft_invoice": {"becomes": "draft_invoice", "casts": {"due": "date"}}}, "draft_invoice.casts.due: Input should be"),
        ({"draft_invoice": {"becomes": "draft_invoice", "defaults": {"x": 1}}}, "has no argument 'x' now"),
        ({"draft_invoice": {"becomes": "draft_invoice", "arguments": {"customer": "clinet"}}}, "customer would become 'clinet', which is not"),
        ({"draft_invoice": {"becomes": "draft_invoice", "arguments": {"customer": "note"}}}, "customer and note would both become note"),
        ({"draft_invoice": {"becomes": "draft_invoice", "casts": {"tags": "string"}}}, r"tags is an array; cast or swap what it holds"),
        ({"echo": {"becomes": "echo"}}, "nothing of echo but its words has changed"),
    ],
)  # fmt: skip
def test_a_migration_that_names_what_is_not_there_is_refused(raw: Any, message: str) -> None:
    tags = {"tags": {"type": "array", "items": {"type": "integer"}}, "note": {"type": "string"}}
    was, now = toolset(other(**tags), ECHO), toolset(other(**tags, more={"type": "string"}), ECHO)
    with pytest.raises(BadInput, match=message):
        read_migrations(raw, was, now, "f")


def test_what_lists_hold_can_be_migrated() -> None:
    def rows(kind: str, name: str) -> Tool:
        inner = {"type": "array", "items": {"type": "object", "properties": {name: {"type": "string"}}}}
        return tool(tags={"type": "array", "items": {"type": kind}}, rows={"type": "array", "items": inner}, required=())

    raw = {"draft_invoice": {"becomes": "draft_invoice", "casts": {"tags[]": "string"}, "arguments": {"rows[][].a": "b"}}}
    migration = read_migrations(raw, toolset(rows("integer", "a")), toolset(rows("string", "b")), "f")["draft_invoice"]
    call = ToolCall(name="draft_invoice", arguments={"tags": [1, 2], "rows": [[{"a": "x"}], []]})
    assert migrated(call, [migration]).arguments == {"tags": ["1", "2"], "rows": [[{"b": "x"}], []]}


def test_going_back_and_forth_between_versions_loses_no_way() -> None:
    a, b, c = tool(), tool(**without("due")), other(note={"type": "string"})
    ways = edges_between([toolset(b), toolset(a), toolset(c)], {})
    assert way_to_now(a.schema_hash, frozenset([c.schema_hash]), ways) == [ToolMigration(becomes="draft_invoice")]
    absent = edges_between([toolset(a), toolset(ECHO), toolset(c)], {})
    assert way_to_now(a.schema_hash, frozenset([c.schema_hash]), absent) == [ToolMigration(becomes="draft_invoice")]
