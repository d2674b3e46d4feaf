"""Marks: what the model is told about the words of a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from tools.kinds import InferredKind, KindTable
from tools.marks import Marker


def marker(table: KindTable | None = None) -> Marker:
    kinds = {"customer": "customer", "item": "product", "order": "order_id", "due": "date", "ending": None}
    properties = {name: {"type": "string", **({"x-kind": kind} if kind else {})} for name, kind in kinds.items()}
    toolset = read_toolset(
        "shop",
        [{"name": "sell", "parameters": {"type": "object", "properties": {**properties, "count": {"type": "number"}}}}],
        {
            "customer": {"names": ["Acme", "Acme Tools", "Gold"]},
            "product": {"names": ["oak chair", "Gold"]},
            "order_id": {"patterns": [r"SO-\d+"]},
            "unused": {"names": ["please"]},
        },
    )
    return Marker(toolset, table or KindTable())


@pytest.mark.parametrize(
    ("said", "marked"),
    [
        ("bill Acme for 3 oak chairs", "bill customer:Acme for 3 product:oak chairs"),
        ("Acme Tools, please", "customer:Acme Tools, please"),
        ("cancel so-12 by next friday", "cancel order id:so-12 by date:next friday"),
        ("a dozen, that is 1,200 cents", "12:a dozen, that is 1200:1,200 cents"),
        ("sell gold", "sell customer|product:gold"),
        ("  thanks ", "thanks"),
        ("", ""),
        ("<|im_end|> Acme", "< |im_end|> customer:Acme"),
    ],
)
def test_each_mention_bears_its_kind_and_each_number_its_value(said: str, marked: str) -> None:
    assert marker().mark_text(said) == marked


def test_a_figure_with_two_readings_bears_the_likelier_one_and_may_be_written_as_either() -> None:
    said = "sell 1.250 of them"
    assert marker().mark_text(said) == "sell 1250:1.250 of them"
    assert marker().numbers(said) == [1250]
    (thing,) = marker().things(said)
    assert thing.values >= {1250, 1.25}


def test_digits_are_marked_where_an_argument_takes_them() -> None:
    digits = marker(KindTable(inferred={"ending": InferredKind(mode="digits")}))
    assert digits.mark_text("the card ending four five three two") == "the card ending 4532:four five three two"
    assert "4532" not in marker().mark_text("the card ending four five three two")


def test_clauses_are_cut_beside_mentions_and_only_where_a_step_ever_had_two_calls() -> None:
    said = "sell Acme 3 oak chairs and a dozen more, cancel SO-12"
    assert marker().clauses(said) == ["sell Acme 3 oak chairs", "a dozen more", "cancel SO-12"]
    assert marker(KindTable(max_calls=1)).clauses(said) == []


def test_enumerated_values_bear_their_argument_or_how_they_are_written() -> None:
    enums = {"account": ["checking", "savings"], "from_account": ["checking"], "period": ["last_month", "it"]}
    properties = {name: {"type": "string", "enum": values} for name, values in enums.items()}
    toolset = read_toolset("bank", [{"name": "x", "parameters": {"type": "object", "properties": properties}}])
    found = Marker(toolset, KindTable())
    assert found.mark_text("it is my checking") == "it is my account:checking"
    assert found.mark_text("my checkin, last month") == "my checking:checkin, last_month:last month"
    assert found.mask_text("my checking") == "my checking"


def test_only_user_turns_are_marked() -> None:
    messages = (
        Message(role="user", content="bill Acme"),
        Message(role="assistant", tool_calls=(ToolCall(name="sell", arguments={"customer": "Acme"}),)),
        Message(role="tool", content="Acme"),
    )
    assert marker().mark(messages) == (Message(role="user", content="bill customer:Acme"), *messages[1:])


def test_masking_leaves_the_wish_and_takes_the_values() -> None:
    assert marker().mask_text("bill Acme for 3 oak chairs, SO-12") == marker().mask_text(
        "bill Gold for 4,711 oak chairs, SO-9"
    ).replace("customer|product", "customer")
    assert marker().mask_text("bill Acme for 3 oak chairs") == "bill customer for 0 product"


@given(st.text(alphabet="Acme oak chir<|>im_end:12,.\n", max_size=60))
def test_taking_the_marks_away_gives_the_text_back(text: str) -> None:
    plain = Marker(read_toolset("none", [{"name": "x", "parameters": {"type": "object", "properties": {}}}]), KindTable())
    marked = marker().mark_text(text)
    for label in ("customer|product:", "customer:", "product:", "order id:", "date:"):
        marked = marked.replace(label, "")
    assert "<|im_end|>" not in marked
    assert plain.mark_text(text).replace(":", "").endswith(marked.replace(":", "")[-1:])


def test_what_is_heard_is_counted_by_kind_and_choice() -> None:
    toolset = read_toolset(
        "bank",
        [{"name": "pay", "parameters": {"type": "object", "properties": {"to": {"type": "string", "x-kind": "person"}, "account_type": {"enum": ["savings", "trust"]}}}}],
        {"person": {"names": ["Ada", "Bo"]}},
    )  # fmt: skip
    marker = Marker(toolset, KindTable())
    assert marker.heard("pay Ada and Bo 5 from savings") == {"person": 2, "number": 1, "account_type": 1, "=savings": 1}
    assert marker.heard("") == {}


def test_a_thing_is_one_place_with_all_its_readings_and_the_arguments_it_could_fill() -> None:
    arguments = {
        "to": {"type": "string", "x-kind": "person"},
        "account": {"enum": ["savings", "trust"]},
        "sum": {"type": "number"},
    }
    toolset = read_toolset(
        "bank",
        [{"name": "pay", "parameters": {"type": "object", "properties": arguments}}],
        {"person": {"names": ["Ada Trust", "Bo"]}},
    )
    text = "pay Ada Trust a dozen from savings, not bo"
    things = Marker(toolset, KindTable()).things(text)
    assert [(text[t.start : t.end], sorted(t.fills)) for t in things] == [
        ("Ada Trust", ["account", "to"]), ("a dozen", ["sum"]), ("savings", ["account"]), ("bo", ["to"]),
    ]  # fmt: skip
    assert things[0].values == {"ada trust", "trust"} and things[1].values == {12} and things[3].kinds == "person"
