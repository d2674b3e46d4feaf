"""What changed between two versions of a tool: arguments and their types by path, renames by likeness."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.types.schema_change import ChangeKind, SchemaChange, ToolMigration
from core.types.tool import Tool, Toolset, schema_type, without_prose

_TOLD_APART = ("type", "enum", "properties", "items", "required", "anyOf", "oneOf", "description", "title", "examples")
"""Of a schema, what is compared by other means, or is prose."""
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
           "minItems", "maxItems", "uniqueItems", "additionalProperties")  # fmt: skip
"""What a call is within or not, whatever it means."""
_KIND = "x-kind"
"""Which names fill an argument: to say so, or no longer, changes no call; to say another does."""
_SAID_BY_ITSELF: tuple[ChangeKind, ...] = ("tool renamed", "argument renamed", "choices changed", "became required")


def toolset_changes(was: Toolset, now: Toolset) -> list[SchemaChange]:
    """All differences, in the order of the tools of then, new tools last."""
    became = counterparts(was, now)
    changes = [change for tool in was.tools for change in _of_tool(tool, now.by_name.get(became.get(tool.name, "")))]
    known = set(became.values())
    changes.extend(SchemaChange(kind="tool added", tool=tool.name, fits=True) for tool in now.tools if tool.name not in known)
    return changes


def counterparts(was: Toolset, now: Toolset) -> dict[str, str]:
    """What each tool of then is called now; one that is gone is not there.

    A tool whose name is gone was renamed where just one new tool of the same risk takes the same arguments, one at least, and no
    other tool that is gone does.
    """
    gone = {tool.name: tool for tool in was.tools if tool.name not in now.by_name}
    new = {tool.name: tool for tool in now.tools if tool.name not in was.by_name}
    renamed = _pairs(*({name: _signature(tool) for name, tool in tools.items() if tool.properties} for tools in (gone, new)))
    return {tool.name: tool.name for tool in was.tools if tool.name in now.by_name} | renamed


def argument_paths(tool: Tool) -> dict[str, str]:
    """The type of every argument of a tool by its dotted path, what it holds after it: `lines`, `lines[]`, `lines[].item`."""
    return dict(_paths("", tool.parameters))


def _paths(path: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, inner in dict(schema.get("properties") or {}).items():
        yield from _paths_from(f"{path}{name}", inner)


def _paths_from(place: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = schema_type(schema)
    yield place, kind
    if kind == "object":
        yield from _paths(f"{place}.", schema)
    elif kind == "array":
        yield from _paths_from(f"{place}[]", schema["items"])


def tool_changes(was: Tool, now: Tool) -> list[SchemaChange]:
    """Differences of two tools of one purpose, whatever their names; empty where nothing but prose differs."""
    changes = [
        *_object_changes(was.name, "", was.parameters, now.parameters),
        *_other_changes(was.name, "", was.parameters, now.parameters),
    ]
    if not changes and without_prose(was.parameters) != without_prose(now.parameters):
        changes.append(SchemaChange(kind="other", tool=was.name))
    return changes


def proposed(was: Tool, now: Tool, changes: Sequence[SchemaChange]) -> ToolMigration | None:
    """The migration that the changes say by themselves; calls that do not fit after it are dropped one by one.

    None where a person has to say more: a new argument must be there, one is gone, a type or the meaning may have changed.
    """
    if any(not change.fits and change.kind not in _SAID_BY_ITSELF for change in changes):
        return None
    renamed: dict[str, str | None] = {change.argument: change.now for change in changes if change.kind == "argument renamed"}
    return ToolMigration(becomes=now.name, arguments=renamed, optional=no_longer_needed(changes))


def no_longer_needed(changes: Sequence[SchemaChange]) -> tuple[str, ...]:
    """Arguments of then that need not be said any more, or are gone: who asked for them would not now."""
    return tuple(change.argument for change in changes if change.kind in ("became optional", "argument removed"))


def _of_tool(was: Tool, now: Tool | None) -> list[SchemaChange]:
    if now is None:
        return [SchemaChange(kind="tool removed", tool=was.name)]
    renamed = [SchemaChange(kind="tool renamed", tool=was.name, was=was.name, now=now.name)] if was.name != now.name else []
    return [*renamed, *tool_changes(was, now)]


def _object_changes(tool: str, path: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[SchemaChange]:
    old, new = dict(was.get("properties") or {}), dict(now.get("properties") or {})
    gone = {name: schema for name, schema in old.items() if name not in new}
    come = {name: schema for name, schema in new.items() if name not in old}
    renamed = _pairs(gone, come)
    needed, needed_before = set(now.get("required") or ()), set(was.get("required") or ())
    for name, schema in old.items():
        place = f"{path}{name}"
        if name in renamed:
            yield SchemaChange(kind="argument renamed", tool=tool, argument=place, was=name, now=renamed[name])
        elif name in gone:
            yield SchemaChange(kind="argument removed", tool=tool, argument=place)
        else:
            yield from _leaf_changes(tool, place, schema, new[name])
        now_called = renamed.get(name, name)
        if now_called in needed and name not in needed_before:
            yield SchemaChange(kind="became required", tool=tool, argument=place)
        if name in needed_before and now_called in new and now_called not in needed:
            yield SchemaChange(kind="became optional", tool=tool, argument=place, fits=True)
    for name in come:
        if name not in renamed.values():
            must = name in needed
            yield SchemaChange(
                kind="argument added", tool=tool, argument=f"{path}{name}", now="required" if must else "optional", fits=not must
            )
    if _branches(was, renamed) != _branches(now, {}):
        yield SchemaChange(kind="other", tool=tool, argument=path.rstrip("."), was="which belong together", now="others")


def _branches(schema: Mapping[str, Any], renamed: Mapping[str, str]) -> Any:
    """Which arguments have to be there together, by their names of now, and whatever else stands in `anyOf` and `oneOf`."""

    def named(branch: Any) -> Any:
        if isinstance(branch, Mapping) and isinstance(branch.get("required"), list):
            return {**without_prose(branch), "required": sorted(renamed.get(name, name) for name in branch["required"])}
        return without_prose(branch)

    return [[named(branch) for branch in schema.get(key) or ()] for key in ("anyOf", "oneOf")]


def _leaf_changes(tool: str, place: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[SchemaChange]:
    type_was, type_now = schema_type(was), schema_type(now)
    if type_was != type_now:
        wider = (type_was, type_now) == ("integer", "number")
        yield SchemaChange(kind="type changed", tool=tool, argument=place, was=type_was, now=type_now, fits=wider)
    elif type_was == "object":
        yield from _object_changes(tool, f"{place}.", was, now)
    elif type_was == "array":
        yield from _leaf_changes(tool, f"{place}[]", was["items"], now["items"])
    choices_was, choices_now = was.get("enum"), now.get("enum")
    if choices_was != choices_now:
        fits = choices_now is None or (choices_was is not None and set(map(repr, choices_was)) <= set(map(repr, choices_now)))
        yield SchemaChange(
            kind="choices changed", tool=tool, argument=place, was=_listed(choices_was), now=_listed(choices_now), fits=fits
        )
    if type_was != "object" and _branches(was, {}) != _branches(now, {}):
        yield SchemaChange(kind="other", tool=tool, argument=place, was="anyOf, oneOf", now="others")
    yield from _other_changes(tool, place, was, now)


def _other_changes(tool: str, place: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[SchemaChange]:
    rest_was, rest_now = _rest(was), _rest(now)
    for key in sorted(rest_was.keys() | rest_now.keys()):
        if rest_was.get(key) != rest_now.get(key):
            said_was, said_now = (f"{key} {rest[key]}" if key in rest else "" for rest in (rest_was, rest_now))
            fits = key in _BOUNDS or (key == _KIND and not (said_was and said_now))
            yield SchemaChange(kind="other", tool=tool, argument=place, was=said_was, now=said_now, fits=fits)


def _pairs(gone: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """New name by old one, where one that went and one that came are alike and like no other."""
    shapes_gone, shapes_new = ({name: without_prose(schema) for name, schema in each.items()} for each in (gone, new))
    pairs = {}
    for name, shape in shapes_gone.items():
        alike = [other for other, its in shapes_new.items() if its == shape]
        if len(alike) == 1 and sum(its == shape for its in shapes_gone.values()) == 1:
            pairs[name] = alike[0]
    return pairs


def _signature(tool: Tool) -> list[Any]:
    return [tool.risk, tool.parameters]


def _rest(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds, patterns, kinds and the like."""
    return {key: value for key, value in schema.items() if key not in _TOLD_APART}


def _listed(choices: Sequence[Any] | None) -> str:
    return "" if choices is None else ", ".join(map(str, choices))
