"""Harvest: accepted traces become examples, every teaching turn of a conversation in one example."""

from collections.abc import Iterable

from core.types.example import Example, Step
from core.types.message import Message
from core.types.trace import Trace


def harvest(traces: Iterable[Trace]) -> list[Example]:
    """Turn accepted traces into examples, in the order given.

    Every assistant turn with calls teaches its calls; assistant text straight after a tool result teaches `done`; a
    labelled end teaches its label; of what a teacher answered only the answer teaches, and an answer that nobody is to learn
    teaches nothing. `ask` without the partial call
    teaches nothing about arguments and is left out. A trace in which nothing teaches gives no example.
    """
    examples = (harvest_one(trace) for trace in traces if trace.accepted)
    return [example for example in examples if example is not None]


def harvest_one(trace: Trace) -> Example | None:
    """The example of one trace, or None when no turn of it teaches."""
    messages, end = _split_end(trace)
    positions = [position for position in range(len(messages)) if position not in trace.unlearned]
    steps = [step for position in positions if (step := _middle_step(messages, position))]
    if end is not None and end.position not in trace.unlearned:
        steps.append(end)
    if trace.is_taught:
        asked = max(at for at, message in enumerate(trace.messages) if message.role == "user")
        steps = [step for step in steps if step.position > asked]
    if not steps:
        return None
    return Example(trace_id=trace.id, cluster=trace.shape or trace.id, messages=messages, steps=tuple(steps))


def _middle_step(messages: tuple[Message, ...], position: int) -> Step | None:
    message = messages[position]
    if message.role != "assistant" or not any(earlier.role == "user" for earlier in messages[:position]):
        return None  # what nobody asked for, the request cut off, teaches nothing
    if message.tool_calls:
        return Step(position=position, outcome="calls", calls=message.tool_calls)
    if position and messages[position - 1].role == "tool":
        return Step(position=position, outcome="done")
    return None


def _split_end(trace: Trace) -> tuple[tuple[Message, ...], Step | None]:
    """The conversation before a labelled end, and the end as a step; calls and done stand in the messages themselves."""
    messages = trace.messages
    if trace.outcome not in ("ask", "knowledge", "none") and not (trace.outcome == "done" and messages[-1].role == "tool"):
        return messages, None
    if messages[-1].role == "assistant":
        messages = messages[:-1]
    position = len(messages)
    if trace.outcome == "ask":
        if trace.partial is None:
            return messages, None
        missing = trace.missing.rpartition(".")[2] if trace.missing else None
        return messages, Step(position=position, outcome="ask", calls=(trace.partial,), missing=missing)
    if trace.outcome == "knowledge":
        return messages, Step(position=position, outcome="knowledge", query=trace.query)
    return messages, Step(position=position, outcome="done" if trace.outcome == "done" else "none")
