"""Tools, toolsets and vocabularies: what can be called, and what may fill an argument."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal
from urllib.parse import unquote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field

from core.errors import ToolsetError
from core.types.value import Value, content_hash

Risk = Literal["read", "write", "destructive"]
_MAX_DEPTH = 12


class Vocabulary(Value):
    """What the business system knows of one kind."""

    names: tuple[str, ...] = ()
    """Names of records or enumerated words, matched with case ignored."""
    patterns: tuple[str, ...] = ()
    """Regular expressions of number sequences: full match, case ignored."""
    partial: bool = False
    """Whether a name may also be said in part: "Harlow" for Harlow Ltd, "chairs" for oak chairs."""
    bare: bool = False
    """Whether a number may also be said without what stands before it: "374" for SO-00374."""


class Tool(Value):
    """One typed operation."""

    name: str
    """Unique in its toolset."""
    description: str = ""
    """One sentence for people and for models that read schemas."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """JSON schema of the arguments: an object, `$ref` resolved."""
    risk: Risk = "write"
    """What a wrong call costs; `write` unless declared otherwise."""

    @property
    def properties(self) -> dict[str, Any]:
        """The schema of each argument, in declared order."""
        return dict(self.parameters.get("properties") or {})

    @property
    def schema_hash(self) -> str:
        """Names what the weights learned: changes when name or parameters change, not with descriptions."""
        return content_hash([self.name, without_prose(self.parameters)])

    def first_unmet(self, arguments: Mapping[str, Any]) -> str | None:
        """The first required argument in schema order that was not given.

        `required` counts first; then, where a top-level `anyOf` of `required` lists exists and no branch is met,
        the first unmet argument of the branch listed first.
        """
        required = set(self.parameters.get("required") or ())
        for name in (*self.properties, *sorted(required)):
            if name in required and name not in arguments:
                return str(name)
        branches = [
            (branch.get("required") if isinstance(branch, Mapping) else None) or []
            for branch in self.parameters.get("anyOf") or ()
        ]
        if branches and not any(all(name in arguments for name in branch) for branch in branches):
            return next(str(name) for name in branches[0] if name not in arguments)
        return None


class Toolset(Value):
    """A named, versioned set of tools one adapter is trained for."""

    name: str
    """What people call it."""
    tools: tuple[Tool, ...]
    """At least one; names are unique."""
    vocabulary: dict[str, Vocabulary] = Field(default_factory=dict)
    """Known names and patterns by kind."""

    @cached_property
    def by_name(self) -> dict[str, Tool]:
        """Tools by their name."""
        return {tool.name: tool for tool in self.tools}

    @property
    def version(self) -> str:
        """Content hash of tools and vocabulary: adding the same toolset again is the same version."""
        return content_hash(self.model_dump(mode="json"))

    @cached_property
    def schema_hashes(self) -> dict[str, str]:
        """Schema hash of each tool, as releases and traces record them."""
        return {tool.name: tool.schema_hash for tool in self.tools}


def read_toolset(name: str, tools: Any, vocabulary: Any = None) -> Toolset:
    """Read an OpenAI `tools` array and an optional vocabulary document.

    Args:
        name: The toolset's name: letters, digits, `-`, `_`, `.`.
        tools: Decoded JSON: an array of `{"type": "function", "function": {...}}` or of bare functions.
        vocabulary: Decoded JSON: `{kind: {"names": [...], "patterns": [...]}}`.

    Raises:
        ToolsetError: Empty, duplicate or nameless tools, an impossible schema, or a pattern that does not compile.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,63}", name):
        raise ToolsetError(f"toolset name {name!r}: use up to 64 letters, digits, '-', '_' or '.'")
    if not isinstance(tools, Sequence) or isinstance(tools, str) or not tools:
        raise ToolsetError(f"toolset {name}: expected a non-empty array of tools")
    read = tuple(_read_tool(raw, f"tools[{index}]") for index, raw in enumerate(tools))
    seen: set[str] = set()
    for tool in read:
        if tool.name in seen:
            raise ToolsetError(f"toolset {name}: tool {tool.name!r} is declared twice")
        seen.add(tool.name)
    return Toolset(name=name, tools=read, vocabulary=_read_vocabulary(vocabulary))


