"""Migrations to be declared: as a file says them, or as the changes say by themselves."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from core.errors import BadInput
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset
from tools.migration import path_now
from tools.schema_changes import argument_paths, counterparts, no_longer_needed, proposed, tool_changes


def proposed_migrations(was: Toolset, now: Toolset) -> dict[str, ToolMigration]:
    """By tool of then the migration its changes say by themselves; tools of which more has to be said are not there."""
    migrations = {}
    for name, became in counterparts(was, now).items():
        old, new = was.by_name[name], now.by_name[became]
        if old.schema_hash != new.schema_hash and (migration := proposed(old, new, tool_changes(old, new))) is not None:
            migrations[name] = migration
    return migrations


def read_migrations(raw: Any, was: Toolset, now: Toolset, where: str) -> dict[str, ToolMigration]:
    """Read migrations by tool of then.

    Raises:
        BadInput: Not an object of migrations; or a tool, a path or a name that is not there. Names the place.
    """
    if not isinstance(raw, Mapping) or not raw:
        raise BadInput(f"{where}: expected an object of migrations by tool")
    return {str(name): _read_migration(name, body, was, now, f"{where}: {name}") for name, body in raw.items()}


def _read_migration(name: str, body: Any, was: Toolset, now: Toolset, where: str) -> ToolMigration:
    if name not in was.by_name:
        raise BadInput(f"{where}: no tool of then; there were {', '.join(was.by_name)}")
    try:
        migration = ToolMigration.model_validate(body)
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadInput(f"{where}.{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
    if migration.becomes not in now.by_name:
        raise BadInput(f"{where}.becomes: no tool {migration.becomes!r} now; there are {', '.join(now.by_name)}")
    old, new = was.by_name[name], now.by_name[migration.becomes]
    if old.schema_hash == new.schema_hash:
        raise BadInput(f"{where}: nothing of {name} but its words has changed; there is nothing to migrate")
    _check_paths(migration, argument_paths(old), argument_paths(new), where)
    for argument in migration.defaults:
        if argument not in new.properties:
            raise BadInput(f"{where}.defaults: {migration.becomes} has no argument {argument!r} now")
    return migration.model_copy(update={"optional": migration.optional or no_longer_needed(tool_changes(old, new))})


def _check_paths(migration: ToolMigration, known: Mapping[str, str], there: Mapping[str, str], where: str) -> None:
    """Every path was there, every new name is, no two arguments become one, and only single values are cast or swapped."""
    for path in (*migration.arguments, *migration.casts, *migration.values, *migration.optional):
        if path not in known:
            raise BadInput(f"{where}: no argument {path!r} then; there were {', '.join(known)}")
    for path in (*migration.casts, *migration.values):
        if known[path] in ("object", "array"):
            raise BadInput(f"{where}: {path} is an {known[path]}; cast or swap what it holds")
    becomes: dict[str, str] = {}
    for path in known:
        target = path_now(path, migration)
        if target is None:
            continue
        if path in migration.arguments and target not in there:
            raise BadInput(f"{where}: {path} would become {target!r}, which is not there now; there are {', '.join(there)}")
        if target in becomes:
            raise BadInput(f"{where}: {becomes[target]} and {path} would both become {target}")
        becomes[target] = path
