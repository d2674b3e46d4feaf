"""An operation: one typed thing an ERP can be asked to do, before any system that does it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ToolError
from core.types.tool import Risk, Tool, read_toolset
from core.types.value import Value
from tools.erp.operations.kinds import schema_of
from tools.trust import Trust


class Arguments(BaseModel):
    """What an operation is called with; its docstring is what people and models read about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Result(BaseModel):
    """What comes back."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Operation(Value):
    """One operation and everything about it that does not depend on the system behind it."""

    name: str
    """As tools are called: a verb and its object."""
    risk: Risk
    """`read` changes nothing; `write` can be undone or reversed in the books; `destructive` moves money or trust."""
    arguments: type[Arguments]
    """What it takes."""
    result: type[Result]
    """What it gives back."""
    says: str
    """The reply to a person, a `str.format` template over the result's fields."""

    @cached_property
    def tool(self) -> Tool:
        """The operation as a language model sees it."""
        return read_toolset("erp", [self.function]).tools[0]

    @property
    def function(self) -> dict[str, Any]:
        """The operation as one entry of an OpenAI `tools` array."""
        schema = schema_of(self.arguments)
        schema.pop("additionalProperties", None)
        description = str(schema.pop("description", ""))
        schema.setdefault("required", [])
        return {"name": self.name, "description": description, "parameters": schema, "x-risk": self.risk}

    @property
    def trust(self) -> dict[str, Trust]:
        """How far each field of the result is trusted, by dotted path; items of a list count as their field."""
        return dict(_trust(schema_of(self.result), ""))

    def read(self, arguments: Mapping[str, Any]) -> Arguments:
        """Validate resolved arguments.

        Raises:
            ToolError: Names the field, the value and what was expected.
        """
        try:
            return self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "arguments"
            given = "" if first["type"] == "missing" else f" {first['input']!r:.80}"
            raise ToolError(f"{self.name}: {place}{given}: {first['msg']}", field=place, value=first["input"]) from error

    def reply(self, result: Result) -> str:
        """The result in words."""
        return self.says.format(**{name: _in_words(value) for name, value in result.model_dump(mode="json").items()})


def _trust(schema: Mapping[str, Any], path: str) -> list[tuple[str, Trust]]:
    if schema.get("type") == "array":
        return _trust(schema["items"], path)
    if "properties" in schema:
        inner = [_trust(part, f"{path}.{name}" if path else name) for name, part in schema["properties"].items()]
        return [entry for entries in inner for entry in entries]
    return [(path, "tainted" if schema.get("x-trust") == "tainted" else "clean")]


def _in_words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return "; ".join(map(_in_words, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items() if part is not None)
    return str(value)
