"""What becomes of good traces in the wild, done to them on purpose: noise, one person's errors, other schemas, few, strangers.

Each takes traces and gives what a harvest would find instead; the same seed gives the same. After the five scenarios in which
training straight on production traces was seen to fail, and two more that people bring about.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any, NamedTuple

from core.types.message import Message, ToolCall
from core.types.principal import Principal
from core.types.schema_change import ToolMigration
from core.types.tool import Tool, Toolset
from core.types.trace import THREAD, Trace

PEOPLE = 5
NOISE = 0.2
A_TOOL = 5
_ALIKE = 0.5


class Wild(NamedTuple):
    """What a harvest finds."""

    traces: list[Trace]
    """In the order of the good ones."""
    was: Toolset | None = None
    """The toolset that some of them were made with; None where it has not changed."""
    migrations: Mapping[str, ToolMigration] = MappingProxyType({})
    """By tool of then, what a person declared."""


def by_people(traces: Sequence[Trace], seed: int) -> list[Trace]:
    """The same as work of a day, by `PEOPLE` people in turn."""
    order = random.Random(f"people/{seed}")
    return [
        trace.model_copy(update={"source": f"{THREAD}{at}", "principal": Principal(person=f"clerk-{order.randrange(PEOPLE)}")})
        for at, trace in enumerate(traces)
    ]


def noisy(traces: Sequence[Trace], seed: int) -> Wild:
    """A fifth of them call what another one calls."""
    order = random.Random(f"noise/{seed}")
    spoilt = [_calling_as(trace, order.choice(traces)) if order.random() < NOISE else trace for trace in traces]
    return Wild(spoilt)


def confused(traces: Sequence[Trace], toolset: Toolset) -> Wild:
    """One person calls one tool where another is meant; another person fills one argument always alike."""
    meant, done = _likeliest_to_be_confused(traces, toolset)
    argument, value = _commonest_value(traces)

    def spoilt(trace: Trace) -> Trace:
        if trace.principal.person == "clerk-0":
            return _calling(
                trace, lambda calls: [_as_tool(call, toolset.by_name[done]) if call.name == meant else call for call in calls]
            )
        if trace.principal.person == "clerk-1":
            return _calling(trace, lambda calls: [_filled(call, argument, value) for call in calls])
        return trace

    return Wild([spoilt(trace) for trace in traces])


def drifted(traces: Sequence[Trace], toolset: Toolset) -> Wild:
    """All calls of a third of the tools were made when these had another name, another argument, or one argument more."""
    then: dict[str, Tool] = {tool.name: tool for tool in toolset.tools}
    migrations: dict[str, ToolMigration] = {}
    turned: dict[str, Callable[[ToolCall], ToolCall]] = {}
    for at, name in enumerate(sorted(then)[::3]):
        tool = then[name]
        if at % 3 == 0:
            then[name], migration, turn = _renamed(tool)
        elif at % 3 == 1:
            then[name], migration, turn = _with_other_argument(tool)
        else:
            then[name], migration, turn = _with_one_more(tool)
        migrations[then[name].name] = migration
        turned[name] = turn
    was = Toolset.model_validate({**toolset.model_dump(), "tools": tuple(then.values())})

    def old(trace: Trace) -> Trace:
        called = {call.name for call in _calls(trace)} & turned.keys()
        if not called:
            return trace.model_copy(update={"schema_hashes": toolset.schema_hashes})
        earlier = _calling(trace, lambda calls: [turned[call.name](call) if call.name in turned else call for call in calls])
        return earlier.model_copy(update={"schema_hashes": was.schema_hashes})

    return Wild([old(trace) for trace in traces], was, migrations)


def few(traces: Sequence[Trace], seed: int) -> Wild:
    """Five of each tool."""
    order = random.Random(f"few/{seed}")
    by_tool: dict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        for name in {call.name for call in _calls(trace)}:
            by_tool[name].append(trace)
    chosen = {trace.id for name in sorted(by_tool) for trace in order.sample(by_tool[name], min(A_TOOL, len(by_tool[name])))}
    return Wild([trace for trace in traces if trace.id in chosen])


def mixed(traces: Sequence[Trace], strangers: Sequence[Trace], seed: int) -> Wild:
    """As many of another service among them."""
    order = random.Random(f"mixed/{seed}")
    toolset = traces[0].toolset
    others = [trace.model_copy(update={"toolset": toolset}) for trace in strangers]
    both = [*traces, *by_people(order.sample(others, min(len(traces), len(others))), seed)]
    order.shuffle(both)
    return Wild(both)


def _calls(trace: Trace) -> list[ToolCall]:
    """Of its first calling turn."""
    return next((list(message.tool_calls) for message in trace.messages if message.tool_calls), [])


def _calling_as(trace: Trace, other: Trace) -> Trace:
    calls = _calls(other)
    return _calling(trace, lambda _: calls) if calls else trace


def _calling(trace: Trace, instead: Callable[[list[ToolCall]], list[ToolCall]]) -> Trace:
    """The same with other calls in every calling turn."""
    messages = [_with_calls(message, instead) if message.tool_calls else message for message in trace.messages]
    return trace.model_copy(update={"messages": tuple(messages)})


def _with_calls(message: Message, instead: Callable[[list[ToolCall]], list[ToolCall]]) -> Message:
    return message.model_copy(update={"tool_calls": tuple(instead(list(message.tool_calls)))})


def _likeliest_to_be_confused(traces: Sequence[Trace], toolset: Toolset) -> tuple[str, str]:
    """The two most called tools with mostly the same arguments, the one called less first."""
    counts = Counter(call.name for trace in traces for call in _calls(trace))
    alike = [
        sorted((a.name, b.name), key=lambda name: (counts[name], name))
        for a, b in combinations(toolset.tools, 2)
        if len(a.properties.keys() & b.properties.keys()) >= _ALIKE * len(a.properties.keys() | b.properties.keys())
    ]
    meant, done = max(alike, key=lambda pair: (counts[pair[0]], pair))
    return meant, done


def _commonest_value(traces: Sequence[Trace]) -> tuple[str, Any]:
    filled = [(name, value) for trace in traces for call in _calls(trace) for name, value in call.arguments.items()]
    argument, _ = Counter(name for name, _ in filled).most_common(1)[0]
    return argument, Counter(value for name, value in filled if name == argument and isinstance(value, str)).most_common(1)[0][0]


def _as_tool(call: ToolCall, tool: Tool) -> ToolCall:
    known = {name: value for name, value in call.arguments.items() if name in tool.properties}
    return call.model_copy(update={"name": tool.name, "arguments": known})


def _filled(call: ToolCall, argument: str, value: Any) -> ToolCall:
    return call.model_copy(update={"arguments": {**call.arguments, argument: value}}) if argument in call.arguments else call


_Turn = tuple[Tool, ToolMigration, Callable[[ToolCall], ToolCall]]


def _as_it_was(tool: Tool, **other: Any) -> Tool:
    return Tool.model_validate({**tool.model_dump(), **other})


def _renamed(tool: Tool) -> _Turn:
    earlier = _as_it_was(tool, name=f"{tool.name}_v1")
    return earlier, ToolMigration(becomes=tool.name), lambda call: call.model_copy(update={"name": earlier.name})


def _with_other_argument(tool: Tool) -> _Turn:
    name = next(iter(tool.properties))
    was = f"the_{name}"
    properties = {was if key == name else key: schema for key, schema in tool.properties.items()}
    required = [was if key == name else key for key in tool.parameters.get("required", ())]
    earlier = _as_it_was(tool, parameters={**tool.parameters, "properties": properties, "required": required})

    def turn(call: ToolCall) -> ToolCall:
        return call.model_copy(
            update={"arguments": {was if key == name else key: value for key, value in call.arguments.items()}}
        )

    return earlier, ToolMigration(becomes=tool.name, arguments={was: name}), turn


def _with_one_more(tool: Tool) -> _Turn:
    more = {"confirmed": {"type": "boolean"}}
    parameters = {**tool.parameters, "properties": {**tool.properties, **more}}
    parameters["required"] = [*tool.parameters.get("required", ()), "confirmed"]
    earlier = _as_it_was(tool, parameters=parameters)

    def turn(call: ToolCall) -> ToolCall:
        return call.model_copy(update={"arguments": {**call.arguments, "confirmed": True}})

    return earlier, ToolMigration(becomes=tool.name, arguments={"confirmed": None}), turn
