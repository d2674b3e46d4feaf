"""Whether arguments fit a tool's schema (JSON Schema 2020-12, by `jsonschema`)."""

from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from core.types.tool import Tool


def argument_error(tool: Tool, arguments: dict[str, Any], complete: bool = True) -> str | None:
    """The first problem of `arguments`, or None when they fit.

    Args:
        tool: The tool they are for.
        arguments: What was written.
        complete: Whether required arguments must be there; False for a call as far as it was said.
    """
    unknown = [name for name in arguments if name not in tool.properties]
    if unknown:
        return f"unknown argument {unknown[0]!r}; known: {', '.join(tool.properties) or 'none'}"
    for error in sorted(_validator(tool.schema_hash, tool).iter_errors(arguments), key=lambda e: list(map(str, e.path))):
        if error.validator in ("required", "anyOf") and not error.path and not complete:
            continue
        place = ".".join(map(str, error.path)) or "arguments"
        return f"{place}: {error.message[:160]}"
    return None


class _HashableTool:
    """Lets a validator be cached by schema hash, which names exactly what it was built from."""

    def __init__(self, key: str, tool: Tool) -> None:
        self.key, self.tool = key, tool

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _HashableTool) and other.key == self.key


def _validator(key: str, tool: Tool) -> Draft202012Validator:
    return _build(_HashableTool(key, tool))


@lru_cache(maxsize=1024)
def _build(keyed: _HashableTool) -> Draft202012Validator:
    return Draft202012Validator(keyed.tool.parameters)
