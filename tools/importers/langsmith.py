"""LangSmith's runs (docs.langchain.com/langsmith/run-data-format): of each trace the last run of a model.

Messages come in OpenAI's form, or as LangChain serialises its own: `{"lc", "type", "id": [..., "HumanMessage"], "kwargs"}`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.errors import BadInput
from tools.importers.rows import Row, Turn, labels_of, objects_in, whole_conversations

_ROLES = {"human": "user", "ai": "assistant", "tool": "tool", "system": "system", "chat": "assistant"}


def rows(lines: Iterable[Row]) -> Iterator[Row]:
    """One conversation a trace; chains and tools say nothing of their own."""
    return whole_conversations(lines, _turns)


def _turns(line: int, document: Any) -> Iterator[Turn | BadInput | None]:
    for each in objects_in(document, "runs", "data"):
        yield each if isinstance(each, BadInput) else _turn(line, each)


def _turn(line: int, run: Mapping[str, Any]) -> Turn | BadInput | None:
    if run.get("run_type", "llm") != "llm" or run.get("error"):
        return None
    inputs, outputs = run.get("inputs"), run.get("outputs")
    said = _messages(inputs.get("messages") if isinstance(inputs, Mapping) else None)
    if said is None:
        return BadInput("inputs.messages: expected an array of messages", code="bad_messages")
    conversation = str(run.get("trace_id") or run.get("id") or line)
    extra = run.get("extra")
    metadata = extra.get("metadata") if isinstance(extra, Mapping) else None
    labels = labels_of(metadata.get("nightschool") if isinstance(metadata, Mapping) else None)
    row = {"messages": [*said, *_answers(outputs)], **labels}
    return Turn(line, conversation, str(run.get("start_time", "")), row)


def _messages(raw: Any) -> list[Any] | None:
    """Messages in OpenAI's form; a batch of one is that one."""
    if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], list):
        raw = raw[0]
    return [_message(each) for each in raw] if isinstance(raw, list) else None


def _answers(outputs: Any) -> list[Any]:
    if not isinstance(outputs, Mapping):
        return []
    for name, inner in (("choices", "message"), ("generations", "message")):
        held = outputs.get(name)
        while isinstance(held, list) and held and isinstance(held[0], list):
            held = held[0]
        if isinstance(held, list) and held and isinstance(held[0], Mapping) and inner in held[0]:
            return [_message(held[0][inner])]
    if "role" in outputs:
        return [_message(outputs)]
    return _messages(outputs.get("messages")) or []


def _message(raw: Any) -> Any:
    if not isinstance(raw, Mapping) or "role" in raw:
        return raw
    names = raw.get("id")
    body: Mapping[str, Any] = next((raw[name] for name in ("kwargs", "data") if isinstance(raw.get(name), Mapping)), raw)
    name = str(names[-1]) if isinstance(names, list) and names else str(body.get("type", raw.get("type", "")))
    role = _ROLES.get(name.removesuffix("Chunk").removesuffix("Message").lower(), name)
    calls = [
        {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args", {})}
        for call in _list(body.get("tool_calls"))
        if isinstance(call, Mapping)
    ]
    return {"role": role, "content": body.get("content"), "tool_calls": calls, "tool_call_id": body.get("tool_call_id")}


def _list(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []
