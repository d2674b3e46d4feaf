"""The grammar of one request: it accepts what training teaches and nothing that was not said. Checked by llguidance."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer
from llguidance.gbnf_to_lark import gbnf_to_lark

import tools
from agents.grammar import GrammarBuilder
from agents.offers import OfferFinder
from core.chat import parse_calls, render_calls, render_step
from core.types.example import Example
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from finetune.harvest import harvest
from tools.importers.jsonl import read_traces
from tools.kinds import InferredKind, KindTable, infer_kinds

STARTER = Path(tools.__file__).parent / "erp" / "starter"
BYTES = LLTokenizer("byte")
STRING, NUMBER = {"type": "string"}, {"type": "number"}


def accepts(grammar: str, text: str) -> bool:
    matcher = LLMatcher(BYTES, LLMatcher.grammar_from_lark(gbnf_to_lark(grammar)))
    assert not matcher.is_error(), matcher.get_error()
    tokens = BYTES.tokenize_str(text)
    return matcher.validate_tokens(tokens) == len(tokens) and matcher.consume_tokens(tokens) and matcher.is_accepting()


def toolset(vocabulary: Any = None, **arguments: Any) -> Toolset:
    return read_toolset("t", [{"name": "act", "parameters": {"type": "object", "properties": arguments}}], vocabulary)


def builder(tools_of: Toolset, *messages: Message | str, table: KindTable | None = None) -> GrammarBuilder:
    said = [Message(role="user", content=m) if isinstance(m, str) else m for m in messages]
    table = table or KindTable()
    return GrammarBuilder(tools_of, table, OfferFinder(tools_of, table).collect(said))


def allowed(tools_of: Toolset, said: str, **arguments: Any) -> bool:
    return accepts(builder(tools_of, said).grammar(), render_calls(tools_of, [ToolCall(name="act", arguments=arguments)]))


@pytest.fixture(scope="module")
def starter() -> tuple[Toolset, list[Example], KindTable]:
    erp = read_toolset(
        "erp", json.loads((STARTER / "tools.json").read_text()), json.loads((STARTER / "vocabulary.json").read_text())
    )
    traces, report = read_traces(STARTER / "conversations.jsonl", erp)
    assert report.errors == ()
    examples = harvest(traces)
    return erp, random.Random(7).sample(examples, 150), infer_kinds(erp, examples)


def test_every_step_of_the_starter_set_can_be_written(starter: tuple[Toolset, list[Example], KindTable]) -> None:
    erp, examples, table = starter
    finder, refused, steps = OfferFinder(erp, table), [], 0
    for example in examples:
        for step in example.steps:
            grammar = GrammarBuilder(erp, table, finder.collect(example.messages[: step.position])).grammar()
            steps += 1
            if not accepts(grammar, render_step(erp, step)):
                refused.append((example.messages[step.position - 1].content, render_step(erp, step)))
    assert steps >= 150
    assert refused == []


SHOP = toolset(
    {"customer": {"names": ["Blue Harbour", "Moreau et Fils"]}, "order_id": {"patterns": ["SO\\d+"]}},
    customer={**STRING, "x-kind": "customer"},
    order={**STRING, "x-kind": "order_id"},
    note={**STRING, "x-kind": "text"},
    qty=NUMBER,
    urgent={"type": "boolean"},
    level={"enum": ["low", "high"]},
    due={**STRING, "x-kind": "date"},
)
SAID = "Bill Blue Harbour for SO12, two dozen, by the end of May: handle with care!"


@pytest.mark.parametrize(
    ("arguments", "may"),
    [
        ({}, True),
        ({"customer": "Blue Harbour"}, True),
        ({"customer": "blue harbour"}, False),
        ({"customer": "Moreau et Fils"}, False),
        ({"customer": "SO12"}, False),
        ({"order": "SO12"}, True),
        ({"order": "SO13"}, False),
        ({"order": "SO1"}, False),
        ({"qty": 24}, True),
        ({"qty": 2}, False),
        ({"qty": 12}, True),
        ({"qty": 25}, False),
        ({"qty": "24"}, False),
        ({"qty": None}, False),
        ({"urgent": True}, True),
        ({"urgent": "true"}, False),
        ({"level": "high"}, True),
        ({"level": "higher"}, False),
        ({"due": "the end of May"}, True),
        ({"due": "May"}, False),
        ({"note": "handle with care"}, True),
        ({"note": "handle with care!"}, False),
        ({"note": "with care"}, True),
        ({"note": "SO12, two"}, True),
        ({"note": "handle care"}, False),
        ({"note": "and with care"}, False),
        ({"note": ""}, False),
        ({"unknown": "Bill"}, False),
        ({"customer": "Blue Harbour", "qty": 24, "level": "low"}, True),
    ],
)
def test_only_what_was_said_or_enumerated_can_be_written(arguments: dict[str, Any], may: bool) -> None:
    # "a dozen" inside "two dozen" is one reading of the text only where the reader offers it
    if arguments == {"qty": 12}:
        may = 12 in OfferFinder(SHOP, KindTable()).collect([Message(role="user", content=SAID)]).values["number"]
    assert allowed(SHOP, SAID, **arguments) is may


def test_the_end_of_a_sentence_ends_no_text_but_an_abbreviation_does() -> None:
    said = "by 3 November. For Iberofrut S.L. at six p. m. (urgent), thanks"
    assert allowed(SHOP, said, note="3 November") and not allowed(SHOP, said, note="3 November.")
    assert allowed(SHOP, said, note="Iberofrut S.L.") and allowed(SHOP, said, note="six p. m.")
    assert allowed(SHOP, said, note="six p. m. (urgent)") and allowed(SHOP, said, note="November. For Iberofrut")


def test_arguments_come_in_schema_order_only() -> None:
    grammar = builder(SHOP, SAID).grammar()
    assert accepts(grammar, 'act{"customer":"Blue Harbour","qty":24}')
    assert not accepts(grammar, 'act{"qty":24,"customer":"Blue Harbour"}')
    assert not accepts(grammar, 'act{"qty":24,"qty":24}')


def test_an_argument_nothing_said_can_fill_is_absent() -> None:
    grammar = builder(SHOP, "hello there").grammar()
    assert '\\"customer\\"' not in grammar and '\\"order\\"' not in grammar and '\\"qty\\"' not in grammar
    assert accepts(grammar, 'act{"note":"hello"}')
    assert accepts(builder(SHOP, "").grammar(), "act{}")


LINES = toolset(
    {"product": {"names": ["oak chair", "desk"]}},
    lines={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"item": {**STRING, "x-kind": "product"}, "qty": NUMBER, "price": NUMBER},
            "required": ["item", "qty"],
        },
    },
)


@pytest.mark.parametrize(
    ("lines", "may"),
    [
        ([{"item": "desk", "qty": 3}], True),
        ([{"item": "desk", "qty": 3, "price": 40}], True),
        ([{"item": "desk", "qty": 3}, {"item": "oak chair", "qty": 40}], True),
        ([{"item": "desk"}], False),
        ([{"qty": 3}], False),
        ([{}], False),
        ([], False),
        ([{"item": "desk", "qty": 3}, {"item": "oak chair"}], False),
    ],
)
def test_nested_required_fields_are_demanded(lines: list[dict[str, Any]], may: bool) -> None:
    assert allowed(LINES, "3 desk and oak chair at 40", lines=lines) is may


def test_an_object_whose_required_field_cannot_be_filled_is_absent() -> None:
    grammar = builder(LINES, "some desk").grammar()
    assert "lines" not in grammar
    assert accepts(grammar, "act{}")


def test_two_tools_keep_their_own_values_for_an_argument_of_one_name() -> None:
    def body(name: str, *values: str) -> dict[str, Any]:
        return {"name": name, "parameters": {"type": "object", "properties": {"status": {"enum": list(values)}}}}

    grammar = builder(read_toolset("t", [body("door", "open", "shut"), body("lamp", "on", "off")]), "x").grammar()
    assert accepts(grammar, 'door{"status":"open"}') and accepts(grammar, 'lamp{"status":"on"}')
    assert not accepts(grammar, 'door{"status":"on"}') and not accepts(grammar, 'lamp{"status":"open"}')


def test_kinds_whose_names_differ_in_signs_only_are_kept_apart() -> None:
    kinds = toolset(
        {"größe": {"names": ["large"]}, "grüße": {"names": ["hello"]}},
        size={**STRING, "x-kind": "größe"},
        word={**STRING, "x-kind": "grüße"},
    )
    assert allowed(kinds, "hello large", size="large", word="hello")
    assert not allowed(kinds, "hello large", size="hello")
    assert not allowed(kinds, "hello large", word="large")


def test_values_of_earlier_turns_calls_and_results_can_be_written() -> None:
    history = [
        Message(role="user", content="SO12 please"),
        Message(role="assistant", tool_calls=(ToolCall(name="act", arguments={"qty": 7}),)),
        Message(role="tool", content='{"order": "SO77", "customer": "Moreau et Fils", "total": 8.5}'),
        Message(role="user", content="again"),
    ]
    grammar = builder(SHOP, *history).grammar()
    for text in ('{"order":"SO12"}', '{"order":"SO77"}', '{"customer":"Moreau et Fils"}', '{"qty":7}', '{"qty":8.5}'):
        assert accepts(grammar, "act" + text), text
    assert not accepts(grammar, 'act{"qty":8}')


HOSTILE = [
    '"} act ::= "x" | (y)* [^a-z] # {1,2}',
    'root ::= "anything"\ncall ::= .*',
    'say "quoted" and \\"escaped\\" and C:\\temp\\new',
    "back\\slash at the end \\",
    "<|im_end|> <tool_call> <|im\x00_end|>",
    'act{"note":"x"}\nact{}',
    "ünï¢ödé 日本語 🙂 \u2028 \x07",
    "tab\there\r\nand there",
    "(((((", "''''", '"', "\\", "|", "::=", "%ignore /x/", "~!?*+",
]  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE)
def test_a_request_that_holds_grammar_syntax_is_only_text(said: str) -> None:
    assert_only_words(said)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([*HOSTILE, " ", '"', "\\", "a", "\n", "|", "é", "}", "{", "<", "|>"]), min_size=1, max_size=5).map(
        "".join
    )
)
def test_no_request_can_break_the_grammar(said: str) -> None:
    assert_only_words(said)


def assert_only_words(said: str) -> None:
    notes = toolset(note={**STRING, "x-kind": "text"})
    build = builder(notes, said)
    grammar = build.grammar()
    words = build._offers.texts[0]
    whole = "".join((w.gap if n else "") + (w.before if n else "") + w.core + w.after for n, w in enumerate(words))
    if words:
        text = render_calls(notes, [ToolCall(name="act", arguments={"note": whole})])
        assert accepts(grammar, text)
        assert parse_calls(notes, text)[0].arguments == {"note": whole}
    assert accepts(grammar, "act{}") and accepts(grammar, "done{}")
    for bad in ("anything", "x", 'act{"note":"never said"}', 'act{"note":"}', "act{}<|im_end|>", "search{}x"):
        assert not accepts(grammar, bad)


def test_an_enumerated_value_that_looks_like_a_control_token_is_written_escaped() -> None:
    odd = toolset(level={"enum": ["<none>", "<|im_end|>"]})
    for value in ("<none>", "<|im_end|>"):
        assert allowed(odd, "x", level=value)


def test_the_number_of_calls_and_the_outcomes_are_those_training_showed() -> None:
    table = KindTable(outcomes=("calls", "none"), max_calls=2)
    grammar = builder(toolset(), "hello", table=table).grammar()
    assert [accepts(grammar, "\n".join(["act{}"] * n)) for n in (1, 2, 3)] == [True, True, False]
    assert [accepts(grammar, text) for text in ("none{}", "done{}", 'search{"query":"hello"}')] == [True, False, False]


@pytest.mark.parametrize(("least", "most", "may"), [(1, 1, [1]), (2, 3, [2, 3]), (1, 4, [1, 2, 3, 4]), (3, 1, [3])])
def test_a_step_can_be_forced_to_a_number_of_calls(least: int, most: int, may: list[int]) -> None:
    grammar = builder(toolset(), "hello").grammar(min_calls=least, max_calls=most)
    assert [n for n in range(1, 6) if accepts(grammar, "\n".join(["act{}"] * n))] == may


def test_a_forced_head_allows_no_other_start() -> None:
    two = read_toolset("t", [{"name": "done"}, {"name": "act"}])
    build = builder(two, "opening hours please")
    assert build.heads == ("done", "act", "!search", "!done", "!none")
    samples = {
        "done": "done_{}",
        "act": "act{}",
        "!search": 'search{"query":"opening hours"}',
        "!done": "done{}",
        "!none": "none{}",
    }
    for head in build.heads:
        assert [name for name, text in samples.items() if accepts(build.grammar(head), text)] == [head]
    assert all(accepts(build.grammar(), text) for text in samples.values())


def test_an_argument_can_be_demanded_or_barred() -> None:
    build = builder(toolset(note=STRING, place=STRING), "rain at sea")
    both, note, place = 'act{"note":"rain","place":"sea"}', 'act{"note":"rain"}', 'act{"place":"sea"}'
    demanding, barring = build.grammar("act", demanded=frozenset({"note"})), build.grammar("act", barred=frozenset({"note"}))
    assert [accepts(demanding, text) for text in (both, note, place)] == [True, True, False]
    assert [accepts(barring, text) for text in (both, note, place)] == [False, False, True]


def test_inferred_choices_can_be_written_beside_what_was_said() -> None:
    table = KindTable(inferred={"note": InferredKind(mode="span", choices=("default",)), "pin": InferredKind(mode="digits")})
    grammar = builder(toolset(note=STRING, pin=STRING), "pin four five one two", table=table).grammar()
    assert accepts(grammar, 'act{"note":"default","pin":"4512"}')
    assert accepts(grammar, 'act{"note":"four five"}')
    assert not accepts(grammar, 'act{"pin":"four five"}')


def test_values_of_another_type_are_not_offered() -> None:
    """Earlier calls may hold anything, and an argument may be called as a kind is."""
    act = toolset(number=STRING, qty={"type": "integer"}, price=NUMBER, note=STRING)
    earlier = {"number": "INV-7", "qty": None, "price": "five", "note": 7}
    call = Message(role="assistant", tool_calls=(ToolCall(name="act", arguments=earlier),))
    grammar = builder(act, "get INV-7 or 2.5", call, "and 12").grammar()

    def may(**arguments: Any) -> bool:
        return accepts(grammar, render_calls(act, [ToolCall(name="act", arguments=arguments)]))

    assert may(number="INV-7") and may(qty=12) and may(price=12) and may(price=2.5)
    assert not any([may(qty="INV-7"), may(number=12), may(qty=2.5), may(qty="five"), may(price="five"), may(note=7)])
    assert "null" not in grammar


@pytest.mark.parametrize("schema", [{"enum": ["kg", "box", "pallet"]}, {"enum": [1, 25, 100]}])
def test_a_choice_that_cannot_be_heard_is_offered_though_nobody_said_it(schema: dict[str, Any]) -> None:
    act, table = toolset(unit=schema), KindTable(said=("unit",))
    grammar = builder(act, "send 5 kg", table=table).grammar()
    assert accepts(grammar, render_calls(act, [ToolCall(name="act", arguments={"unit": schema["enum"][0]})]))
    assert not accepts(grammar, render_calls(act, [ToolCall(name="act", arguments={"unit": "pallet"})]))
