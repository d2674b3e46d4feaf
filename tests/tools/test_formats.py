"""Traces from and for other programs: there and back, as these programs really write them, and garbage."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.types.message import Message, ToolCall, with_ids
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset, read_toolset
from core.types.trace import Trace
from finetune.harvest import harvest_one
from tools.exporters.formats import WRITERS
from tools.exporters.present import Present
from tools.importers.formats import READERS
from tools.importers.jsonl import ImportReport, read_trace, read_traces

TOOLSET = read_toolset(
    "shop",
    [
        {
            "name": "move",
            "parameters": {"type": "object", "properties": {"item": {"type": "string"}, "count": {"type": "number"}}},
        },
        {"name": "look", "parameters": {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}},
    ],
)
WITH_LABELS = [form for form in WRITERS if form != "openai"]


def user(text: str) -> Message:
    return Message(role="user", content=text)


def calling(*calls: ToolCall, text: str = "") -> Message:
    return Message(role="assistant", content=text, tool_calls=calls)


MOVE, LOOK = ToolCall(name="move", arguments={"item": "Stühle", "count": 2.5}, id="c1"), ToolCall(name="look", arguments={"item": "a"}, id="c2")  # fmt: skip
TRACES = [
    Trace(toolset="shop", messages=(user("move them"), calling(MOVE)), outcome="calls"),
    Trace(
        toolset="shop", outcome="done", shape="s1",
        messages=(
            Message(role="system", content="Be brief.\nAlways."), user("look, then move"), calling(LOOK, MOVE, text="At once."),
            Message(role="tool", content='{"n": 1}', tool_call_id="c2"), Message(role="tool", content="ok", tool_call_id="c1"),
            Message(role="assistant", content="Done — moved 2½."),
        ),
    ),
    Trace(toolset="shop", messages=(user("move"),), outcome="ask", missing="look.item", partial=ToolCall(name="look")),
    Trace(toolset="shop", messages=(user("how late?"),), outcome="knowledge", query="how late"),
    Trace(toolset="shop", messages=(user("hello"), Message(role="assistant", content="Hello.")), outcome="none"),
]  # fmt: skip


def imported(tmp_path: Path, form: str, *lines: Any) -> tuple[list[Trace], ImportReport]:
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return read_traces(file, TOOLSET, form=form)


@pytest.mark.parametrize("form", WITH_LABELS)
def test_what_is_exported_comes_back_as_the_same_trace(tmp_path: Path, form: str) -> None:
    traces, report = imported(tmp_path, form, *(WRITERS[form](trace, TOOLSET) for trace in TRACES))
    assert report.errors == () and [trace.id for trace in traces] == [trace.id for trace in TRACES]
    assert [[c.id for m in t.messages for c in m.tool_calls] for t in traces] == [
        [c.id for m in t.messages for c in m.tool_calls] for t in TRACES
    ]


def test_openai_has_no_room_for_labels_but_keeps_every_message(tmp_path: Path) -> None:
    rows = [WRITERS["openai"](trace, TOOLSET) for trace in TRACES]
    assert {key for row in rows for key in row} == {"messages", "tools"}, "its fine-tuning refuses other keys"
    traces, _ = imported(tmp_path, "openai", *rows)
    assert [trace.messages for trace in traces] == [trace.messages for trace in TRACES]
    assert [trace.outcome for trace in traces] == ["calls", "done", None, None, None]


WITHOUT_IDS = Trace(
    toolset="shop", outcome="done",
    messages=(
        user("move two, then look"), calling(ToolCall(name="move", arguments={"count": 2}), ToolCall(name="look", arguments={"item": "a"})),
        Message(role="tool", content="ok"), Message(role="tool", content="{}"), calling(ToolCall(name="look", arguments={"item": "b"})),
        Message(role="tool", content="fine"), Message(role="assistant", content="Done."),
    ),
)  # fmt: skip


def test_calls_without_ids_are_exported_with_ids_by_which_their_results_are_found(tmp_path: Path) -> None:
    calls = [call for message in WRITERS["openai"](WITHOUT_IDS, TOOLSET)["messages"] for call in message.get("tool_calls", ())]
    assert [call["id"] for call in calls] == ["call_1", "call_2", "call_3"]
    for form in WRITERS:
        (back,), report = imported(tmp_path, form, WRITERS[form](WITHOUT_IDS, TOOLSET))
        assert report.errors == () and back.id == WITHOUT_IDS.id
        assert [message.tool_call_id for message in back.messages if message.role == "tool"] == ["call_1", "call_2", "call_3"]


def test_the_id_of_a_trace_does_not_depend_on_ids_of_calls() -> None:
    paired = WITHOUT_IDS.model_copy(update={"messages": with_ids(WITHOUT_IDS.messages)})
    assert WITHOUT_IDS.id == paired.id == "313a58f7811bce8b", "stored traces are known by it"
    assert WITHOUT_IDS.conversation_key == "7a4467cf22192eb9c43a42f44e70b1a7"


def test_ids_that_are_there_stay_and_results_go_to_calls_of_their_own_turn() -> None:
    def result(identity: str | None = None) -> Message:
        return Message(role="tool", content="ok", tool_call_id=identity)

    look = ToolCall(name="look", arguments={"item": "a"})
    said = (
        user("a"), calling(MOVE, LOOK, look), result(), result("c1"), result(), user("b"), calling(look),
        calling(look.model_copy(update={"id": "call_1"})), calling(look, look), result("x"), result(), result(),
    )  # fmt: skip
    paired = with_ids(said)
    assert [[call.id for call in message.tool_calls] for message in paired if message.tool_calls] == [
        ["c1", "c2", "call_2"], ["call_3"], ["call_1"], ["x", "call_4"],
    ]  # fmt: skip
    assert [m.tool_call_id for m in paired if m.role == "tool"] == ["c2", "c1", "call_2", "x", "call_4", None]
    assert with_ids(paired) == paired and with_ids(()) == ()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ARGUMENTS = st.fixed_dictionaries({"item": TEXTS}, optional={"count": st.floats(allow_nan=False, allow_infinity=False)})


@given(said=st.lists(TEXTS, min_size=1, max_size=3), calls=st.lists(ARGUMENTS, min_size=1, max_size=3), text=TEXTS)
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("form", WITH_LABELS)
def test_any_words_and_values_come_back(form: str, said: list[str], calls: list[dict[str, Any]], text: str) -> None:
    made = calling(*(ToolCall(name="move", arguments=a, id=f"c{n}") for n, a in enumerate(calls)), text=text)
    told = tuple(Message(role="tool", content=text, tool_call_id=f"c{n}") for n in range(len(calls)))
    trace = Trace(toolset="shop", messages=(*map(user, said), made, *told, user("and?"), made), outcome="calls")
    line = json.loads(json.dumps(WRITERS[form](trace, TOOLSET)))
    ((_, row),) = READERS[form]([(1, line)])
    assert not isinstance(row, BadInput) and read_trace(row, TOOLSET).id == trace.id


# as other programs write them

CALLED = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"item": "a"}'}}
ASKED = {"role": "user", "content": "look at a"}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "fine"}


def said_by(traces: Sequence[Trace]) -> list[list[str]]:
    return [[message.role for message in trace.messages] for trace in traces]


def test_a_stored_completion(tmp_path: Path) -> None:
    answer = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        "finish_reason": "tool_calls",
    }
    one = {"object": "chat.completion", "messages": [ASKED], "choices": [answer]}
    listed = {"object": "list", "data": [{**one, "input": one["messages"]}]}
    traces, report = imported(tmp_path, "openai", one, listed)
    assert report.errors == () and said_by(traces) == [["user", "assistant"]] * 2 and traces[0].outcome == "calls"


def test_prompt_and_completion_of_trl_with_arguments_as_an_object(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "look", "arguments": {"item": "a"}}}
    row = {"prompt": [ASKED], "completion": [{"role": "assistant", "tool_calls": [call]}]}
    preference = {"prompt": [ASKED], "chosen": [{"role": "assistant", "tool_calls": [call]}], "rejected": [{"role": "assistant", "content": "?"}]}  # fmt: skip
    traces, report = imported(tmp_path, "trl", row, preference)
    assert report.errors == () and said_by(traces) == [["user", "assistant"]] * 2


def test_langfuse_gives_the_last_generation_of_a_trace_and_a_file_may_be_one_array(tmp_path: Path) -> None:
    first = {"id": "1", "traceId": "t", "type": "GENERATION", "startTime": "2026-01-01T00:00:00Z", "input": {"messages": [ASKED]}, "output": {"role": "assistant", "content": None, "tool_calls": [CALLED]}}  # fmt: skip
    later = {
        **first,
        "id": "2",
        "startTime": "2026-01-01T00:00:02Z",
        "input": [ASKED, first["output"], RESULT],
        "output": "All fine.",
    }
    span = {"id": "3", "traceId": "t", "type": "SPAN", "input": {"any": "thing"}}
    traces, report = imported(tmp_path, "langfuse", json.dumps([later, span, first], indent=2))
    assert report.errors == () and said_by(traces) == [["user", "assistant", "tool", "assistant"]]
    assert traces[0].outcome == "done" and traces[0].messages[-1].content == "All fine."


def test_langsmith_runs_of_langchain_messages(tmp_path: Path) -> None:
    def lc(kind: str, **body: Any) -> dict[str, Any]:
        return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": body}

    answer = lc("AIMessage", content="", tool_calls=[{"name": "look", "args": {"item": "a"}, "id": "c1", "type": "tool_call"}])
    first = {"id": "1", "trace_id": "t", "run_type": "llm", "start_time": "1", "inputs": {"messages": [[lc("HumanMessage", content="look at a")]]}, "outputs": {"generations": [[{"text": "", "message": answer}]]}}  # fmt: skip
    said = [lc("HumanMessage", content="look at a"), answer, lc("ToolMessage", content="fine", tool_call_id="c1")]
    second = {**first, "id": "2", "start_time": "2", "inputs": {"messages": [said]}, "outputs": {"generations": [[{"message": lc("AIMessageChunk", content="Fine.")}]]}}  # fmt: skip
    chain = {"id": "0", "trace_id": "t", "run_type": "chain", "inputs": {"question": "?"}}
    failed = {**second, "id": "3", "error": "timeout", "start_time": "3"}
    traces, report = imported(tmp_path, "langsmith", chain, first, second, failed)
    assert report.errors == () and said_by(traces) == [["user", "assistant", "tool", "assistant"]]
    assert traces[0].messages[1].tool_calls[0].arguments == {"item": "a"} and traces[0].outcome == "done"


def test_otlp_spans_with_messages_as_structure_or_as_text(tmp_path: Path) -> None:
    def text(value: str) -> dict[str, Any]:
        return {"stringValue": value}

    def part(**fields: dict[str, Any]) -> dict[str, Any]:
        return {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in fields.items()]}}

    asked = part(role=text("user"), parts={"arrayValue": {"values": [part(type=text("text"), content=text("look at a"))]}})
    wanted = json.dumps([{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"item": "a"}}], "finish_reason": "tool_call"}])  # fmt: skip
    span = {
        "traceId": "ab" * 16, "startTimeUnixNano": "1",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": text("chat")},
            {"key": "gen_ai.input.messages", "value": {"arrayValue": {"values": [asked]}}},
            {"key": "gen_ai.output.messages", "value": text(wanted)},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}},
        ],
    }  # fmt: skip
    tool = {"traceId": "ab" * 16, "attributes": [{"key": "gen_ai.operation.name", "value": text("execute_tool")}]}
    traces, report = imported(tmp_path, "otlp", {"resourceSpans": [{"scopeSpans": [{"spans": [span, tool]}]}]})
    assert report.errors == () and said_by(traces) == [["user", "assistant"]] and traces[0].outcome == "calls"


SAYS = {"type": "text", "text": "At once."}
USES = {"type": "tool_use", "id": "c1", "name": "look", "input": {"item": "a"}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"content": [SAYS, USES], "tool_calls": [{"name": "look", "args": {"item": "a"}, "id": "c1"}]}, "At once."),
        ({"content": [USES]}, ""),
        ({"content": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, SAYS, USES]}, "At once."),
        ({"content": [{"type": "reasoning", "summary": []}], "tool_calls": [CALLED]}, ""),
        ({"content": [{"type": "refusal", "refusal": "No."}], "tool_calls": [CALLED]}, "No."),
    ],
)
def test_answers_in_parts_are_read(tmp_path: Path, answer: dict[str, Any], said: str) -> None:
    (trace,), report = imported(tmp_path, "nightschool", {"messages": [ASKED, {"role": "assistant", **answer}]})
    assert not report.bad and trace.messages[1].content == said
    assert trace.messages[1].tool_calls == (ToolCall(name="look", arguments={"item": "a"}, id="c1"),)


@pytest.mark.parametrize("part", [{"type": "image_url"}, {"type": "refusal"}, {"type": "tool_use"}, 5])
def test_parts_that_say_nothing_known_are_told(tmp_path: Path, part: Any) -> None:
    for role in ("user", "assistant"):
        assert imported(tmp_path, "nightschool", {"messages": [{"role": role, "content": [part]}]})[1].bad == 1


def test_rows_of_trl_with_whole_conversations_in_one_array_and_with_labels_as_numbers(tmp_path: Path) -> None:
    answer = {"role": "assistant", "tool_calls": [CALLED]}
    whole = {"prompt": "look at a", "messages": [ASKED, answer], "chosen": [ASKED, answer], "completion": "x"}
    unwanted = {"prompt": [ASKED], "completion": [answer], "label": 0}
    traces, report = imported(tmp_path, "trl", json.dumps([whole, unwanted, {**unwanted, "label": 1}, 5], indent=1))
    assert said_by(traces) == [["user", "assistant"]] * 2 and [error.code for error in report.errors] == ["unwanted", "bad_row"]


@pytest.mark.parametrize("text", ['{"answer": "All fine"}', '["a", "b"]', "[see above]"])
def test_an_answer_that_is_json_of_its_own_stays_the_text_it_is(tmp_path: Path, text: str) -> None:
    row = {"traceId": "t", "input": json.dumps([ASKED, {"role": "assistant", "tool_calls": [CALLED]}, RESULT]), "output": text}
    (trace,), report = imported(tmp_path, "langfuse", row)
    assert not report.bad and trace.messages[-1] == Message(role="assistant", content=text) and trace.outcome == "done"


# what was said to tools of another time


def test_a_trace_of_then_is_brought_to_the_tools_of_now_or_told_why_not(tmp_path: Path) -> None:
    def shop(name: str, **properties: Any) -> Toolset:
        parameters = {"type": "object", "properties": properties, "required": list(properties)}
        return read_toolset("shop", [{"name": name, "parameters": parameters}, {"name": "look"}])

    then, now = shop("move", count={"type": "string"}), shop("shift", quantity={"type": "integer"})
    renamed = ToolMigration(becomes="shift", arguments={"count": "quantity"}, casts={"count": "integer"})
    edges = {then.schema_hashes["move"]: [(now.schema_hashes["shift"], renamed)]}

    def said(count: str) -> Trace:
        messages = (user("move"), calling(ToolCall(name="move", arguments={"count": count}, id="c1")))
        return Trace(toolset="shop", messages=messages, outcome="calls", schema_hashes=then.schema_hashes)

    partial = ToolCall(name="move")
    asked = Trace(toolset="shop", messages=(user("move"),), outcome="ask", missing="move.count", partial=partial, schema_hashes=then.schema_hashes)  # fmt: skip
    looked = Trace(toolset="shop", messages=(user("look"), calling(ToolCall(name="look"))), schema_hashes=then.schema_hashes)
    present = Present(now, edges)
    brought, question = present.bring(said("3")), present.bring(asked)
    assert isinstance(brought, Trace) and isinstance(question, Trace) and present.bring(looked) is looked
    assert brought.messages[1].tool_calls == (ToolCall(name="shift", arguments={"quantity": 3}, id="c1"),)
    assert question.missing == "shift.quantity" and question.partial == ToolCall(name="shift")
    for trace in (brought, question):
        assert read_trace(WRITERS["nightschool"](trace, now), now).id == trace.id
    assert present.bring(said("some")) == "shift: values of another time that do not fit what it takes now"
    assert present.bring(asked.model_copy(update={"schema_hashes": {}})) == (
        "move: said to a tool of another time, and no migration leads here"
    )
    optional = {then.schema_hashes["move"]: [(now.schema_hashes["shift"], renamed.model_copy(update={"optional": ("count",)}))]}
    assert Present(now, optional).bring(asked) == "asks for move.count, which need not be said any more"
    assert Present(now, {}).bring(said("3")) == "move: said to a tool of another time, and no migration leads here"


# garbage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["messages", "input", "output", "inputs", "outputs", "choices", "generations", "message", "role", "content", "tool_calls", "attributes",
         "key", "value", "resourceSpans", "scopeSpans", "spans", "gen_ai.input.messages", "parts", "type", "id", "kwargs", "data", "run_type",
         "arrayValue", "kvlistValue", "values", "intValue", "metadata", "extra", "nightschool", "prompt", "stringValue"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


SPAN = {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "x", "value": {"arrayValue": 3}}]}]}]}]}
RUN = {"inputs": {"messages": [{"id": ["x"], "kwargs": {"tool_calls": 7}}]}, "outputs": {"generations": [[[{"message": 5}]]]}}


def test_answers_that_are_not_to_be_learned_teach_nothing(tmp_path: Path) -> None:
    wrong = {"role": "assistant", "weight": 0, "tool_calls": [CALLED]}
    (trace,), _ = imported(
        tmp_path, "openai", {"messages": [ASKED, wrong, RESULT, {"role": "assistant", "tool_calls": [CALLED]}]}
    )
    example = harvest_one(trace)
    assert trace.unlearned == (1,) and example is not None and [step.position for step in example.steps] == [3]
    (back,), _ = imported(tmp_path, "openai", WRITERS["openai"](trace, TOOLSET))
    assert back.unlearned == (1,) and back.id == trace.id
    refused = {"prompt": [ASKED], "completion": [{"role": "assistant", "tool_calls": [CALLED]}], "label": False}
    traces, report = imported(tmp_path, "trl", refused, {**refused, "label": True})
    assert len(traces) == 1 and report.errors[0].code == "unwanted"
    bad = imported(tmp_path, "nightschool", {"messages": [ASKED], "unlearned": [1]})[1]
    assert "unlearned: expected numbers of messages, from 0 to 0" in bad.errors[0].message


@pytest.mark.parametrize(
    "spelled",
    [
        {"tool_calls": [{"name": "look", "args": {"item": "a"}, "id": "c1", "type": "tool_call"}]},
        {"function_call": {"name": "look", "arguments": '{"item": "a"}'}},
        {"additional_kwargs": {"tool_calls": [CALLED]}},
    ],
)
def test_older_and_other_forms_of_calls_are_read(tmp_path: Path, spelled: dict[str, Any]) -> None:
    answer = {"role": "assistant", "content": "", **spelled}
    row = {"traceId": "t", "input": json.dumps([ASKED]), "output": json.dumps(answer)}
    (trace,), report = imported(tmp_path, "langfuse", row)
    assert not report.bad and trace.messages[1].tool_calls[0].arguments == {"item": "a"}


def test_every_agent_of_a_trace_is_kept_and_whole_traces_are_opened(tmp_path: Path) -> None:
    def turn(name: str, *messages: Any) -> dict[str, Any]:
        return {"id": name, "input": list(messages), "output": {"role": "assistant", "tool_calls": [CALLED]}}

    called = {"role": "assistant", "tool_calls": [CALLED]}
    other = {"role": "user", "content": "and b?"}
    system = {"role": "system", "content": "It is noon."}
    later = turn("3", {**system, "content": "It is one."}, ASKED, called, RESULT)
    whole = {"id": "t", "input": "x", "output": "y", "observations": [turn("1", system, ASKED), turn("2", other), later]}
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps([whole]))
    traces, report = read_traces(file, TOOLSET, form="langfuse")
    assert not report.bad
    assert sorted(said_by(traces)) == [["system", "user", "assistant", "tool", "assistant"], ["user", "assistant"]]


def test_spans_whose_words_are_not_there_are_told(tmp_path: Path) -> None:
    span = {"attributes": {"gen_ai.operation.name": "chat", "gen_ai.prompt.0.content": "look"}}
    traces, report = imported(tmp_path, "otlp", span, {"attributes": {"http.method": "GET"}})
    assert not traces and report.bad == 1 and "no gen_ai.input.messages" in report.errors[0].message


def test_numbers_beyond_all_and_halves_of_signs_are_refused(tmp_path: Path) -> None:
    call = '{"name": "move", "arguments": {"count": ' + "9" * 400 + "}}"
    row = '{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [' + call + "]}]}"
    _, report = imported(tmp_path, "nightschool", row)
    assert report.errors[0].code == "bad_call"
    file = tmp_path / "whole.json"
    file.write_text(json.dumps([{"messages": [ASKED], "shape": "\ud800"}], indent=1))
    traces, report = read_traces(file, TOOLSET, form="openai")
    assert not traces and report.bad
    deep = {"attributes": {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "[" * 50_000}}
    assert imported(tmp_path, "otlp", deep)[1].bad == 1


@given(documents=st.lists(JSON, max_size=4))
@example(documents=[SPAN, RUN, {"inputs": {"messages": [{"kwargs": [1]}]}}])
@settings(max_examples=200, deadline=None)
@pytest.mark.parametrize("form", list(READERS))
def test_garbage_is_told_by_line_and_never_a_crash(form: str, documents: list[Any]) -> None:
    for line, row in READERS[form]([(number, document) for number, document in enumerate(documents, 1)]):
        assert 1 <= line <= len(documents)
        if not isinstance(row, BadInput):
            try:
                read_trace(row, TOOLSET)
            except BadInput:
                continue


@pytest.mark.parametrize("form", list(READERS))
def test_a_truncated_line_costs_that_line_alone(tmp_path: Path, form: str) -> None:
    good = json.dumps(WRITERS[form](TRACES[0], TOOLSET))
    traces, report = imported(tmp_path, form, good[: len(good) // 2], good)
    assert len(traces) == 1 and [error.line for error in report.errors] == [1] and "in.jsonl:1" in report.errors[0].message
