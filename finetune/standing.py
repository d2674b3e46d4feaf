"""What a change of tools means for the traces there are: how many of each tool of then go on teaching."""

from collections import Counter
from typing import Literal

from agents.home import Home
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset
from core.types.value import Value
from finetune.curation import ways_of
from tools.migration import way_to_now

Standing = Literal["as it is", "migrated", "lost"]


class Use(Value):
    """Traces that call one tool as it was."""

    tool: str
    """Its name then."""
    traces: int
    """How many call it by its schema of then."""
    standing: Standing
    """What becomes of them."""


def count_by_standing(home: Home, was: Toolset, now: Toolset) -> list[Use]:
    """Accepted traces by each tool of then whose schema is another one now, in the order of the tools."""
    present = frozenset(now.schema_hashes.values())
    changed = {tool.name: tool.schema_hash for tool in was.tools if tool.schema_hash not in present}
    uses: Counter[str] = Counter()
    for trace in home.traces.all(was.name):
        if trace.accepted:
            said = [call for message in trace.messages for call in message.tool_calls]
            called = {call.name for call in (*said, *([trace.partial] if trace.partial else []))}
            uses.update(name for name in called & changed.keys() if trace.schema_hashes.get(name) == changed[name])
    ways = ways_of(home, was.name)
    standings = {name: way_to_now(schema, present, ways) for name, schema in changed.items()}
    return [Use(tool=name, traces=uses[name], standing=_standing(name, way)) for name, way in standings.items()]


def _standing(name: str, way: list[ToolMigration] | None) -> Standing:
    if way is None:
        return "lost"
    return "as it is" if all(migration == ToolMigration(becomes=name) for migration in way) else "migrated"
