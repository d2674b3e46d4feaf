"""Traces as the tools of now would have it: what is exported stands beside these tools, and can be imported to them again."""

from collections.abc import Iterator, Sequence
from typing import Any

from core.types.message import ToolCall
from core.types.prediction import Ask
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset
from core.types.trace import Trace
from tools.migration import Edges, Ways, ask_now, messages_now, migrated, way_to_now
from tools.validate import argument_error


class Present:
    """Brings traces to the present; the way from a schema is looked for once."""

    def __init__(self, toolset: Toolset, edges: Edges) -> None:
        """Args:
        toolset: The tools of now.
        edges: What leads from schemas of then to others.
        """
        self._toolset, self._edges = toolset, edges
        self._now = frozenset(toolset.schema_hashes.values())
        self._ways: dict[str, list[ToolMigration] | None] = {}

    def bring(self, trace: Trace) -> Trace | str:
        """The trace of now, or why there is none; one whose calls are of now, or of a time nobody noted, is as it is."""
        ways: dict[str, Sequence[ToolMigration]] = {}
        for name in sorted({call.name for call in _calls(trace)}):
            way = self._way(name, trace.schema_hashes.get(name))
            if way is None:
                return f"{name}: said to a tool of another time, and no migration leads here"
            if way:
                ways[name] = way
        if not ways:
            return trace
        asked = _asked(trace, ways)
        if asked is None:
            return f"asks for {trace.missing}, which need not be said any more"
        brought = trace.model_copy(update={"messages": messages_now(trace.messages, ways), **asked})
        unfit = self._unfit({way[-1].becomes for way in ways.values()}, brought)
        return brought if unfit is None else f"{unfit}: values of another time that do not fit what it takes now"

    def _way(self, name: str, schema: str | None) -> list[ToolMigration] | None:
        if schema is None:
            return [] if name in self._toolset.by_name else None
        if schema not in self._ways:
            self._ways[schema] = way_to_now(schema, self._now, self._edges)
        return self._ways[schema]

    def _unfit(self, moved: set[str], trace: Trace) -> str | None:
        """Which of these tools is called with what it does not take."""
        for call in _calls(trace):
            if call.name in moved and argument_error(self._toolset.by_name[call.name], call.arguments, call is not trace.partial):
                return call.name
        return None


def _calls(trace: Trace) -> Iterator[ToolCall]:
    for message in trace.messages:
        yield from message.tool_calls
    if trace.partial is not None:
        yield trace.partial


def _asked(trace: Trace, ways: Ways) -> dict[str, Any] | None:
    """What changes of the question a trace ends with; None where it is none any more."""
    if trace.partial is None:
        return {}
    partial = migrated(trace.partial, ways.get(trace.partial.name, ()))
    if trace.missing is None:
        return {"partial": partial}
    argument = trace.missing.rpartition(".")[2]
    asked = ask_now(Ask(tool=trace.partial.name, missing=argument, arguments=trace.partial.arguments), ways)
    return None if asked is None else {"partial": partial, "missing": f"{asked.tool}.{asked.missing}"}
