"""OTLP spans in JSON with the GenAI conventions of OpenTelemetry: of each conversation the last span of a model.

`gen_ai.input.messages`, `gen_ai.output.messages` and `gen_ai.system_instructions` hold messages of parts (`text`, `tool_call`,
`tool_call_response`), as structure or as a JSON text (opentelemetry.io/docs/specs/semconv/gen-ai).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.errors import BadInput
from tools.importers.rows import Row, Turn, labels_of, objects_in, whole_conversations

LABELS_AT = "nightschool.labels"
_OPERATIONS = ("chat", "text_completion", "generate_content", None)


def rows(lines: Iterable[Row]) -> Iterator[Row]:
    """One conversation a trace, or a `gen_ai.conversation.id`; other spans say nothing of their own."""
    return whole_conversations(lines, _turns)


def _turns(line: int, document: Any) -> Iterator[Turn | BadInput | None]:
    for span in _spans(document):
        yield span if isinstance(span, BadInput) else _turn(line, span)


def _spans(document: Any) -> Iterator[Mapping[str, Any] | BadInput]:
    """Spans of an export request, of one resource, or by themselves."""
    for resource in objects_in(document, "resourceSpans"):
        for scope in [resource] if isinstance(resource, BadInput) else objects_in(resource, "scopeSpans"):
            yield from [scope] if isinstance(scope, BadInput) else objects_in(scope, "spans")


def _turn(line: int, span: Mapping[str, Any]) -> Turn | BadInput | None:
    try:
        return _read(line, span)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        return BadInput(f"span {span.get('spanId')!r}: not as the GenAI conventions have it: {error!r}", code="bad_messages")


def _read(line: int, span: Mapping[str, Any]) -> Turn | None:
    attributes = _attributes(span.get("attributes"))
    operation = attributes.get("gen_ai.operation.name")
    if operation not in _OPERATIONS:
        return None
    if "gen_ai.input.messages" not in attributes:
        if operation is None and not any(name.startswith("gen_ai.prompt") for name in attributes):
            return None
        raise ValueError("no gen_ai.input.messages: what was said is not recorded, or in an older form")
    system = _decoded(attributes.get("gen_ai.system_instructions"))
    pieces = [
        [{"role": "system", "parts": system}] if system else [],
        _decoded(attributes["gen_ai.input.messages"]),
        _decoded(attributes.get("gen_ai.output.messages")) or [],
    ]
    messages = [message for piece in pieces for each in piece for message in _messages(each)]
    conversation = attributes.get("gen_ai.conversation.id") or span.get("traceId") or line
    row = {"messages": messages, **labels_of(_decoded(attributes.get(LABELS_AT)))}
    return Turn(line, str(conversation), str(span.get("startTimeUnixNano", "")).zfill(20), row)


def _attributes(raw: Any) -> dict[str, Any]:
    """By key; OTLP's list of keys with typed values, or a plain object."""
    if isinstance(raw, Mapping):
        return dict(raw)
    pairs = [each for each in raw if isinstance(each, Mapping)] if isinstance(raw, list) else []
    return {str(each.get("key")): _value(each.get("value")) for each in pairs}


def _value(raw: Any) -> Any:
    """A typed value of OTLP as JSON."""
    if not isinstance(raw, Mapping):
        return raw
    if "arrayValue" in raw:
        return [_value(each) for each in raw["arrayValue"].get("values", ())]
    if "kvlistValue" in raw:
        return {each["key"]: _value(each.get("value")) for each in raw["kvlistValue"].get("values", ())}
    if "intValue" in raw:
        return int(raw["intValue"])
    return next(iter(raw.values()), None)


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _messages(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A message of parts in OpenAI's form; every result of a tool is a message of its own."""
    parts: Sequence[Mapping[str, Any]] = raw.get("parts") or ()
    answers = [part for part in parts if part.get("type") == "tool_call_response"]
    for part in answers:
        result = part.get("response", part.get("result"))
        content = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        yield {"role": "tool", "content": content, "tool_call_id": part.get("id")}
    texts = [str(part.get("content", "")) for part in parts if part.get("type") == "text"]
    calls = [
        {"id": part.get("id"), "name": part["name"], "arguments": part.get("arguments") or {}}
        for part in parts
        if part.get("type") == "tool_call"
    ]
    if not answers or texts or calls:
        yield {"role": raw["role"], "content": "\n".join(texts), "tool_calls": calls}
