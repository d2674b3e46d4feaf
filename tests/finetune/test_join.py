"""Joining: rows of two wishes, made of rows of one, that say and call both."""

import json
import re

import pytest

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from finetune.join import Joiner
from tools.kinds import KindTable

PROPERTIES = {
    "customer": {"type": "string", "x-kind": "customer"},
    "order": {"type": "string", "x-kind": "order_id"},
    "amount": {"type": "number"},
    "reason": {"type": "string", "x-kind": "text"},
}
TOOLSET = read_toolset(
    "shop",
    [
        {"name": name, "parameters": {"type": "object", "properties": PROPERTIES, "required": ["customer"]}}
        for name in ("bill", "cancel")
    ],
    {"customer": {"names": ["Acme", "Bolt", "Crane"]}, "order_id": {"patterns": [r"SO-\d{3}"]}},
)


def row(said: str, name: str = "bill", **arguments: object) -> Example:
    call = ToolCall(name=name, arguments=arguments)
    messages = (Message(role="user", content=said), Message(role="assistant", tool_calls=(call,)))
    return Example(trace_id=said, cluster=said, messages=messages, steps=(Step(position=1, outcome="calls", calls=(call,)),))


COUNTED = [row(f"bill {name} {n} dollars", customer=name, amount=n) for n, name in enumerate(("Acme", "Bolt", "Crane"), 40)]
PLAIN = [row(f"{name} wants out, too late", "cancel", customer=name, reason="too late") for name in ("Acme", "Bolt", "Crane")]


def joined(rows: list[Example], share: float = 2.0, seed: int = 0, most: int = 2) -> list[Example]:
    return Joiner(TOOLSET, KindTable(max_calls=most), share, seed).join(rows)


def test_a_joined_row_says_and_calls_both_in_order() -> None:
    rows = joined([*COUNTED, *PLAIN], share=3.0)
    assert len(rows) > 6
    for example in rows:
        calls = example.steps[0].calls
        assert len(calls) == 2 and example.messages[1].tool_calls == calls
        said = example.messages[0].content
        places = [said.find(str(calls[0].arguments["customer"])), said.rfind(str(calls[1].arguments["customer"]))]
        assert 0 <= places[0] < places[1]
    assert rows == joined([*COUNTED, *PLAIN], share=3.0) != joined([*COUNTED, *PLAIN], share=3.0, seed=1)


def test_one_verb_has_two_records_and_everything_else_in_common() -> None:
    doubles = [example for example in joined(PLAIN, share=9.0) if "*2" in example.trace_id]
    assert doubles
    for example in doubles:
        first, second = example.steps[0].calls
        assert first.arguments["customer"] != second.arguments["customer"]
        assert first.name == second.name == "cancel" and first.arguments["reason"] == second.arguments["reason"] == "too late"
        assert example.messages[0].content.count("too late") == 1


def test_what_is_counted_is_not_doubled() -> None:
    assert not any("*2" in example.trace_id for example in joined(COUNTED))


def test_a_sequence_waits_for_the_first_result_and_ends_done() -> None:
    call = ToolCall(name="bill", arguments={"customer": "Bolt", "amount": 9})
    result = Message(role="tool", content='{"invoice": "INV-1", "customer": "Bolt", "lines": [{"amount": 9}]}')
    answered = row("bill Bolt 9 dollars", customer="Bolt", amount=9)
    answered = answered.model_copy(
        update={"messages": (*answered.messages[:1], Message(role="assistant", tool_calls=(call,)), result)}
    )
    sequences = [example for example in joined([answered, *COUNTED], share=9.0) if ">" in example.trace_id]
    assert sequences
    for example in sequences:
        first, second, end = example.steps
        assert (first.position, second.position, end.position, end.outcome) == (1, 3, 5, "done")
        for step in (first, second):
            (called,) = step.calls
            assert example.messages[step.position].tool_calls == step.calls
            told = json.loads(example.messages[step.position + 1].content)
            amount = called.arguments["amount"]
            assert told == {"invoice": "INV-1", "customer": called.arguments["customer"], "lines": [{"amount": amount}]}


def told(example: Example, result: str, **arguments: object) -> Example:
    """A row of another call of the tool, with its result."""
    call = example.steps[0].calls[0].model_copy(update={"arguments": arguments})
    messages = (*example.messages[:1], Message(role="assistant", tool_calls=(call,)), Message(role="tool", content=result))
    return example.model_copy(update={"messages": messages})


def test_the_second_wish_of_a_condition_comes_where_the_result_is_as_the_request_has_it() -> None:
    counted = [told(example, '{"left": 30, "customer": "Bolt"}', customer="Bolt", reason="too late") for example in PLAIN]
    answered = [told(COUNTED[0], '{"ok": true}', customer="Bolt", amount=9), *COUNTED]
    rows = [example for example in joined([*counted, *answered], share=9.0) if "?on_number" in example.trace_id]
    assert {len(example.steps) for example in rows} == {2, 3}
    for example in rows:
        said = example.messages[0].content.split("too late", 1)[1]
        bound = int(re.findall(r"\d+", said)[0])
        as_large = re.search(r"less|fewer|below|Under|short|when under|unless", said) is None
        assert (len(example.steps) == 3) is ((bound <= 30) is as_large), example.messages[0].content
        assert example.steps[-1].outcome == "done"
        assert json.loads(example.messages[2].content)["left"] == 30


def test_the_second_wish_may_hang_on_whether_anything_is_found() -> None:
    found = [told(example, '{"bills": [{"bill": "B-1"}], "count": 1}', customer="Bolt", reason="too late") for example in PLAIN]
    answered = [told(COUNTED[0], '{"ok": true}', customer="Bolt", amount=9), *COUNTED]
    rows = [example for example in joined([*found, *answered], share=9.0) if "?on_finding" in example.trace_id]
    assert {len(example.steps) for example in rows} == {2, 3}
    for example in rows:
        bills = json.loads(example.messages[2].content)
        assert bills in ({"bills": [{"bill": "B-1"}], "count": 1}, {"bills": [], "count": 0})
        said = example.messages[0].content.split("too late", 1)[1]
        must_be_none = re.search(r"[Nn]one|nothing|not, |unless|failing|zero", said) is not None
        assert (len(example.steps) == 3) is (bool(bills["bills"]) is not must_be_none), example.messages[0].content


@pytest.mark.parametrize("content", ["sent", "[" * 900 + "]" * 900, "[" * 90_000, "null"])
def test_any_result_is_met_calmly(content: str) -> None:
    messages = (*PLAIN[0].messages, Message(role="tool", content=content))
    rows = joined([PLAIN[0].model_copy(update={"messages": messages}), *PLAIN[1:]], share=3.0)
    assert all(len(example.steps) in (1, 3) for example in rows)


def test_no_sequence_is_made_where_no_result_is_known() -> None:
    assert not any(">" in example.trace_id for example in joined([*COUNTED, *PLAIN]))


@pytest.mark.parametrize("said", ["can you bill Acme?", "bill\nAcme"])
def test_questions_and_lists_are_not_joined(said: str) -> None:
    assert joined([row(said, customer="Acme"), row(said, customer="Acme")]) == []


def test_nothing_is_joined_where_no_step_ever_had_two_calls_or_no_share_is_wanted() -> None:
    assert joined(PLAIN, most=1) == joined(PLAIN, share=0.0) == joined(PLAIN[:1], share=0.2) == []
