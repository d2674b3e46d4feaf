"""Roles and plans: things said are bound to arguments by the words around them, and steps are laid out by that."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.grammar import GrammarBuilder
from agents.offers import OfferFinder
from agents.plans import differs, lay_out
from agents.roles import UNUSED, Reading, Roles
from agents.spans import Spans
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from tests.agents.test_grammar import accepts
from tests.hashed_words import HashedWords
from tools.kinds import KindTable
from tools.marks import Marker

PLACE, THING, COUNT = {"type": "string", "x-kind": "place"}, {"type": "string", "x-kind": "thing"}, {"type": "number"}
LINE = {"type": "object", "properties": {"thing": THING, "qty": COUNT, "price": COUNT}, "required": ["thing", "qty"]}
TOOLSET = read_toolset(
    "depot",
    [
        {"name": "move", "parameters": {"type": "object", "properties": {"thing": THING, "qty": COUNT, "from": PLACE, "to": PLACE}}},
        {"name": "count", "parameters": {"type": "object", "properties": {"thing": THING, "place": PLACE}}},
        {"name": "sell", "parameters": {"type": "object", "properties": {"lines": {"type": "array", "items": LINE}}}},
    ],
    {"place": {"names": ["Shed", "Barn", "Yard", "Loft"]}, "thing": {"names": ["bolts", "nuts", "pipes"]}},
)  # fmt: skip
TABLE = KindTable()
MARKER = Marker(TOOLSET, TABLE)
NO_TEXTS = Spans.fit([], [], MARKER, HashedWords()).read(())


def said(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def move(thing: str, qty: int, source: str, target: str) -> ToolCall:
    return ToolCall(name="move", arguments={"thing": thing, "qty": qty, "from": source, "to": target})


def sell(*lines: tuple[str, int]) -> ToolCall:
    return ToolCall(name="sell", arguments={"lines": [{"thing": thing, "qty": qty} for thing, qty in lines]})


@pytest.fixture(scope="module")
def roles() -> Roles:
    rows: list[tuple[tuple[Message, ...], tuple[ToolCall, ...]]] = []
    pairs = itertools.permutations(["Shed", "Barn", "Yard"], 2)
    for number, (one, other) in enumerate(pairs):
        rows.append((said(f"move {number + 2} bolts from {one} to {other}"), (move("bolts", number + 2, one, other),)))
        rows.append((said(f"{other} gets {number + 2} nuts out of {one}"), (move("nuts", number + 2, one, other),)))
        rows.append((said(f"how many nuts in {one}?"), (ToolCall(name="count", arguments={"thing": "nuts", "place": one}),)))
        rows.append(
            (said(f"sell {number + 2} bolts and {number + 3} nuts"), (sell(("bolts", number + 2), ("nuts", number + 3)),))
        )
        rows.append((said(f"sell {number + 2} bolts, {one} is closed by 1999"), (sell(("bolts", number + 2)),)))
    return Roles.fit(TOOLSET, [messages for messages, _ in rows], [calls for _, calls in rows], MARKER)


def best(reading: Reading, *tools: str) -> list[str]:
    return [binding.best for binding in reading.bind([ToolCall(name=tool) for tool in tools])]


def test_the_words_around_a_thing_tell_its_role_whatever_its_name(roles: Roles) -> None:
    assert best(roles.read(said("move 7 pipes from Loft to Shed")), "move") == ["qty", "thing", "from", "to"]
    assert best(roles.read(said("Loft gets 7 pipes out of Shed")), "move") == ["to", "qty", "thing", "from"]


def test_what_fits_no_argument_of_the_tools_has_no_role(roles: Roles) -> None:
    assert best(roles.read(said("sell 4 pipes, Loft is closed")), "sell") == ["qty", "thing"], "no place is sold"
    assert best(roles.read(said("sell 4 pipes, Loft is closed by 1999")), "sell") == ["qty", "thing", UNUSED]
    for nothing in ((), (ToolCall(name="!none"),), (ToolCall(name="unheard_of"),)):
        assert roles.read(said("sell 4 pipes")).bind(nothing) == []
    assert roles.read(()).bind([ToolCall(name="sell")]) == []


def test_a_binding_says_how_likely_a_call_gives_a_thing_its_role(roles: Roles) -> None:
    reading = roles.read(said("Loft gets 7 pipes out of Shed"))
    right, swapped = move("pipes", 7, "Shed", "Loft"), move("pipes", 7, "Loft", "Shed")
    assert min(binding.chance for binding in reading.bind([right])) > 0.5 > min(b.chance for b in reading.bind([swapped]))
    assert differs(reading, NO_TEXTS, [swapped]) and not differs(reading, NO_TEXTS, [right])
    for binding in reading.bind([right]):
        assert sum(binding.chances.values()) == pytest.approx(1)


def test_roles_survive_their_file(roles: Roles, tmp_path: Path) -> None:
    roles.save(tmp_path / "roles.safetensors")
    loaded = Roles.load(tmp_path / "roles.safetensors", TOOLSET, MARKER)
    assert best(loaded.read(said("Loft gets 7 pipes out of Shed")), "move") == ["to", "qty", "thing", "from"]


def test_rows_that_say_nothing_leave_nothing_to_bind() -> None:
    empty = Roles.fit(TOOLSET, [said("hello")], [(ToolCall(name="!none"),)], MARKER)
    assert set(best(empty.read(said("move 7 pipes")), "move")) == {UNUSED}


def writes(roles: Roles, text: str, tools: Sequence[str], *calls: ToolCall) -> bool:
    messages = said(text)
    builder = GrammarBuilder(TOOLSET, TABLE, OfferFinder(TOOLSET, TABLE).collect(messages))
    grammar = builder.planned(lay_out(TOOLSET, roles.read(messages), NO_TEXTS, tools))
    assert grammar is not None
    step = "\n".join(call.name + json.dumps(call.arguments, separators=(",", ":")) for call in calls)
    return accepts(grammar, step)


def test_a_plan_lets_every_value_stand_in_its_place_only(roles: Roles) -> None:
    text = "Loft gets 7 pipes out of Shed"
    assert writes(roles, text, ["move"], move("pipes", 7, "Shed", "Loft"))
    assert not writes(roles, text, ["move"], move("pipes", 7, "Loft", "Shed"))
    assert not writes(roles, text, ["move"], ToolCall(name="move", arguments={"thing": "pipes", "qty": 7, "from": "Shed"}))


def test_a_planned_list_has_an_entry_for_everything_said(roles: Roles) -> None:
    text = "sell 4 bolts and 5 pipes"
    assert writes(roles, text, ["sell"], sell(("bolts", 4), ("pipes", 5)))
    assert not writes(roles, text, ["sell"], sell(("bolts", 4)))
    assert not writes(
        roles, text, ["sell"], ToolCall(name="sell", arguments={"lines": [{"thing": "bolts", "qty": 4, "price": 5}]})
    )


def test_a_number_with_two_readings_is_one_entry(roles: Roles) -> None:
    text = "sell 3 dozen bolts"
    [[plan]] = lay_out(TOOLSET, roles.read(said(text)), NO_TEXTS, ["sell"])
    assert plan.placed["qty"] == 1 and len(plan.only["qty"]) == 2, "3, or 36"
    assert writes(roles, text, ["sell"], sell(("bolts", 36)))
    assert not writes(roles, text, ["sell"], sell(("bolts", 3), ("bolts", 36)))


def test_two_calls_of_a_tool_share_out_what_was_said(roles: Roles) -> None:
    text = "move 3 bolts from Loft to Shed, move 4 pipes from Yard to Barn"
    first, second = move("bolts", 3, "Loft", "Shed"), move("pipes", 4, "Yard", "Barn")
    assert writes(roles, text, ["move", "move"], first, second)
    assert not writes(roles, text, ["move", "move"], move("bolts", 4, "Loft", "Shed"), move("pipes", 3, "Yard", "Barn"))


def test_what_was_said_once_serves_both_calls(roles: Roles) -> None:
    calls = [ToolCall(name="count", arguments={"thing": thing, "place": "Loft"}) for thing in ("bolts", "pipes")]
    assert writes(roles, "how many bolts and pipes in Loft?", ["count", "count"], *calls)


def test_a_plan_of_two_tools_may_start_with_either(roles: Roles) -> None:
    text = "move 3 bolts from Loft to Shed; how many pipes in Barn?"
    calls = [move("bolts", 3, "Loft", "Shed"), ToolCall(name="count", arguments={"thing": "pipes", "place": "Barn"})]
    assert writes(roles, text, ["count", "move"], *calls) and writes(roles, text, ["count", "move"], *reversed(calls))


def test_where_nothing_said_fits_there_is_no_plan(roles: Roles) -> None:
    assert lay_out(TOOLSET, roles.read(said("do it")), NO_TEXTS, ["move"]) == []
    builder = GrammarBuilder(TOOLSET, TABLE, OfferFinder(TOOLSET, TABLE).collect(said("do it")))
    assert builder.planned([]) is None
