"""A simulated day: what is right is confirmed, what is wrong is corrected, overlooked, or corrected wrongly, as often as said."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.tool import read_toolset
from core.types.trace import CORRECTION, Trace
from finetune.curate.overlooked import corrections
from finetune.day import Operator, read_day, work_a_day, write_day
from finetune.harvest import harvest_one
from finetune.loop import shuffled
from tools.importers.jsonl import read_trace

_SCHEMA = {"type": "object", "properties": {"item": {"type": "string"}, "qty": {"type": "integer"}}, "required": ["item"]}
TOOLSET = read_toolset("shop", [{"name": name, "parameters": _SCHEMA} for name in ("order", "count")])


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


def conversation(number: int) -> Trace:
    messages = [
        {"role": "user", "content": f"count chair {number}, then order 3"},
        {"role": "assistant", "tool_calls": [call("count", item=f"chair {number}")]},
        {"role": "tool", "tool_call_id": "c", "content": "{}"},
        {"role": "assistant", "tool_calls": [call("order", item=f"chair {number}", qty=3)]},
    ]
    return read_trace({"messages": messages}, TOOLSET)


class Release:
    """Right at the first step of every conversation; at the second as it is told."""

    def __init__(self, second: str) -> None:
        self._second = second

    def predict(self, messages: Sequence[Message]) -> Prediction:
        item = messages[0].content.split(",")[0].removeprefix("count ")
        sure: Any = {"confidence": 0.9, "latency_ms": 1.0}
        if len(messages) == 1:
            return Prediction(outcome="calls", tool_calls=(ToolCall(name="count", arguments={"item": item}),), **sure)
        if self._second == "ask":
            return Prediction(outcome="ask", ask=Ask(tool="order", missing="item", arguments={"qty": 3}), **sure)
        arguments = {"item": item, "qty": 3 if self._second == "right" else 4}
        return Prediction(outcome="calls", tool_calls=(ToolCall(name="order", arguments=arguments),), **sure)


DAY = [conversation(number) for number in range(400)]


def test_what_is_right_is_kept_as_it_was() -> None:
    day = work_a_day(DAY, Release("right"), TOOLSET, Operator())
    assert day.steps == {"right": 800} and [trace.messages for trace in day.traces] == [trace.messages for trace in DAY]
    assert all(trace.accepted and trace.is_of_the_day for trace in day.traces) and not day.refused


def test_a_careful_operator_puts_everything_right() -> None:
    day = work_a_day(DAY, Release("wrong"), TOOLSET, Operator(misses=0, mistaken=0))
    assert day.steps == {"right": 400, "corrected": 400}
    assert [trace.messages for trace in day.traces] == [trace.messages for trace in DAY]
    assert [trace.source for trace in day.traces] == [CORRECTION + refused.id for refused in day.refused]
    assert not any(trace.accepted for trace in day.refused)
    refused = [correction.refused for correction in corrections([*day.refused, *day.traces]).values()]
    assert [(row.messages, row.calls[0].arguments["qty"]) for row in refused] == [(trace.messages[:3], 4) for trace in DAY]


def test_errors_come_as_often_as_said() -> None:
    day = work_a_day(DAY, Release("wrong"), TOOLSET, Operator(misses=0.3, mistaken=0.05))
    assert 90 <= day.steps["missed"] <= 150 and 4 <= day.steps["mistaken"] <= 26
    learned = [trace.messages[-1].tool_calls[0].arguments for trace in day.traces]
    assert sum(arguments.get("qty") == 4 for arguments in learned) == day.steps["missed"]
    assert sum("qty" not in arguments for arguments in learned) == day.steps["mistaken"]
    assert work_a_day(DAY, Release("wrong"), TOOLSET, Operator(), seed=0).steps == day.steps
    assert work_a_day(DAY, Release("wrong"), TOOLSET, Operator(), seed=1).steps != day.steps


def test_a_day_is_read_as_it_was_written(tmp_path: Path) -> None:
    day = work_a_day(DAY[:20], Release("wrong"), TOOLSET, Operator())
    write_day(day, tmp_path / "day.json")
    assert read_day(tmp_path / "day.json") == day and day.refused


@pytest.mark.parametrize("second", ["wrong", "ask"])
def test_what_was_overlooked_teaches_what_was_done(second: str) -> None:
    day = work_a_day(DAY[:5], Release(second), TOOLSET, Operator(misses=1))
    for trace in day.traces:
        example = harvest_one(trace)
        assert example is not None and [step.outcome for step in example.steps] == [
            "calls",
            "ask" if second == "ask" else "calls",
        ]
        assert example.steps[-1].calls[0].name == "order" and len(trace.id) > 0


def test_a_shuffled_day_holds_the_same_words_and_none_with_its_answer() -> None:
    mixed = shuffled(DAY[:50], seed=3)
    before, after = ([trace.messages[0].content for trace in traces] for traces in (DAY[:50], mixed))
    assert sorted(before) == sorted(after) and all(old != new for old, new in zip(before, after, strict=True))
    assert [trace.messages[1:] for trace in mixed] == [trace.messages[1:] for trace in DAY[:50]]
