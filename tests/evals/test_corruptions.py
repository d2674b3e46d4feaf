"""What is done to good traces is what it says, and the same each time."""

import pytest

from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from core.types.trace import Trace
from evals.corruptions import NOISE, Wild, by_people, confused, drifted, few, mixed, noisy
from tools.migration import migrated
from tools.validate import argument_error

_ITEM = {"type": "object", "properties": {"item": {"type": "string"}}}
NAMES = ("buy", "count", "move", "pack", "sell", "send", "sort", "take", "weigh")
TOOLSET = read_toolset("shop", [{"name": name, "parameters": _ITEM} for name in NAMES])


def trace(number: int) -> Trace:
    call = ToolCall(name=NAMES[number % len(NAMES)], arguments={"item": f"thing {number % 50}"})
    messages = (Message(role="user", content=f"request {number}"), Message(role="assistant", tool_calls=(call,)))
    return Trace(toolset="shop", messages=messages, outcome="calls")


GOOD = by_people([trace(number) for number in range(450)], 0)


def call(one: Trace) -> ToolCall:
    return one.messages[1].tool_calls[0]


def changed(wild: Wild) -> list[tuple[Trace, Trace]]:
    return [(good, bad) for good, bad in zip(GOOD, wild.traces, strict=True) if not call(good).same_as(call(bad))]


def test_noise_spoils_a_fifth_and_nothing_else() -> None:
    assert 0.12 * len(GOOD) < len(changed(noisy(GOOD, 0))) < (NOISE + 0.05) * len(GOOD)
    assert noisy(GOOD, 0) == noisy(GOOD, 0)


def test_two_people_err_and_each_in_their_own_way() -> None:
    wrong = changed(confused(GOOD, TOOLSET))
    assert {good.principal.person for good, _ in wrong} == {"clerk-0", "clerk-1"}
    assert len({(call(good).name, call(bad).name) for good, bad in wrong if good.principal.person == "clerk-0"}) == 1
    assert len({call(bad).arguments["item"] for good, bad in wrong if good.principal.person == "clerk-1"}) == 1


def test_old_calls_fit_the_old_schema_and_migrate_to_what_they_were() -> None:
    wild = drifted(GOOD, TOOLSET)
    assert wild.was is not None
    assert len(wild.migrations) == 3
    for good, bad in changed(wild):
        old = call(bad)
        assert argument_error(wild.was.by_name[old.name], old.arguments) is None
        assert bad.schema_hashes[old.name] == wild.was.by_name[old.name].schema_hash
        assert migrated(old, [wild.migrations[old.name]]).same_as(call(good))
    assert len(changed(wild)) == sum(call(good).name in {"buy", "pack", "sort"} for good in GOOD) == 150


def test_five_of_each_tool_are_left() -> None:
    assert len(few(GOOD, 0).traces) == 5 * len(NAMES)


@pytest.mark.parametrize("strangers", [3, 900])
def test_strangers_are_as_many_at_most(strangers: int) -> None:
    others = [trace(number).model_copy(update={"toolset": "other"}) for number in range(1000, 1000 + strangers)]
    wild = mixed(GOOD, others, 0)
    assert len(wild.traces) == len(GOOD) + min(strangers, len(GOOD))
    assert {one.toolset for one in wild.traces} == {"shop"}
