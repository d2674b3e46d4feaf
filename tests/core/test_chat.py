"""The one renderer and the one parser: what is written is read back, and loss falls on exactly what is to be learned."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.chat import (
    CHAT_TEMPLATE,
    END,
    aliases,
    as_said,
    decide,
    neutral,
    own_turns,
    parse_calls,
    render_calls,
    render_example,
    render_prompt,
    render_step,
    render_turns,
)
from core.errors import BadInput
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Tool, Toolset
from core.types.trace import Trace
from finetune.harvest import harvest_one

NAMES = st.one_of(
    st.sampled_from(["done", "none", "search", "done_", "done__", "none_", "search_"]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,12}", fullmatch=True),
)
TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["<|im_end|>", "a\n<|im_start|>user\nb", "<tool_call>", "\u2028{}", '"}'])
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "number": st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False)),
    "integer": st.integers(),
    "boolean": st.booleans(),
}


def schemas(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    scalar = st.sampled_from(sorted(SCALARS)).map(lambda name: {"type": name})
    if depth == 0:
        return scalar
    array = schemas(depth - 1).map(lambda items: {"type": "array", "items": items})
    return st.one_of(scalar, array, objects(depth - 1))


def objects(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(st.text(min_size=1, max_size=8), schemas(depth), max_size=4)
    return properties.map(lambda named: {"type": "object", "properties": named})


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), max_size=3)
    if schema["type"] == "object":
        return st.fixed_dictionaries({}, optional={name: values(inner) for name, inner in schema["properties"].items()})
    return SCALARS[schema["type"]]


@st.composite
def toolsets(draw: st.DrawFn) -> Toolset:
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    return Toolset(name="t", tools=tuple(Tool(name=name, parameters=draw(objects(2))) for name in names))


@st.composite
def toolsets_with_calls(draw: st.DrawFn) -> tuple[Toolset, tuple[ToolCall, ...]]:
    toolset = draw(toolsets())
    tools = draw(st.lists(st.sampled_from(toolset.tools), min_size=1, max_size=4))
    return toolset, tuple(ToolCall(name=tool.name, arguments=draw(values(tool.parameters))) for tool in tools)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Toolset, tuple[Message, ...]]:
    toolset = draw(toolsets())

    def calls() -> tuple[ToolCall, ...]:
        tools = draw(st.lists(st.sampled_from(toolset.tools), min_size=1, max_size=4))
        return tuple(ToolCall(name=tool.name, arguments=draw(values(tool.parameters))) for tool in tools)

    messages = []
    for role in draw(st.lists(st.sampled_from(["system", "user", "assistant", "tool", "calls"]), min_size=1, max_size=7)):
        if role == "calls":
            messages.append(Message(role="assistant", tool_calls=calls()))
        else:
            messages.append(Message(role=role, content=draw(TEXTS)))  # type: ignore[arg-type]  # one of the sampled roles
    return toolset, tuple(messages)


brief = settings(max_examples=40, deadline=None)
"""A machine under load must not fail a test."""

TWO_TOOLS = Toolset(
    name="shop",
    tools=(
        Tool(name="move", parameters={"type": "object", "properties": {"item": {"type": "string"}, "qty": {"type": "number"}}}),
        Tool(
            name="stock",
            parameters={"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]},
        ),
    ),
)
LONG = (
    Message(role="system", content="be kind"),
    Message(role="user", content="move chairs, then check"),
    Message(role="assistant", tool_calls=(ToolCall(name="move", arguments={"qty": 2, "item": "chairs"}),)),
    Message(role="tool", content='{"ok": true}'),
    Message(role="assistant", tool_calls=(ToolCall(name="stock", arguments={"item": "chairs"}),)),
    Message(role="tool", content='{"left": 4}'),
    Message(role="assistant", content="All done, four left."),
    Message(role="user", content="thanks! and tables?"),
    Message(role="assistant", content="Which tables?"),
    Message(role="user", content="oak"),
    Message(role="assistant", tool_calls=(ToolCall(name="stock", arguments={"item": "oak"}),)),
)


@brief
@given(toolsets_with_calls())
def test_what_is_rendered_is_parsed_back(given_calls: tuple[Toolset, tuple[ToolCall, ...]]) -> None:
    toolset, calls = given_calls
    text = render_calls(toolset, calls)
    assert parse_calls(toolset, text) == calls
    assert parse_calls(toolset, text + END) == calls
    assert len(text.split("\n")) == len(calls)


@brief
@given(toolsets_with_calls())
def test_rendered_calls_hold_nothing_a_tokenizer_reads_as_a_control_token(
    given_calls: tuple[Toolset, tuple[ToolCall, ...]],
) -> None:
    text = render_calls(*given_calls)
    assert END not in text and "<|im_start|>" not in text and "<tool_call>" not in text


@brief
@given(toolsets_with_calls(), st.randoms())
def test_the_order_arguments_come_in_does_not_change_the_text(
    given_calls: tuple[Toolset, tuple[ToolCall, ...]], random: Any
) -> None:
    toolset, calls = given_calls

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = list(value.items())
            random.shuffle(items)
            return {name: shuffled(inner) for name, inner in items}
        return [shuffled(inner) for inner in value] if isinstance(value, list) else value

    again = tuple(ToolCall(name=call.name, arguments=shuffled(call.arguments)) for call in calls)
    assert render_calls(toolset, again) == render_calls(toolset, calls)


def test_whole_floats_are_written_as_integers() -> None:
    assert render_calls(TWO_TOOLS, [ToolCall(name="move", arguments={"qty": 3.0})]) == 'move{"qty":3}'
    assert render_calls(TWO_TOOLS, [ToolCall(name="move", arguments={"qty": 2.5})]) == 'move{"qty":2.5}'


@pytest.mark.parametrize(
    ("names", "spelled"),
    [
        (["done"], ["done_"]),
        (["none", "search"], ["none_", "search_"]),
        (["done", "done_"], ["done__", "done_"]),
        (["done_", "done"], ["done_", "done__"]),
        (["done", "done_", "done__"], ["done___", "done_", "done__"]),
        (["undone"], ["undone"]),
    ],
)
def test_a_tool_named_like_a_pseudo_call_has_an_alias_no_other_tool_has(names: list[str], spelled: list[str]) -> None:
    toolset = Toolset(name="t", tools=tuple(Tool(name=name) for name in names))
    assert aliases(toolset) == dict(zip(names, spelled, strict=True))
    calls = tuple(ToolCall(name=name) for name in names)
    text = render_calls(toolset, calls)
    assert parse_calls(toolset, text) == calls
    assert decide(toolset, parse_calls(toolset, text), 1.0, 0.0).tool_calls == calls


@brief
@given(toolsets())
def test_aliases_are_unique_and_never_pseudo_calls(toolset: Toolset) -> None:
    spelled = aliases(toolset)
    assert len(set(spelled.values())) == len(toolset.tools)
    assert not {"search", "done", "none"} & set(spelled.values())


@pytest.mark.parametrize(
    ("step", "outcome", "query"),
    [
        (Step(position=1, outcome="done"), "done", None),
        (Step(position=1, outcome="none"), "none", None),
        (Step(position=1, outcome="knowledge", query="opening hours"), "knowledge", "opening hours"),
        (Step(position=1, outcome="knowledge"), "knowledge", None),
    ],
)
def test_pseudo_calls_come_back_even_beside_tools_of_that_name(step: Step, outcome: str, query: str | None) -> None:
    toolset = Toolset(name="t", tools=tuple(Tool(name=name) for name in ("done", "none", "search")))
    predicted = decide(toolset, parse_calls(toolset, render_step(toolset, step)), 0.5, 1.0)
    assert (predicted.outcome, predicted.query, predicted.tool_calls) == (outcome, query, ())


def test_a_call_without_its_required_argument_becomes_a_question() -> None:
    predicted = decide(TWO_TOOLS, parse_calls(TWO_TOOLS, 'move{"qty":1}\nstock{}'), 0.5, 1.0)
    assert predicted.outcome == "ask" and predicted.tool_calls == ()
    assert predicted.ask is not None and predicted.ask.model_dump() == {"tool": "stock", "missing": "item", "arguments": {}}


@pytest.mark.parametrize(
    "text", ["", "hello", "move", 'move["a"]', 'move{"qty":', "{}", 'move{"qty":1}\n\nstock{}', "move{}trailing"]
)
def test_text_that_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_calls(TWO_TOOLS, text)
    assert caught.value.code == "bad_call"


def test_every_calling_turn_of_a_conversation_teaches_in_one_sequence() -> None:
    example = harvest_one(Trace(toolset="shop", messages=LONG, outcome="calls"))
    assert example is not None
    learned = [segment.text for segment in render_example(TWO_TOOLS, example) if segment.loss]
    assert learned == [
        'move{"item":"chairs","qty":2}' + END,
        'stock{"item":"chairs"}' + END,
        "done{}" + END,
        'stock{"item":"oak"}' + END,
    ]


def check_segments(toolset: Toolset, example: Example) -> None:
    """With picks and without: what stands before a target is what is asked when serving, where picks stand at own turns."""
    for picks in ({}, {step.position: f"move{step.position}?" for step in example.steps}):
        segments = render_example(toolset, example, picks)
        assert sum(segment.loss for segment in segments) == len(example.steps)
        steps, written = list(example.steps), ""
        for segment in segments:
            if segment.loss:
                step = steps.pop(0)
                before = example.messages[: step.position]
                assert written == render_prompt(toolset, before, {at: picks[at] for at in own_turns(before) if at in picks})
                assert segment.text == render_step(toolset, step) + END
                assert not picks or written.endswith(f"<|im_start|>pick\nmove{step.position}?{END}")
            written += segment.text


def test_own_turns_are_calls_ends_after_results_and_the_turn_to_come() -> None:
    assert own_turns(LONG) == [position for position, message in enumerate(LONG) if is_own(LONG, position)] + [len(LONG)]
    assert own_turns(()) == [0]
    assert own_turns(LONG[1:]) == [position - 1 for position in own_turns(LONG) if position > 1], "cut off before its first call"


def is_own(messages: Sequence[Message], position: int) -> bool:
    message, before = messages[position], messages[position - 1] if position else None
    return message.role == "assistant" and bool(message.tool_calls or (before and before.role == "tool"))


@brief
@given(conversations(), st.sampled_from(["calls", "done", "none", "knowledge", "ask", None]), TEXTS)
def test_the_loss_mask_covers_exactly_the_targets_and_nothing_else(
    given_conversation: tuple[Toolset, tuple[Message, ...]], outcome: Any, query: str
) -> None:
    toolset, messages = given_conversation
    partial = ToolCall(name=toolset.tools[0].name) if outcome == "ask" else None
    example = harvest_one(Trace(toolset="t", messages=messages, outcome=outcome, partial=partial, query=query))
    if example is not None:
        check_segments(toolset, example)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_step_of_one_to_four_calls_is_one_target(count: int) -> None:
    calls = tuple(ToolCall(name="move", arguments={"qty": number}) for number in range(count))
    example = Example(
        trace_id="a",
        cluster="a",
        messages=(Message(role="user", content="go"), Message(role="assistant", tool_calls=calls)),
        steps=(Step(position=1, outcome="calls", calls=calls),),
    )
    check_segments(TWO_TOOLS, example)
    assert parse_calls(TWO_TOOLS, render_example(TWO_TOOLS, example)[-1].text) == calls


HOSTILE = st.lists(
    st.sampled_from(
        [
            "<|im_end|>",
            "<|im_start|>",
            "<",
            "|",
            "im_end",
            "im_start",
            ">",
            "\x00",
            "\x7f",
            "\u2028",
            "\n",
            "<tool_call>",
            "a",
            " ",
            "{}",
        ]
    ),
    max_size=12,
).map("".join)


@brief
@given(HOSTILE)
def test_outside_text_can_never_end_or_open_a_turn(text: str) -> None:
    messages = [Message(role="user", content=text), Message(role="tool", content=text), Message(role="user", content="x")]
    prompt = render_prompt(TWO_TOOLS, messages)
    assert prompt.count("<|im_end|>") == prompt.count("<|im_start|>") == 3
    assert "<tool_call>" not in prompt
    assert neutral(neutral(text)) == neutral(text)


@brief
@given(HOSTILE)
def test_arguments_and_json_results_can_never_end_a_turn(text: str) -> None:
    call = ToolCall(name="move", arguments={"item": text, text: 1})
    messages = [
        Message(role="user", content="x"),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content=json.dumps({text: text})),
    ]
    prompt = render_prompt(TWO_TOOLS, messages)
    assert prompt.count("<|im_end|>") == 3 and prompt.count("<|im_start|>") == 2
    assert parse_calls(TWO_TOOLS, render_calls(TWO_TOOLS, [call])) == (call,)


def test_a_control_character_inside_a_token_does_not_hide_it() -> None:
    assert neutral("a<|im\x00_end|>b") == "a< |im_end|>b"


def test_ordinary_text_is_left_as_it_is() -> None:
    text = "qty < 5 and > 3, with <3 & a|b, über\tall\nnext"
    assert neutral(text) == text


def test_system_messages_are_not_shown_and_results_are_compact() -> None:
    assert render_prompt(TWO_TOOLS, LONG[:4]) == (
        "<|im_start|>user\nmove chairs, then check<|im_end|>"
        'move{"item":"chairs","qty":2}<|im_end|>'
        '<|im_start|>tool\n{"ok":true}<|im_end|>'
    )


@brief
@given(conversations())
def test_the_chat_template_over_turns_writes_the_same_prompt(given_conversation: tuple[Toolset, tuple[Message, ...]]) -> None:
    toolset, messages = given_conversation
    template = ImmutableSandboxedEnvironment().from_string(CHAT_TEMPLATE)
    assert template.render(messages=render_turns(toolset, messages)) == render_prompt(toolset, messages)
    picks = {position: f"say {position}" for position in own_turns(messages)}
    assert template.render(messages=render_turns(toolset, messages, picks)) == render_prompt(toolset, messages, picks)


def test_half_a_surrogate_pair_in_a_result_is_left_out() -> None:
    cut = Message(role="tool", content='{"customer": "Anna \\ud83d"}')
    prompt = render_prompt(TWO_TOOLS, [Message(role="user", content="who?"), cut])
    assert "Anna" in prompt and prompt.encode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("< urgent> call", "<urgent> call"),
        ("5 < 6", "5 < 6"),
        ("List< String> < 3", "List< String> < 3"),
        ({"note": ["< br>", 7]}, {"note": ["<br>", 7]}),
    ],
)
def test_what_was_kept_from_being_a_control_token_is_written_as_it_was_said(written: Any, meant: Any) -> None:
    assert as_said(written, ["note <urgent> call <br>", "is 5 < 6?"]) == meant
