"""Augmentation: other values in the same words, both sides of the row alike, and nothing that training rows do not hold."""

import json
import re

import pytest

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from finetune.augment import Swapper
from tools.kinds import InferredKind, KindTable, leaves

TABLE = KindTable()


@pytest.fixture(scope="module")
def toolset() -> Toolset:
    properties = {
        "customer": {"type": "string", "x-kind": "customer"},
        "order": {"type": "string", "x-kind": "order_id"},
        "amount": {"type": "number"},
        "reason": {"type": "string", "x-kind": "text"},
    }
    return read_toolset(
        "shop",
        [{"name": name, "parameters": {"type": "object", "properties": properties}} for name in ("bill", "cancel")],
        {"customer": {"names": ["Acme", "Bolt", "Crane", "Never Trained"]}, "order_id": {"patterns": [r"SO-\d{3}"]}},
    )


def row(said: str, name: str = "bill", **arguments: object) -> Example:
    call = ToolCall(name=name, arguments=arguments)
    messages = (Message(role="user", content=said), Message(role="assistant", tool_calls=(call,)))
    return Example(trace_id=said, cluster=said, messages=messages, steps=(Step(position=1, outcome="calls", calls=(call,)),))


ROWS = [
    row("bill Acme 1,200 for SO-123", customer="Acme", order="SO-123", amount=1200),
    row("please bill bolt 45 dollars", customer="bolt", amount=45),
    row("Crane wants out of SO-777, too late", "cancel", customer="Crane", order="SO-777", reason="too late"),
]


def test_a_variant_says_and_calls_the_same_new_values(toolset: Toolset) -> None:
    swapper = Swapper(toolset, TABLE, ROWS, seed=0)
    for number in range(1, 30):
        for example in ROWS:
            variant = swapper.variant(example, number)
            said, call = variant.messages[0].content, variant.steps[0].calls[0]
            assert variant.messages[1].tool_calls == (call,), "the turn and what it teaches stay one"
            for _, _, value in leaves(call.arguments, {}):
                text = value if isinstance(value, str) else f"{value:,.10g}"
                assert text in said, (text, said)


def test_values_change_and_words_do_not(toolset: Toolset) -> None:
    swapper = Swapper(toolset, TABLE, ROWS, seed=0)
    variants = {swapper.variant(ROWS[0], number).messages[0].content for number in range(1, 20)}
    assert len(variants) > 10
    assert all(text.startswith("bill ") and " for SO-" in text for text in variants)
    assert {swapper.variant(ROWS[1], n).steps[0].calls[0].arguments["customer"] for n in range(1, 40)} == {
        "acme",
        "bolt",
        "crane",
    }


@pytest.mark.parametrize(
    ("said", "amount", "pattern"),
    [
        ("4006381333931", 4006381333931, r"\d{13}"), ("40,063,813,339.31", 40063813339.31, r"40,063,813,339\.\d\d"),
        ("12345678901.5", 12345678901.5, r"12345678901\.\d"), ("48.90", 48.9, r"48\.\d\d"), ("1,250,000", 1250000, r"1,250,\d{3}|\d,\d{3},\d{3}"),
    ],
)  # fmt: skip
def test_a_number_is_written_as_it_was(toolset: Toolset, said: str, amount: float, pattern: str) -> None:
    example = row(f"bill {said} now", amount=amount)
    swapper, seen = Swapper(toolset, TABLE, [example], seed=0), set()
    for number in range(1, 20):
        variant = swapper.variant(example, number)
        told, value = variant.messages[0].content.split()[1], variant.steps[0].calls[0].arguments["amount"]
        assert re.fullmatch(pattern, told) and float(told.replace(",", "")) == value and type(value) is type(amount)
        seen.add(told)
    assert len(seen) > 5


@pytest.mark.parametrize(("said", "amount"), [("1.250", 1250), ("9007199254740993", 9007199254740993)])
def test_a_number_stays_that_a_program_would_read_as_another(toolset: Toolset, said: str, amount: float) -> None:
    example = row(f"bill {said} now", amount=amount)
    swapper = Swapper(toolset, TABLE, [example], seed=0)
    assert all(swapper.variant(example, number) == example for number in range(1, 20))


