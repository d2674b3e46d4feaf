"""Plans: steps laid out by the roles of what was said and the ends of free texts; which value fills which argument stands fast,
the writer does the rest.

Two things of a kind are the writer's weak spot: from and to swapped, a second date or product dropped, the values of two wishes
mixed up; and so are texts with a name in them, or a wish after them. A plan gives every thing said its place and every text its
ends, and a draft under it is one more for the reviewer to choose from.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from types import MappingProxyType
from typing import Any, NamedTuple

from agents.roles import UNUSED, Reading
from agents.spans import Texts, bare
from core.types.message import ToolCall
from core.types.tool import Tool, Toolset
from tools.kinds import scalars
from tools.things import Thing

_LIKELY = 0.5


class Planned(NamedTuple):
    """One call of a step, and what is known of it; values as `written_as` spells them."""

    tool: str
    """Its tool."""
    only: Mapping[str, frozenset[Any]]
    """By name of an argument the values that may fill it; others may be filled with anything not in `taken`."""
    taken: frozenset[Any]
    """Values that have their place, or none at all."""
    demanded: frozenset[str]
    """Arguments that must be there."""
    texts: Mapping[str, str] = MappingProxyType({})
    """By name of an argument the free text that fills it."""
    placed: Mapping[str, int] = MappingProxyType({})
    """By name of an argument how many things fill it; a thing may have several values, "3 dozen" those of 3 and 36."""

    def items(self, name: str, schema: Mapping[str, Any]) -> int:
        """How many items of this schema the array `name` has: as many as things fill the field that most of them fill."""
        return max((self.placed.get(field, 0) for field, _ in scalars(schema, name)), default=0)


def differs(reading: Reading, texts: Texts, calls: Sequence[ToolCall]) -> bool:
    """Whether calls give some thing said another role than the likeliest, leave out a likely free text, or cut it otherwise."""
    return any(
        binding.best not in binding.roles for binding in reading.bind(calls) if binding.chances[binding.best] >= _LIKELY
    ) or any(bare(text) != bare(str(call.arguments.get(name, ""))) for call in calls for name, text in _likely(texts, call.name))


def _likely(texts: Texts, tool: str) -> Iterator[tuple[str, str]]:
    """Free texts of a tool's arguments, where one is likely."""
    for argument in texts.arguments(tool):
        guess = texts.likeliest(tool, argument)
        if guess and guess.chance >= _LIKELY:
            yield argument, guess.text


def lay_out(toolset: Toolset, reading: Reading, texts: Texts, tools: Sequence[str]) -> list[tuple[Planned, ...]]:
    """Plans for a step of one call of each tool: one for each order of the tools; none where nothing said fits them."""
    bound = [Placed(binding.best, binding.thing) for binding in reading.bind([ToolCall(name=tool) for tool in tools])]
    said = {tool: dict(_likely(texts, tool)) for tool in tools if tools.count(tool) == 1}
    if not bound and not any(said.values()):
        return []
    taken = frozenset(value for placed in bound for value in placed.thing.values)
    filling = [placed for placed in bound if placed.role != UNUSED]
    plans = {}
    for order in dict.fromkeys(permutations(tools)):
        for shares in _shared_out(toolset, order, filling):
            plan = tuple(
                _planned(toolset.by_name[t], own, _said_once(filling), taken, said.get(t, {}))
                for t, own in zip(order, shares, strict=True)
            )
            plans[repr(plan)] = plan
    return list(plans.values())


class Placed(NamedTuple):
    """A thing and the argument it fills."""

    role: str
    thing: Thing


Share = list[Placed]


def _shared_out(toolset: Toolset, tools: Sequence[str], filling: Share) -> Iterator[list[Share]]:
    """Things dealt out to calls, in one way or two."""
    names = [{name for name, _ in scalars(toolset.by_name[tool].parameters)} for tool in tools]
    able = [[number for number, known in enumerate(names) if placed.role in known] for placed in filling]
    yield _by_what_is_lacking(filling, able, len(tools))
    if len(tools) > len(set(tools)):
        yield _by_turns(filling, able, len(tools))


def _by_what_is_lacking(filling: Share, able: Sequence[list[int]], calls: int) -> list[Share]:
    """To the only call that has such an argument, else to the one of the nearest such thing, else to the first that lacks it."""
    shares: list[Share] = [[] for _ in range(calls)]
    sure = [(placed.thing.start, numbers[0]) for placed, numbers in zip(filling, able, strict=True) if len(numbers) == 1]
    for placed, numbers in zip(filling, able, strict=True):
        near = min((start for start in sure if start[1] in numbers), key=lambda at: abs(at[0] - placed.thing.start), default=None)
        free = [number for number in numbers if all(placed.role != other.role for other in shares[number])]
        shares[near[1] if near else (free or numbers[-1:])[0]].append(placed)
    return shares


def _by_turns(filling: Share, able: Sequence[list[int]], calls: int) -> list[Share]:
    """To one call until an argument comes again, then to the next."""
    shares: list[Share] = [[] for _ in range(calls)]
    current = 0
    for placed, numbers in zip(filling, able, strict=True):
        if any(placed.role == other.role for other in shares[current]):
            current = min(current + 1, calls - 1)
        shares[current if current in numbers else numbers[0]].append(placed)
    return shares


def _said_once(filling: Share) -> dict[str, frozenset[Any]]:
    """What fills a role that nothing else fills: every call may share it."""
    names = [placed.role for placed in filling]
    return {placed.role: placed.thing.values for placed in filling if names.count(placed.role) == 1}


def _planned(
    tool: Tool, own: Share, shared: Mapping[str, frozenset[Any]], taken: frozenset[Any], texts: Mapping[str, str]
) -> Planned:
    only = {name: shared[name] for name, _ in scalars(tool.parameters) if name in shared}
    filled = {placed.role for placed in own}
    for role in filled:
        only[role] = frozenset(value for placed in own if placed.role == role for value in placed.thing.values)
    demanded = {name for name, schema in tool.properties.items() if filled & {inner for inner, _ in scalars(schema, name)}}
    placed = {**dict.fromkeys(only, 1), **Counter(placed.role for placed in own)}
    return Planned(tool.name, only, taken, frozenset(demanded | texts.keys()), texts, placed)
