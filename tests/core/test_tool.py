"""Toolsets: which schemas are read, which are refused by name, and what is missing from a call."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ToolsetError
from core.types.tool import Tool, Toolset, read_toolset


def tool(parameters: dict[str, Any] | None = None, name: str = "book", **rest: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters or {}, **rest}}


def one(parameters: dict[str, Any]) -> Tool:
    return read_toolset("t", [tool({"type": "object", **parameters})]).tools[0]


def test_references_into_the_schema_are_inlined() -> None:
    read = one(
        {
            "properties": {"to": {"$ref": "#/$defs/place"}, "via": {"type": "array", "items": {"$ref": "#/$defs/place"}}},
            "$defs": {"place": {"type": "object", "properties": {"city": {"$ref": "#/$defs/name"}}}, "name": {"type": "string"}},
        }
    )
    place = {"type": "object", "properties": {"city": {"type": "string"}}}
    assert read.parameters == {"type": "object", "properties": {"to": place, "via": {"type": "array", "items": place}}}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"properties": {"a": {"$ref": "#/$defs/node"}}, "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}, "recursive"),
        ({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}, "recursive"),
        ({"properties": {"a": {"$ref": "#/$defs/nothing"}}}, "points to nothing"),
        ({"properties": {"a": {"$ref": "https://example.org/a.json"}}}, "does not point into the schema"),
        ({"properties": {"a": {"type": "null"}}}, "a: type 'null'"),
        ({"properties": {"a": {"type": "object"}}}, "a: an object without declared properties"),
        ({"properties": {"a": {"type": "array"}}}, "a: an array needs one schema"),
        ({"properties": {"a": {"type": "array", "items": {"type": "file"}}}}, "a[]: type 'file'"),
        ({"properties": {"a": {"type": "object", "properties": {"b": {"type": "null"}}}}}, "a.b: type 'null'"),
        ({"properties": {"a": 5}}, "a: expected a schema object, got 5"),
        ({"properties": {"a": {"anyOf": 5}}}, "a: anyOf must be an array of schemas, got 5"),
        ({"properties": {"a": {"type": "array", "items": {"oneOf": {}}}}}, "a[]: oneOf must be an array"),
        ({"properties": {"a": {"type": "string"}}, "anyOf": 5}, "schema: anyOf: 5 is not of type 'array'"),
        ({"properties": {"a": {"type": "string", "enum": "x"}}}, "schema: properties.a.enum"),
        ({"properties": {"a": {"type": "string"}}, "required": "a"}, "schema: required"),
        ({"properties": ["a"]}, "expected an object schema"),
        ({"type": "array"}, "expected an object schema"),
    ],
)  # fmt: skip
def test_a_schema_no_grammar_can_write_is_refused_by_tool_and_place(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolsetError, match="tool book") as caught:
        one(parameters)
    assert said in str(caught.value)


@pytest.mark.parametrize("key", ["anyOf", "oneOf"])
def test_what_may_be_left_null_is_what_it_else_is(key: str) -> None:
    """How Pydantic writes `Optional`: enum, format and items are to be seen."""

    def optional(**schema: Any) -> dict[str, Any]:
        return {key: [schema, {"type": "null"}], "default": None}

    due, prio, lines = (
        optional(type="string", format="date"),
        optional(type="string", enum=["low"]),
        optional(type="array", items={"type": "string"}),
    )
    read = one({"properties": {"due": due, "prio": prio, "lines": lines, "one": optional(const=1)}}).properties
    assert read["due"] == {"type": ["string", "null"], "format": "date", "default": None}
    assert read["prio"] == {"type": ["string", "null"], "enum": ["low", None], "default": None}
    assert read["lines"] == {"type": ["array", "null"], "items": {"type": "string"}, "default": None}
    assert read["one"]["enum"] == [1, None]


def test_branches_of_two_kinds_stay_as_they_are() -> None:
    either = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}
    assert one({"properties": {"a": either}}).properties["a"] == either


def test_an_argument_may_be_called_like_a_keyword() -> None:
    properties = {name: {"type": "string"} for name in ("definitions", "$defs", "$ref", "properties", "anyOf")}
    assert one({"properties": properties}).properties == properties


def test_escapes_in_a_reference_are_followed() -> None:
    definitions = {"a/b": {"type": "string"}, "c~d": {"type": "number"}, "e f": {"type": "boolean"}}
    references = {"x": "#/$defs/a~1b", "y": "#/$defs/c~0d", "z": "#/$defs/e%20f"}
    read = one({"properties": {name: {"$ref": reference} for name, reference in references.items()}, "$defs": definitions})
    assert read.properties == {"x": {"type": "string"}, "y": {"type": "number"}, "z": {"type": "boolean"}}


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([], "non-empty"),
        ({}, "non-empty"),
        ("tools", "non-empty"),
        (None, "non-empty"),
        ([tool(), tool()], "'book' is declared twice"),
        ([tool(), {"function": {"parameters": {}}}], "tools[1]: expected a function with a name"),
        ([tool(name="two words")], "'two words' is not an identifier"),
        ([tool(name="a\n")], "is not an identifier"),
        ([7], "tools[0]"),
        ([tool(**{"x-risk": "fatal"})], "x-risk 'fatal'"),
    ],
)
def test_an_empty_double_or_nameless_toolset_is_refused(tools: Any, said: str) -> None:
    with pytest.raises(ToolsetError) as caught:
        read_toolset("shop", tools)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["", "-a", "a b", "../etc", "a" * 65, "a\n"])
def test_a_toolset_name_that_could_not_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ToolsetError, match="toolset name"):
        read_toolset(name, [tool()])


@pytest.mark.parametrize(
    ("vocabulary", "said"),
    [
        ([], "expected an object of kinds"),
        ({"city": ["Rome"]}, "vocabulary.city"),
        ({"city": {"names": [5]}}, "must be strings"),
        ({"city": {"names": 5}}, "must be strings"),
        ({"city": {"names": "Rome"}}, "must be strings"),
        ({"id": {"patterns": ["("]}}, "does not compile"),
        ({"id": {"patterns": ["(?i)so\\d+"]}}, "does not compile"),
    ],
)
def test_a_vocabulary_that_cannot_be_used_is_refused_by_kind(vocabulary: Any, said: str) -> None:
    with pytest.raises(ToolsetError) as caught:
        read_toolset("shop", [tool()], vocabulary)
    assert said in str(caught.value)


def test_risk_is_write_unless_declared() -> None:
    read = read_toolset("t", [tool(), tool(name="look", **{"x-risk": "read"}), {"name": "bare"}])
    assert {t.name: t.risk for t in read.tools} == {"book": "write", "look": "read", "bare": "write"}


@pytest.mark.parametrize(
    ("parameters", "arguments", "missing"),
    [
        ({"required": ["b", "a"]}, {}, "a"),
        ({"required": ["b", "a"]}, {"a": 1}, "b"),
        ({"required": ["b", "a"]}, {"a": 1, "b": 0}, None),
        ({}, {}, None),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}]}, {}, "a"),
        ({"anyOf": [{"required": ["b", "c"]}, {"required": ["a"]}]}, {}, "b"),
        ({"anyOf": [{"required": ["b", "c"]}, {"required": ["a"]}]}, {"b": 1}, "c"),
        ({"anyOf": [{"required": ["b", "c"]}, {"required": ["a"]}]}, {"a": 1}, None),
        ({"anyOf": [{"required": ["b", "c"]}, {"required": ["a"]}]}, {"b": 1, "c": 1}, None),
        ({"required": ["c"], "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, "c"),
        ({"required": ["c"], "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"c": 1}, "a"),
        ({"required": ["zz"]}, {}, "zz"),
        ({"anyOf": [{"required": ["a"]}, {}]}, {}, None),
        ({"anyOf": [{"required": ["a"]}, True]}, {}, None),
    ],
)
def test_the_first_unmet_argument_is_named_in_schema_order(
    parameters: dict[str, Any], arguments: dict[str, Any], missing: str | None
) -> None:
    properties = {name: {"type": "string"} for name in "abc"}
    assert one({"properties": properties, **parameters}).first_unmet(arguments) == missing


def described(prose: str) -> Tool:
    place = {
        "type": "object",
        "title": prose,
        "properties": {"city": {"type": "string", "description": prose, "examples": [prose]}},
    }
    raw = tool({"type": "object", "description": prose, "properties": {"to": place}}, description=prose)
    return read_toolset("t", [raw]).tools[0]


@settings(max_examples=40, deadline=None)
@given(st.text(), st.text())
def test_the_schema_hash_ignores_prose(one_prose: str, other_prose: str) -> None:
    assert described(one_prose).schema_hash == described(other_prose).schema_hash


@pytest.mark.parametrize("name", ["description", "title", "examples", "properties", "note"])
def test_the_schema_hash_changes_with_any_argument_whatever_it_is_called(name: str) -> None:
    plain = one({"properties": {"to": {"type": "string"}}})
    more = one({"properties": {"to": {"type": "string"}, name: {"type": "string"}}})
    other = one({"properties": {"to": {"type": "string"}, name: {"type": "number"}}})
    assert len({plain.schema_hash, more.schema_hash, other.schema_hash}) == 3


def test_the_version_is_the_same_for_the_same_content_only() -> None:
    first, again = read_toolset("t", [tool()], {"a": {"names": ["x"]}}), read_toolset("t", [tool()], {"a": {"names": ["x"]}})
    assert first.version == again.version
    assert first.version != read_toolset("t", [tool()], {"a": {"names": ["y"]}}).version
    assert Toolset.model_validate(first.model_dump(mode="json")) == first