def _read_tool(raw: Any, where: str) -> Tool:
    body = raw.get("function", raw) if isinstance(raw, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(body.get("name"), str):
        raise ToolsetError(f"{where}: expected a function with a name")
    name = body["name"]
    if not re.fullmatch(r"[A-Za-z_][\w.-]{0,127}", name):
        raise ToolsetError(f"{where}: tool name {name!r} is not an identifier")
    parameters = body.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(parameters, Mapping):
        raise ToolsetError(f"tool {name}: parameters must be a JSON schema object")
    resolved = _resolve(parameters, parameters, f"tool {name}: parameters", 0)
    _check_object(resolved, f"tool {name}: parameters")
    _check_schema(name, resolved)
    risk = body.get("x-risk", raw.get("x-risk", "write"))
    if risk not in ("read", "write", "destructive"):
        raise ToolsetError(f"tool {name}: x-risk {risk!r} is not read, write or destructive")
    return Tool(name=name, description=str(body.get("description") or ""), parameters=resolved, risk=risk)


def _check_schema(name: str, parameters: Mapping[str, Any]) -> None:
    try:
        Draft202012Validator.check_schema(parameters)
    except SchemaError as error:
        place = ".".join(map(str, error.path)) or "parameters"
        raise ToolsetError(f"tool {name}: schema: {place}: {error.message[:160]}") from error


def _resolve(schema: Any, root: Mapping[str, Any], where: str, depth: int, names: bool = False) -> Any:
    """Inline `$ref` into local definitions; a cycle or a foreign reference is refused.

    `names`: the keys are argument names, and an argument may be called `definitions` or `$ref`.
    """
    if depth > _MAX_DEPTH:
        raise ToolsetError(f"{where}: nested deeper than {_MAX_DEPTH} levels or recursive; no grammar can express it")
    if isinstance(schema, Mapping):
        if "$ref" in schema and not names:
            return _resolve(_follow(schema["$ref"], root, where), root, where, depth + 1)
        resolved = {
            k: _resolve(v, root, f"{where}.{k}", depth + 1, names=k == "properties" and not names)
            for k, v in schema.items()
            if names or k not in ("$defs", "definitions")
        }
        return resolved if names else _with_its_only_branch(resolved)
    if isinstance(schema, list):
        return [_resolve(item, root, where, depth + 1) for item in schema]
    return schema


def _with_its_only_branch(schema: dict[str, Any]) -> dict[str, Any]:
    """What may be one thing or null as that thing, null allowed: how Pydantic writes `Optional[...]` hides enum and format."""
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and all(isinstance(branch, Mapping) for branch in branches):
            real = [branch for branch in branches if branch.get("type") != "null"]
            if len(real) == 1 and len(branches) > 1:
                return {**_or_null(real[0]), **{k: v for k, v in schema.items() if k != key}}
    return schema


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    also: dict[str, Any] = {}
    if isinstance(declared := schema.get("type"), str):
        also["type"] = [declared, "null"]
    if isinstance(choices := schema.get("enum", [schema["const"]] if "const" in schema else None), list):
        also["enum"] = [*choices, *([] if None in choices else [None])]
    return {**{k: v for k, v in schema.items() if k != "const"}, **also}


def _follow(reference: Any, root: Mapping[str, Any], where: str) -> Any:
    target: Any = root
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise ToolsetError(f"{where}: $ref {reference!r} does not point into the schema itself")
    for part in (unquote(part).replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")):
        if not isinstance(target, Mapping) or part not in target:
            raise ToolsetError(f"{where}: $ref {reference!r} points to nothing")
        target = target[part]
    return target


def _check_object(schema: Mapping[str, Any], where: str) -> None:
    properties = schema.get("properties", {})
    if schema.get("type", "object") != "object" or not isinstance(properties, Mapping):
        raise ToolsetError(f"{where}: expected an object schema with properties")
    for name, inner in properties.items():
        _check_leaf(inner, f"{where}.{name}")


def _check_leaf(schema: Any, where: str) -> None:
    if not isinstance(schema, Mapping):
        raise ToolsetError(f"{where}: expected a schema object, got {schema!r}")
    for key in ("anyOf", "oneOf"):
        if not isinstance(schema.get(key, []), list):
            raise ToolsetError(f"{where}: {key} must be an array of schemas, got {schema[key]!r}")
    kind = schema_type(schema)
    if kind == "object":
        if not schema.get("properties"):
            raise ToolsetError(f"{where}: an object without declared properties cannot be written by a grammar")
        _check_object(schema, where)
    elif kind == "array":
        if not isinstance(schema.get("items"), Mapping):
            raise ToolsetError(f"{where}: an array needs one schema for its items")
        _check_leaf(schema["items"], f"{where}[]")
    elif kind not in ("string", "number", "integer", "boolean"):
        raise ToolsetError(f"{where}: type {kind!r} cannot be written by a grammar")


def schema_type(schema: Mapping[str, Any]) -> str:
    """The one type of a schema: the first that is not null; an enum or an untyped schema is a string."""
    declared = schema.get("type")
    if isinstance(declared, list):
        declared = next((item for item in declared if item != "null"), "string")
    if declared is None:
        for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            if isinstance(branch, Mapping) and branch.get("type") != "null":
                return schema_type(branch)
        return "object" if "properties" in schema else "string"
    return str(declared)


def is_of_type(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a scalar value, not null, is of the one type of a schema."""
    kind = schema_type(schema)
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return kind == "number" or value == int(value)


def _read_vocabulary(raw: Any) -> dict[str, Vocabulary]:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise ToolsetError("vocabulary: expected an object of kinds")
    read = {}
    for kind, entry in raw.items():
        if not isinstance(entry, Mapping):
            raise ToolsetError(f"vocabulary.{kind}: expected an object with names or patterns")
        names, patterns = entry.get("names") or [], entry.get("patterns") or []
        if not all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in (names, patterns)):
            raise ToolsetError(f"vocabulary.{kind}: names and patterns must be strings")
        for pattern in patterns:
            try:
                re.compile(f"(?:{pattern})")  # as it is used: global flags are refused here, not in every request
            except re.error as error:
                raise ToolsetError(f"vocabulary.{kind}: pattern {pattern!r} does not compile: {error}") from error
        flags = {flag: entry.get(flag, False) for flag in ("partial", "bare")}
        for flag, value in flags.items():
            if not isinstance(value, bool):
                raise ToolsetError(f"vocabulary.{kind}: {flag} must be true or false, got {value!r}")
        read[str(kind)] = Vocabulary(names=tuple(names), patterns=tuple(patterns), **flags)
    return read


def without_prose(schema: Any, names: bool = False) -> Any:
    """A schema as it is compared: what people read aside. `names`: the keys are argument names, and one may be `description`."""
    if isinstance(schema, Mapping):
        return {
            k: without_prose(v, names=k == "properties" and not names)
            for k, v in schema.items()
            if names or k not in ("description", "title", "examples")
        }
    if isinstance(schema, list):
        return [without_prose(item) for item in schema]
    return schema