def test_only_names_of_training_rows_are_put_in(toolset: Toolset) -> None:
    swapper = Swapper(toolset, TABLE, ROWS, seed=0)
    texts = [swapper.variant(example, n).messages[0].content for example in ROWS for n in range(1, 60)]
    assert not any("never trained" in text.casefold() for text in texts)


def test_the_same_number_gives_the_same_variant(toolset: Toolset) -> None:
    first, again = (Swapper(toolset, TABLE, ROWS, seed=3).variant(ROWS[0], 2) for _ in range(2))
    assert first == again != Swapper(toolset, TABLE, ROWS, seed=4).variant(ROWS[0], 2)


def test_numbers_stay_where_a_result_may_depend_on_them(toolset: Toolset) -> None:
    told = ROWS[1].model_copy(update={"messages": (*ROWS[1].messages, Message(role="tool", content='{"left":44}'))})
    variants = [Swapper(toolset, TABLE, ROWS, seed=0).variant(told, n) for n in range(1, 20)]
    assert all("45 dollars" in v.messages[0].content and v.steps[0].calls[0].arguments["amount"] == 45 for v in variants)


def test_numbers_and_digits_of_a_conversation_change_everywhere() -> None:
    card = {"type": "object", "properties": {"amount": {"type": "number"}, "card": {"type": "string"}}}
    bank = read_toolset("bank", [{"name": "pay", "parameters": card}])
    table = KindTable(inferred={"card": InferredKind(mode="digits")})
    first, second = row("pay 45 by 7777", "pay", amount=45, card="7777"), row("again by 7777", "pay", amount=45, card="7777")
    moved = second.steps[0].model_copy(update={"position": 3})
    both = first.model_copy(update={"messages": (*first.messages, *second.messages), "steps": (*first.steps, moved)})
    for number in range(1, 20):
        variant = Swapper(bank, table, [both], seed=0).variant(both, number)
        arguments = [step.calls[0].arguments for step in variant.steps]
        assert arguments[0] == arguments[1] and arguments[0]["card"] != "7777"
        assert variant.messages[0].content == f"pay {arguments[0]['amount']:g} by {arguments[0]['card']}"
        assert variant.messages[2].content == f"again by {arguments[0]['card']}"


ACCOUNTS = ["checking", "savings", "credit", "trust"]
ASKS = {
    "type": "object",
    "properties": {"source": {"enum": ACCOUNTS[:2]}, "target": {"enum": ACCOUNTS[:3]}, "kind": {"enum": ["slow"]}},
}
BANK = read_toolset("bank", [{"name": "move", "parameters": ASKS}, {"name": "open", "parameters": {"type": "object", "properties": {"account": {"enum": ACCOUNTS}}}}])  # fmt: skip
MOVES = [
    row("from checkin to my savings please", "move", source="checking", target="savings"),
    row("to credit", "move", target="credit"),
    row("open something", "open", account="trust"),
]


def test_choices_are_swapped_where_they_are_said() -> None:
    swapper = Swapper(BANK, KindTable(), MOVES, seed=0)
    seen = set()
    for number in range(1, 80):
        variant = swapper.variant(MOVES[0], number)
        arguments = variant.steps[0].calls[0].arguments
        seen.add((arguments["source"], arguments["target"]))
        said = "from checkin to my savings please" if arguments == MOVES[0].steps[0].calls[0].arguments else None
        assert variant.messages[0].content == said or variant.messages[0].content in (
            f"from {arguments['source']} to my {arguments['target']} please",
            f"from checkin to my {arguments['target']} please",
        )
        assert variant.messages[1].tool_calls == variant.steps[0].calls
    assert seen == {("checking", "savings"), ("checking", "credit"), ("savings", "checking"), ("savings", "credit")}


