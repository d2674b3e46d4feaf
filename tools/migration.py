"""Calls of a tool as it was, written as calls of the tool as it is now."""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import pairwise
from typing import Any

from core.types.message import Message, ToolCall
from core.types.prediction import Ask
from core.types.schema_change import Cast, ToolMigration
from core.types.tool import Toolset
from core.types.value import is_number
from tools.schema_changes import no_longer_needed, tool_changes

_INTEGER, _DECIMAL = re.compile(r"-?\d+"), re.compile(r"-?\d+\.\d+")
Edges = Mapping[str, Sequence[tuple[str, ToolMigration]]]
"""By schema hash of then: the schema hash that a migration leads to, and the migration."""
Ways = Mapping[str, Sequence[ToolMigration]]
"""By a tool's name of then: what leads from it to now; a tool that is not there stays as it is."""


def way_to_now(schema: str, now: Set[str], edges: Edges) -> list[ToolMigration] | None:
    """The shortest row of migrations from a tool's schema of then to one that there is now.

    Args:
        schema: Schema hash of then.
        now: Schema hashes of the tools there are.
        edges: What was declared, and what fits by itself.

    Returns:
        Empty where nothing changed; None where no row of them leads here.
    """
    ways: deque[tuple[str, list[ToolMigration]]] = deque([(schema, [])])
    seen = {schema}
    while ways:
        here, way = ways.popleft()
        if here in now:
            return way
        for there, migration in edges.get(here, ()):
            if there not in seen:
                seen.add(there)
                ways.append((there, [*way, migration]))
    return None


def edges_between(versions: Sequence[Toolset], declared: Edges) -> Edges:
    """What was declared, and what fits by itself.

    Args:
        versions: Of one toolset, the oldest first.
        declared: By people.
    """
    edges: dict[str, list[tuple[str, ToolMigration]]] = {schema: list(there) for schema, there in declared.items()}
    seen = set[tuple[str, str]]()
    for was, now in (*pairwise(versions), *((was, versions[-1]) for was in versions[:-1])):
        for tool in was.tools:
            same = now.by_name.get(tool.name)
            way = (tool.schema_hash, same.schema_hash) if same is not None else None
            if same is None or way is None or way in seen or way[0] == way[1]:
                continue
            seen.add(way)
            changes = tool_changes(tool, same)
            if all(change.fits for change in changes):
                migration = ToolMigration(becomes=same.name, optional=no_longer_needed(changes))
                edges.setdefault(way[0], []).append((way[1], migration))
    return edges


def path_now(path: str, migration: ToolMigration) -> str | None:
    """What a path of then is now; None where it, or what it lies in, is dropped."""
    parts = path.split(".")
    renamed = []
    for at, part in enumerate(parts):
        bare = part.rstrip("[]")
        name = migration.arguments.get(".".join([*parts[:at], bare]), bare)
        if name is None:
            return None
        renamed.append(name + part[len(bare) :])
    return ".".join(renamed)


def asked_now(argument: str, way: Sequence[ToolMigration]) -> str | None:
    """What a question asked for, by its name of now; None where it is gone or need not be said any more."""
    name: str | None = argument
    for migration in way:
        if name is None or name in migration.optional:
            return None
        name = path_now(name, migration)
    return name


def migrated(call: ToolCall, way: Sequence[ToolMigration]) -> ToolCall:
    """A call through a row of migrations; one whose value cannot be cast keeps it, and will not fit."""
    for migration in way:
        moved = _moved(call.arguments, "", migration)
        call = call.model_copy(update={"name": migration.becomes, "arguments": {**migration.defaults, **moved}})
    return call


def calls_now(calls: Sequence[ToolCall], ways: Ways) -> tuple[ToolCall, ...]:
    """Calls of then as calls of now."""
    return tuple(migrated(call, ways.get(call.name, ())) for call in calls)


def messages_now(messages: Sequence[Message], ways: Ways) -> tuple[Message, ...]:
    """A conversation with its calls as calls of now."""
    return tuple(
        message.model_copy(update={"tool_calls": calls_now(message.tool_calls, ways)}) if message.tool_calls else message
        for message in messages
    )


def ask_now(ask: Ask, ways: Ways) -> Ask | None:
    """A question about a call of then as one about a call of now; None where what it asks for need not be said any more."""
    way = ways.get(ask.tool, ())
    missing, partial = asked_now(ask.missing, way), migrated(ToolCall(name=ask.tool, arguments=ask.arguments), way)
    return Ask(tool=partial.name, missing=missing, arguments=partial.arguments) if missing is not None else None


def _moved(value: Any, path: str, migration: ToolMigration) -> Any:
    if isinstance(value, Mapping):
        prefix = f"{path}." if path else ""
        return {
            name: _moved(inner, f"{prefix}{key}", migration)
            for key, inner in value.items()
            if (name := migration.arguments.get(f"{prefix}{key}", key)) is not None
        }
    if isinstance(value, list):
        return [_moved(item, f"{path}[]", migration) for item in value]
    said = value if isinstance(value, str) else json.dumps(value)
    value = migration.values.get(path, {}).get(said, value)
    cast = migration.casts.get(path)
    return _cast(value, cast) if cast is not None else value


def _cast(value: Any, cast: Cast) -> Any:
    """The value in another type; as it is where that would not say the same."""
    try:
        return _CASTS[cast](value)
    except (ValueError, TypeError, KeyError, OverflowError):
        return value


def _whole(value: Any) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if is_number(value) and value == int(value):
        return int(value)
    raise ValueError(f"{value!r} is not a whole number")


def _number(value: Any) -> float | int:
    if is_number(value):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return float(value)
    raise ValueError(f"{value!r} is not a number")


def _truth(value: Any) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]


def _text(value: Any) -> str:
    if value is None:
        raise ValueError("nothing is not a text")
    return value if isinstance(value, str) else json.dumps(value)


_CASTS: Mapping[Cast, Callable[[Any], Any]] = {"string": _text, "number": _number, "integer": _whole, "boolean": _truth}
