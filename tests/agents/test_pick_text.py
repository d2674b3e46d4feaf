"""What the writer reads of a pick: heads in order, and what is out of the ordinary about their arguments."""

import pytest

from agents.picker import Pick, pick_text
from core.types.tool import read_toolset

LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"item": {"type": "string"}, "price": {"type": "number"}}, "required": ["item"]},
}
TOOLSET = read_toolset(
    "shop",
    [
        {"name": "quote", "parameters": {"type": "object", "properties": {"to": {"type": "string"}, "lines": LINES, "until": {"type": "string"}}, "required": ["to", "lines"]}},
        {"name": "bill", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}},
    ],
)  # fmt: skip
USUAL = {"quote": 0.9, "quote.to": 0.9, "quote.lines": 0.9, "quote.lines.item": 0.9}


@pytest.mark.parametrize(
    ("ranking", "parts", "text"),
    [
        ([("quote", 0.9)], USUAL, "quote"),
        ([("quote", 0.5)], USUAL, "quote?"),
        ([("quote", 0.9)], {**USUAL, "quote.until": 0.7, "quote.lines.price": 0.6}, "quote price until"),
        ([("quote", 0.9)], {**USUAL, "quote.to": 0.2}, "quote -to"),
        ([("quote", 0.9)], {**USUAL, "quote*2": 0.8}, "quote*2"),
        ([("quote", 0.9)], {**USUAL, "bill": 0.7, "bill.order": 0.7}, "quote; bill"),
        ([("quote", 0.9)], {**USUAL, "bill": 0.3, "bill.order": 0.3}, "quote; bill? -order"),
        ([("quote", 0.9)], {**USUAL, "bill": 0.1, "bill.order": 0.1}, "quote"),
        ([("!done", 0.9)], {}, "done"),
        ([("bill", 0.4)], {}, "bill?"),
    ],
)
def test_a_pick_in_words(ranking: list[tuple[str, float]], parts: dict[str, float], text: str) -> None:
    assert pick_text(TOOLSET, Pick(ranking, parts)) == text


def test_facts_come_first() -> None:
    assert pick_text(TOOLSET, Pick([("bill", 0.9)], {}, ("on_hand 83>=43",))) == "on_hand 83>=43; bill"


def test_several_calls_are_told_before_the_tools() -> None:
    assert pick_text(TOOLSET, Pick([("bill", 0.9)], {}, ("matches 2",), several=0.8)) == "matches 2; several; bill"
    assert pick_text(TOOLSET, Pick([("bill", 0.9)], {}, several=0.4)) == "bill"


def test_a_second_tool_is_told_though_names_hold_dots() -> None:
    crm = read_toolset("crm", [{"name": f"crm.{tool.name}", "parameters": tool.parameters} for tool in TOOLSET.tools])
    parts = {"crm.quote": 0.9, "crm.quote.to": 0.9, "crm.quote.lines": 0.9, "crm.bill": 0.7, "crm.bill.order": 0.7}
    assert pick_text(crm, Pick([("crm.quote", 0.9)], parts)) == "crm.quote; crm.bill"