def test_a_choice_nobody_said_is_neither_swapped_nor_put_in() -> None:
    swapper = Swapper(BANK, KindTable(), MOVES, seed=0)
    assert all(swapper.variant(MOVES[2], n) == MOVES[2] for n in range(1, 30))
    targets = {swapper.variant(MOVES[1], n).steps[0].calls[0].arguments["target"] for n in range(1, 60)}
    assert targets == {"checking", "savings", "credit"}


def looked_up(said: str, shown: str, amount: float) -> Example:
    """A price is looked up, and what comes back is billed."""
    look, bill = ToolCall(name="cancel", arguments={}), ToolCall(name="bill", arguments={"customer": "Acme", "amount": amount})
    messages = (
        Message(role="user", content=said),
        Message(role="assistant", tool_calls=(look,)),
        Message(role="tool", content=shown),
        Message(role="assistant", tool_calls=(bill,)),
    )
    return Example(trace_id=said, cluster=said, messages=messages, steps=(Step(position=3, outcome="calls", calls=(bill,)),))


def test_a_number_that_was_looked_up_changes_in_result_and_call_alike(toolset: Toolset) -> None:
    example = looked_up("what do we take for it? bill Acme that", '{"price": 16.85, "qty": 12, "total": 202.2}', 16.85)
    swapper = Swapper(toolset, TABLE, [*ROWS, example], seed=0)
    prices = set()
    for number in range(1, 30):
        variant = swapper.variant(example, number)
        shown, amount = json.loads(variant.messages[2].content), variant.steps[0].calls[0].arguments["amount"]
        assert shown["price"] == amount and (shown["qty"], shown["total"]) == (12, 202.2)
        assert variant.messages[3].tool_calls == variant.steps[0].calls and 16 <= amount < 17
        prices.add(amount)
    assert len(prices) > 10


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("if it costs less than 20, bill Acme", '{"price": 16.85}'),
        ("bill Acme 16.85, should be the price", '{"price": 16.85}'),
        ("bill Acme that", '{"price": "no idea, see SO-16.85"}'),
    ],
)
def test_a_number_stays_where_it_decides_was_said_or_was_not_returned(toolset: Toolset, said: str, shown: str) -> None:
    example = looked_up(said, shown, 16.85)
    swapper = Swapper(toolset, TABLE, [*ROWS, example], seed=0)
    assert {swapper.variant(example, number).steps[0].calls[0].arguments["amount"] for number in range(1, 20)} == {16.85}


def test_what_is_said_inside_free_words_changes_with_them_and_bounds_hold() -> None:
    days = {"type": "integer", "enum": [15, 30, 60]}
    percent = {"type": "integer", "minimum": 1, "maximum": 50}
    parameters = {
        "type": "object",
        "properties": {
            "customer": {"type": "string", "x-kind": "customer"}, "other": {"type": "string", "x-kind": "customer"},
            "subject": {"type": "string", "x-kind": "text"}, "days": days, "percent": percent, "count": {"type": "integer"},
        },
    }  # fmt: skip
    task = read_toolset("shop", [{"name": "task", "parameters": parameters}], {"customer": {"names": ["Acme", "Bolt", "Crane"]}})
    rows = [
        row("in 30 days call Acme, not Bolt, about 45 lamps, 20 percent", "task", customer="Acme", other="Bolt", days=30,
            subject="call Acme, not Bolt, about 45 lamps", percent=20, count=45),
        row("task for Crane", "task", customer="Crane"),
    ]  # fmt: skip
    swapper = Swapper(task, TABLE, rows, seed=0)
    seen = set()
    for number in range(1, 40):
        variant = swapper.variant(rows[0], number)
        said, (call,) = variant.messages[0].content, variant.steps[0].calls
        assert call.arguments["subject"] in said and call.arguments["customer"] != call.arguments["other"]
        assert call.arguments["days"] == 30 and 1 < call.arguments["percent"] < 50
        assert all(type(call.arguments[name]) is int for name in ("days", "percent", "count"))
        seen.add(call.arguments["count"])
    assert len(seen) > 10
