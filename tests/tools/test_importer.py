"""The importer: every bad row is named by file, line and field, and the good rows beside it go in."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import NotFound
from core.types.tool import read_toolset
from core.types.trace import HISTORY, Trace, standing
from finetune.harvest import harvest_one
from tools.importers.jsonl import ImportReport, read_traces

SHOP = read_toolset(
    "shop",
    [
        {
            "name": "move",
            "parameters": {
                "type": "object",
                "properties": {"item": {"type": "string"}, "qty": {"type": "number"}},
                "required": ["item"],
            },
        },
        {
            "name": "bill",
            "parameters": {
                "type": "object",
                "properties": {"order": {"type": "string"}, "customer": {"type": "string"}},
                "anyOf": [{"required": ["order"]}, {"required": ["customer"]}],
            },
        },
    ],
)
USER = {"role": "user", "content": "move chairs"}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "{}"}
TEXT = {"role": "assistant", "content": "Fine."}


def calling(arguments: Any, name: str = "move") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}


GOOD = {"messages": [USER, calling({"item": "chairs"})], "outcome": "calls"}


def read(tmp_path: Path, *lines: Any) -> tuple[list[Trace], ImportReport]:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return read_traces(file, SHOP)


BAD: list[tuple[Any, str, str]] = [
    (b'{"messages": [', "bad_json", "not JSON"),
    (b"move chairs", "bad_json", "not JSON"),
    (b'{"messages": "\xff\xfe"}', "bad_json", "not JSON"),
    (b"[" * 100_000, "bad_json", "not JSON"),
    (b'{"messages": [{"role": "user", "content": "\\ud83d"}]}', "bad_json", "not JSON"),
    (5, "bad_row", "expected an object"),
    ([GOOD], "bad_row", "expected an object"),
    (None, "bad_row", "expected an object"),
    ({}, "bad_messages", "messages: expected a non-empty array"),
    ({"messages": []}, "bad_messages", "messages: expected a non-empty array"),
    ({"messages": "hello"}, "bad_messages", "messages: expected a non-empty array"),
    ({"messages": [USER, 7]}, "bad_messages", "messages[1]: expected an object"),
    ({"messages": [{"role": "robot"}]}, "bad_messages", "messages[0].role"),
    ({"messages": [{"content": "x"}]}, "bad_messages", "messages[0].role"),
    ({"messages": [{"role": "user", "content": 5}]}, "bad_messages", "messages[0].content"),
    ({"messages": [USER, {"role": "assistant", "tool_calls": "x"}]}, "bad_messages", "messages[1].tool_calls"),
    ({"messages": [USER, {"role": "assistant", "tool_calls": [{}]}]}, "bad_call", "messages[1].tool_calls[0]: expected a call"),
    ({"messages": [USER, calling("{item:")]}, "bad_call", "messages[1].tool_calls[0].arguments: not JSON"),
    ({"messages": [USER, calling("[]")]}, "bad_call", "messages[1].tool_calls[0].arguments: expected an object"),
    ({"messages": [USER, calling('{"item": "\\ud83d"}')]}, "bad_call", "messages[1].tool_calls[0].arguments"),
    ({"messages": [USER, calling('{"item": "x", "qty": NaN}')]}, "bad_call", "messages[1].tool_calls[0].arguments"),
    ({"messages": [USER, calling('{"item": "x", "qty": 1e999}')]}, "bad_call", "messages[1].tool_calls[0].arguments"),
    ({"messages": [USER, calling({}, "mvoe")]}, "unknown_tool", "messages[1]: unknown tool 'mvoe'; the toolset has bill, move"),
    (
        {"messages": [USER, calling({"itme": "x"})]},
        "bad_arguments",
        "messages[1]: move: unknown argument 'itme'; known: item, qty",
    ),
    ({"messages": [USER, calling({"item": 5})]}, "bad_arguments", "messages[1]: move: item: 5 is not of type 'string'"),
    ({"messages": [USER, calling({"item": None})]}, "bad_arguments", "messages[1]: move: item"),
    ({"messages": [USER, calling({"item": "x", "qty": "3"})]}, "bad_arguments", "messages[1]: move: qty"),
    ({"messages": [USER, calling({"qty": 3})]}, "bad_arguments", "'item' is a required property"),
    ({"messages": [USER, calling({}, "bill")]}, "bad_arguments", "messages[1]: bill: arguments"),
    (
        {"messages": [USER], "outcome": "maybe"},
        "bad_outcome",
        "outcome: expected one of calls, ask, knowledge, none, done, got 'maybe'",
    ),
    ({"messages": [USER], "outcome": ["calls"]}, "bad_outcome", "outcome"),
    ({"messages": [USER], "outcome": "calls"}, "bad_outcome", "outcome: 'calls' needs"),
    ({"messages": [USER], "outcome": "ask", "partial": 5}, "bad_call", "partial: expected a call"),
    ({"messages": [USER], "outcome": "ask", "partial": {"name": "fly"}}, "unknown_tool", "partial: unknown tool 'fly'"),
    (
        {"messages": [USER], "outcome": "ask", "partial": {"name": "move", "arguments": {"qty": "x"}}},
        "bad_arguments",
        "partial: move: qty",
    ),
    ({"messages": [USER], "outcome": "ask", "missing": 5}, "bad_row", "missing: expected text"),
    ({"messages": [USER], "outcome": "knowledge", "query": ["x"]}, "bad_row", "query: expected text"),
]


@pytest.mark.parametrize(("row", "code", "said"), BAD, ids=[f"{n}-{code}" for n, (_, code, _) in enumerate(BAD)])
def test_a_bad_row_is_named_by_file_line_and_field_and_its_neighbours_go_in(
    tmp_path: Path, row: Any, code: str, said: str
) -> None:
    traces, report = read(tmp_path, GOOD, b"", row, {"messages": [USER], "outcome": "none"})
    assert [trace.outcome for trace in traces] == ["calls", "none"]
    assert (report.rows, report.outcomes) == (3, {"calls": 1, "none": 1})
    [error] = report.errors
    assert (error.line, error.code) == (3, code)
    assert error.message.startswith("rows.jsonl:3: ") and error.message.count("rows.jsonl") == 1
    assert said in error.message
    assert len(error.message) < 500


def test_all_bad_rows_are_listed_in_order(tmp_path: Path) -> None:
    traces, report = read(tmp_path, *(row for row, _, _ in BAD), GOOD)
    assert [error.line for error in report.errors] == list(range(1, len(BAD) + 1))
    assert [error.code for error in report.errors] == [code for _, code, _ in BAD]
    assert len(traces) == 1


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_an_empty_file_holds_no_rows_and_no_errors(tmp_path: Path, content: bytes) -> None:
    traces, report = read(tmp_path, content)
    assert (traces, report) == ([], ImportReport())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing\.jsonl"):
        read_traces(tmp_path / "nothing.jsonl", SHOP)


def test_a_byte_order_mark_and_windows_line_ends_are_forgiven(tmp_path: Path) -> None:
    traces, report = read(tmp_path, b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r", json.dumps(GOOD).encode() + b"\r")
    assert (len(traces), report.errors) == (2, ())


def test_a_text_of_twenty_thousand_characters_is_kept_whole(tmp_path: Path) -> None:
    long = "chairs " * 2_857 + "e"
    [trace], report = read(tmp_path, {"messages": [{"role": "user", "content": long}, calling({"item": "chairs"})]})
    assert len(long) == 20_000 and trace.messages[0].content == long and not report.errors


@pytest.mark.parametrize("name", ["teacher answers.jsonl", "thread export.jsonl", "correction of june.jsonl", "history"])
def test_no_name_of_a_file_says_who_its_rows_are_by(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(json.dumps(GOOD))
    [trace], _ = read_traces(file, SHOP)
    assert not (trace.is_taught or trace.is_of_the_day or trace.is_correction or trace.source == HISTORY)
    assert standing(trace.source, trace.accepted) == 2


def test_line_separators_inside_a_text_do_not_end_the_row(tmp_path: Path) -> None:
    row = json.dumps({"messages": [{"role": "user", "content": "a\u2028b\x85c"}]}, ensure_ascii=False).encode()
    [trace], _ = read(tmp_path, row)
    assert trace.messages[0].content == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("messages", "outcome", "steps"),
    [
        ([USER, calling({"item": "a"})], "calls", ["calls"]),
        ([USER, calling('{"item": "a"}'), RESULT, TEXT], "done", ["calls", "done"]),
        ([USER, calling({"item": "a"}), RESULT, TEXT, USER, TEXT], None, ["calls", "done"]),
        ([USER, calling({"item": "a"}), RESULT], None, ["calls"]),
        ([USER, TEXT], None, []),
        ([USER], None, []),
    ],
)
def test_a_row_without_outcome_is_labelled_by_its_last_turn(
    tmp_path: Path, messages: list[Any], outcome: str | None, steps: list[str]
) -> None:
    [trace], report = read(tmp_path, {"messages": messages})
    assert trace.outcome == outcome
    assert report.unlabelled == (outcome is None)
    example = harvest_one(trace)
    assert [step.outcome for step in example.steps] == steps if example else steps == []


def test_arguments_as_text_and_as_object_are_the_same_trace(tmp_path: Path) -> None:
    as_object, as_text = ({"messages": [USER, calling(form)]} for form in ({"item": "a"}, '{"item":"a"}'))
    traces, _ = read(tmp_path, as_object, as_text)
    assert traces[0].id == traces[1].id


def test_optional_fields_are_read(tmp_path: Path) -> None:
    partial = {"name": "move", "arguments": {"qty": 2}}
    row = {"id": "7", "messages": [USER], "outcome": "ask", "missing": "item", "partial": partial, "shape": 477}
    [trace], _ = read(tmp_path, row)
    assert (trace.missing, trace.shape, trace.source) == ("move.item", "477", "import rows.jsonl")
    assert trace.partial is not None and trace.partial.arguments == {"qty": 2}
    assert trace.schema_hashes == SHOP.schema_hashes
