"""What many nights are measured by: which taught steps are not what should have been done, and how even the tools are taught."""

import math

from core.types.example import Step
from core.types.message import Message, ToolCall
from core.types.trace import Trace
from finetune.fast_nights import _entropy, _steps_by_place
from finetune.harvest import harvest_one


def trace(said: str, tool: str, **update: object) -> Trace:
    call = ToolCall(name=tool, arguments={}, id="c1")
    messages = (Message(role="user", content=said), Message(role="assistant", tool_calls=(call,)))
    return Trace(toolset="shop", messages=messages, outcome="calls").model_copy(update=update)


def test_a_step_is_found_by_what_stands_before_it_whatever_was_done() -> None:
    right = _steps_by_place([trace("count chairs", "count"), trace("hello", "count", messages=(), outcome=None)])
    wrong = harvest_one(trace("count chairs", "order"))
    assert wrong is not None and len(right) == 1
    should = right[wrong.key_before(wrong.steps[0].position)]
    assert should.key != wrong.steps[0].key and should.calls[0].name == "count"


def test_entropy_is_of_tools_and_ways_to_end() -> None:
    steps = [Step(position=1, outcome="calls", calls=(ToolCall(name=name, arguments={}),)) for name in ("a", "a", "b", "b")]
    assert math.isclose(_entropy(steps), 1.0) and _entropy(steps[:2]) == 0.0
    assert math.isclose(_entropy([*steps, *[Step(position=1, outcome="none")] * 4]), 1.5)
