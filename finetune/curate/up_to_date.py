"""Keeps examples whose calls are of the schemas there are now, or can be written as such; the rest was said to other tools."""

from collections.abc import Mapping, Sequence

from agents.learned import STALE
from core.types.example import Example
from core.types.message import ToolCall
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset
from finetune.curate.filtered import Filtered
from tools.migration import Edges, asked_now, calls_now, messages_now, way_to_now

Hashes = Mapping[str, Mapping[str, str]]
"""By trace id the schema hash of each tool at the time; a tool without one is taken to be as it is."""


def up_to_date(examples: Sequence[Example], hashes: Hashes, toolset: Toolset, edges: Edges) -> Filtered:
    """Migrate calls of schemas of then to those of now; drop an example with a call that nothing leads to now, or that asks for
    what need not be said any more."""
    if not any(hashes.values()):
        return Filtered(list(examples), {}, "no trace knows its schemas")
    clock = _Clock(hashes, toolset, edges)
    kept, dropped = [], {}
    for example in examples:
        brought = clock.bring(example)
        if isinstance(brought, str):
            dropped[example.trace_id] = brought
        else:
            kept.append(brought)
    return Filtered(kept, dropped)


class _Clock:
    """Brings examples to the present; the way from a schema is looked for once."""

    def __init__(self, hashes: Hashes, toolset: Toolset, edges: Edges) -> None:
        self._hashes, self._edges = hashes, edges
        self._now = frozenset(toolset.schema_hashes.values())
        self._ways: dict[str, list[ToolMigration] | None] = {}

    def bring(self, example: Example) -> Example | str:
        """The example of now, or why there is none."""
        ways: dict[str, list[ToolMigration]] = {}
        known = self._hashes.get(example.trace_id, {})
        for name in sorted({call.name for call in _calls(example)} & known.keys()):
            way = self._way(known[name])
            if way is None:
                return f"{name}: {STALE}"
            if way:
                ways[name] = way
        if not ways:
            return example
        messages = messages_now(example.messages, ways)
        steps = []
        for step in example.steps:
            calls = calls_now(step.calls, ways)
            missing = asked_now(step.missing, ways.get(step.calls[0].name, ())) if step.missing and step.calls else step.missing
            if step.missing is not None and missing is None:
                return f"{calls[0].name}: asks for {step.missing}, which need not be said any more"
            steps.append(step.model_copy(update={"calls": calls, "missing": missing}))
        return example.model_copy(update={"messages": messages, "steps": tuple(steps)})

    def _way(self, schema: str) -> list[ToolMigration] | None:
        if schema not in self._ways:
            self._ways[schema] = way_to_now(schema, self._now, self._edges)
        return self._ways[schema]


def _calls(example: Example) -> list[ToolCall]:
    said = [call for message in example.messages for call in message.tool_calls]
    return [*said, *(call for step in example.steps for call in step.calls)]
