"""One trace as a row of each format that `tools/importers` reads; labels go where a format has room for what is not its own."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from core.types.message import Message, with_ids, write_messages
from core.types.tool import Toolset
from core.types.trace import Trace
from tools.importers.otlp import LABELS_AT

Write = Callable[[Trace, Toolset], dict[str, Any]]


def labels(trace: Trace) -> dict[str, Any]:
    """What is known of a trace's end, as the contract has it; nothing that is not known."""
    partial = {"name": trace.partial.name, "arguments": trace.partial.arguments} if trace.partial else None
    named = {"outcome": trace.outcome, "missing": trace.missing, "partial": partial, "query": trace.query, "shape": trace.shape}
    known = {name: value for name, value in named.items() if value is not None}
    return {**known, "unlearned": list(trace.unlearned)} if trace.unlearned else known


def _nightschool(trace: Trace, _: Toolset) -> dict[str, Any]:
    return {"messages": write_messages(with_ids(trace.messages)), **labels(trace)}


def _openai(trace: Trace, toolset: Toolset) -> dict[str, Any]:
    """A fine-tuning example; the format has no room for labels, so an end that calls nothing comes back without."""
    messages = write_messages(with_ids(trace.messages))
    for at in trace.unlearned:
        messages[at]["weight"] = 0
    return {"messages": messages, "tools": tools_of(toolset)}


def _trl(trace: Trace, toolset: Toolset) -> dict[str, Any]:
    """Arguments as objects, which is what chat templates take."""
    messages = write_messages(with_ids(trace.messages))
    for message, said in zip(messages, trace.messages, strict=True):
        for raw, call in zip(message.get("tool_calls", ()), said.tool_calls, strict=True):
            raw["function"]["arguments"] = call.arguments
    return {"messages": messages, "tools": tools_of(toolset), **labels(trace)}


def _langfuse(trace: Trace, _: Toolset) -> dict[str, Any]:
    said, answer = _parted(trace)
    return {
        "id": f"{trace.id}-1",
        "traceId": trace.id,
        "type": "GENERATION",
        "name": trace.toolset,
        "startTime": trace.created_at.isoformat(),
        "input": write_messages(said),
        "output": write_messages(answer)[0] if answer else None,
        "metadata": {"nightschool": labels(trace)},
    }


def _langsmith(trace: Trace, _: Toolset) -> dict[str, Any]:
    said, answer = _parted(trace)
    return {
        "id": f"{trace.id}-1",
        "trace_id": trace.id,
        "name": trace.toolset,
        "run_type": "llm",
        "start_time": trace.created_at.isoformat(),
        "inputs": {"messages": write_messages(said)},
        "outputs": {"choices": [{"message": message} for message in write_messages(answer)]},
        "extra": {"metadata": {"nightschool": labels(trace)}},
    }


def _otlp(trace: Trace, _: Toolset) -> dict[str, Any]:
    """An export request of one span."""
    said, answer = _parted(trace)
    start = str(int(trace.created_at.timestamp() * 1e9))
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": trace.id,
        "gen_ai.input.messages": json.dumps([_in_parts(message) for message in said], ensure_ascii=False),
        "gen_ai.output.messages": json.dumps([_in_parts(message) for message in answer], ensure_ascii=False),
        LABELS_AT: json.dumps(labels(trace), ensure_ascii=False),
    }
    span = {
        "traceId": (trace.id * 2)[:32],
        "spanId": trace.id[:16],
        "name": f"chat {trace.toolset}",
        "startTimeUnixNano": start,
        "endTimeUnixNano": start,
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


WRITERS: Mapping[str, Write] = {
    "nightschool": _nightschool,
    "openai": _openai,
    "trl": _trl,
    "langfuse": _langfuse,
    "langsmith": _langsmith,
    "otlp": _otlp,
}


ANSWERED = frozenset({"openai"})
"""Formats whose rows have to end with an answer: fine-tuning there refuses others."""


def has_answer(trace: Trace) -> bool:
    """Whether the last word is the model's."""
    return trace.messages[-1].role == "assistant"


def tools_of(toolset: Toolset) -> list[dict[str, Any]]:
    """The tools as OpenAI takes them."""
    return [
        {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
        for tool in toolset.tools
    ]


def _parted(trace: Trace) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """What a model was given, and what it answered; no answer where the last word is not its own."""
    messages = with_ids(trace.messages)
    return (messages[:-1], messages[-1:]) if has_answer(trace) else (messages, ())


def _in_parts(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}],
        }
    text = [{"type": "text", "content": message.content}] if message.content else []
    calls = [{"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls]
    return {"role": message.role, "parts": [*text, *calls]}
