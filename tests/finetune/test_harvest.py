"""Harvest: what of a trace teaches, and what does not."""

from typing import Any

import pytest

from core.types.example import Step
from core.types.message import Message, ToolCall
from core.types.trace import Trace
from finetune.harvest import harvest, harvest_one

CALL = ToolCall(name="move", arguments={"qty": 1})
USER, RESULT = Message(role="user", content="go"), Message(role="tool", content="{}")
CALLS, TEXT = Message(role="assistant", tool_calls=(CALL,)), Message(role="assistant", content="Fine.")


def steps(*messages: Message, **label: Any) -> list[tuple[int, str]]:
    example = harvest_one(Trace(toolset="t", messages=messages, **label))
    return [(step.position, step.outcome) for step in example.steps] if example else []


@pytest.mark.parametrize(
    ("messages", "label", "expected"),
    [
        ((USER, CALLS), {"outcome": "calls"}, [(1, "calls")]),
        ((USER, CALLS, RESULT, CALLS), {"outcome": "calls"}, [(1, "calls"), (3, "calls")]),
        ((USER, CALLS, RESULT, TEXT), {"outcome": "done"}, [(1, "calls"), (3, "done")]),
        ((USER, CALLS, RESULT), {"outcome": "done"}, [(1, "calls"), (3, "done")]),
        ((USER, CALLS, RESULT, TEXT, USER, CALLS), {"outcome": "calls"}, [(1, "calls"), (3, "done"), (5, "calls")]),
        ((USER, TEXT, USER, CALLS), {"outcome": "calls"}, [(3, "calls")]),
        ((USER, TEXT), {}, []),
        ((USER,), {}, []),
        ((CALLS, RESULT, USER, CALLS), {"outcome": "calls"}, [(3, "calls")]),
        ((CALLS, RESULT, TEXT), {"outcome": "done"}, []),
        ((USER, CALLS, RESULT, TEXT, USER), {}, [(1, "calls"), (3, "done")]),
        ((USER, CALLS, RESULT), {}, [(1, "calls")]),
        ((USER,), {"outcome": "none"}, [(1, "none")]),
        ((USER, TEXT), {"outcome": "none"}, [(1, "none")]),
        ((USER, CALLS, RESULT, TEXT), {"outcome": "none"}, [(1, "calls"), (3, "none")]),
        ((USER,), {"outcome": "knowledge", "query": "hours"}, [(1, "knowledge")]),
        ((USER, TEXT), {"outcome": "knowledge"}, [(1, "knowledge")]),
        ((USER, TEXT), {"outcome": "ask", "partial": CALL}, [(1, "ask")]),
        ((USER,), {"outcome": "ask", "partial": CALL}, [(1, "ask")]),
        ((USER, TEXT), {"outcome": "ask"}, []),
        ((USER, CALLS, RESULT, TEXT), {"outcome": "ask"}, [(1, "calls")]),
        ((USER, CALLS, RESULT, TEXT), {"outcome": "ask", "partial": CALL}, [(1, "calls"), (3, "ask")]),
    ],
)
def test_exactly_the_teaching_turns_become_steps(
    messages: tuple[Message, ...], label: dict[str, Any], expected: list[tuple[int, str]]
) -> None:
    assert steps(*messages, **label) == expected


def test_steps_carry_what_is_to_be_written() -> None:
    ask = harvest_one(Trace(toolset="t", messages=(USER, TEXT), outcome="ask", missing="move.item", partial=CALL))
    know = harvest_one(Trace(toolset="t", messages=(USER,), outcome="knowledge", query="hours"))
    assert ask is not None and ask.steps == (Step(position=1, outcome="ask", calls=(CALL,), missing="item"),)
    assert know is not None and know.steps == (Step(position=1, outcome="knowledge", query="hours"),)
    assert ask.messages == (USER,), "the question itself is not shown: it is what code writes"


def test_rejected_traces_teach_nothing_and_order_is_kept() -> None:
    traces = [
        Trace(toolset="t", messages=(Message(role="user", content=str(n)),), outcome="none", accepted=n != 1) for n in range(4)
    ]
    assert [example.trace_id for example in harvest(traces)] == [traces[n].id for n in (0, 2, 3)]


def test_the_shape_is_the_cluster_else_the_trace_is_its_own() -> None:
    shaped = Trace(toolset="t", messages=(USER,), outcome="none", shape="s7")
    alone = Trace(toolset="t", messages=(USER,), outcome="none")
    assert [example.cluster for example in harvest([shaped, alone])] == ["s7", alone.id]


def test_examples_of_the_same_content_have_the_same_id() -> None:
    first, second = harvest([Trace(toolset="t", messages=(USER,), outcome="none", shape=shape) for shape in "ab"])
    assert first.id == second.id
