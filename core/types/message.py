"""Messages of a conversation in OpenAI chat form, read strictly and written back losslessly."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain, count, takewhile
from typing import Any, Literal

from pydantic import Field

from core.errors import BadInput
from core.types.value import Value
from core.unicode import check_unicode

Role = Literal["system", "user", "assistant", "tool"]
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_READ_AS: dict[str, Role] = {"developer": "system", "function": "tool"}
"""Newer and older names of roles."""
_CALL = "tool_use"
"""What Anthropic calls a part of an answer that is a call."""
_UNSAID = (_CALL, "thinking", "redacted_thinking", "reasoning")
"""Parts of an answer that are not what it says."""


class ToolCall(Value):
    """One call of one tool, arguments as an object."""

    name: str
    """The tool's name as the toolset spells it."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Only what was said: an absent key is left out, never null."""
    id: str | None = None
    """The caller's id of the call, to pair results with; not part of its meaning."""

    def same_as(self, other: "ToolCall") -> bool:
        """Equal in name and arguments, whatever the ids."""
        return self.name == other.name and self.arguments == other.arguments


class Message(Value):
    """One message."""

    role: Role
    """Who speaks; OpenAI's `developer` is read as `system`."""
    content: str = ""
    """The text; empty where an assistant turn only calls."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The calls of an assistant turn, in order."""
    tool_call_id: str | None = None
    """Which call a tool message answers."""


def read_messages(raw: Any, where: str = "messages") -> tuple[Message, ...]:
    """Read OpenAI chat messages; arguments may be a JSON string or an object.

    Args:
        raw: The decoded JSON value of the field.
        where: How errors name the field.

    Returns:
        The messages, at least one.

    Raises:
        BadInput: A message is not an object, has no known role, or arguments are not a JSON object.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not raw:
        raise BadInput(f"{where}: expected a non-empty array of messages, got {_show(raw)}", code="bad_messages")
    return tuple(_read_message(item, f"{where}[{index}]") for index, item in enumerate(raw))


def _read_message(raw: Any, where: str) -> Message:
    if not isinstance(raw, Mapping):
        raise BadInput(f"{where}: expected an object, got {_show(raw)}", code="bad_messages")
    role = raw.get("role")
    if role not in _ROLES:
        raise BadInput(f"{where}.role: expected one of {', '.join(_ROLES)}, got {_show(role)}", code="bad_messages")
    content = raw.get("content")
    parts = content if role == "assistant" and isinstance(content, list) else []
    calls = raw.get("tool_calls") or _older_calls(raw) or [_call_of(part) for part in parts if _type_of(part) == _CALL]
    said = [_said(part) for part in parts if _type_of(part) not in _UNSAID] if parts else content
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise BadInput(f"{where}.tool_calls: expected an array, got {_show(calls)}", code="bad_messages")
    return Message(
        role=_READ_AS.get(role, role),
        content=_read_content(said, f"{where}.content"),
        tool_calls=tuple(read_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(calls)),
        tool_call_id=raw.get("tool_call_id") if isinstance(raw.get("tool_call_id"), str) else None,
    )


def _older_calls(raw: Mapping[str, Any]) -> Any:
    """Calls where OpenAI's older form has them, or where LangChain keeps what a provider answered."""
    if isinstance(raw.get("function_call"), Mapping):
        return [raw["function_call"]]
    more = raw.get("additional_kwargs")
    return (more.get("tool_calls") if isinstance(more, Mapping) else None) or []


def _type_of(part: Any) -> Any:
    return part.get("type") if isinstance(part, Mapping) else None


def _call_of(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": part.get("id"), "name": part.get("name"), "arguments": part.get("input")}


def _said(part: Any) -> Any:
    """A part of an answer; OpenAI's refusal as the text it is."""
    return {"text": part.get("refusal")} if _type_of(part) == "refusal" else part


def _read_content(raw: Any, where: str) -> str:
    """Text of a message: a string, null, or OpenAI's list of text parts."""
    if raw is None:
        return ""
    if isinstance(raw, list) and all(isinstance(p, Mapping) and isinstance(p.get("text"), str) for p in raw):
        raw = "\n".join(part["text"] for part in raw)
    if isinstance(raw, str):
        check_unicode(raw, where, "bad_messages")
        return raw
    raise BadInput(f"{where}: expected text or text parts, got {_show(raw)}", code="bad_messages")


def read_call(raw: Any, where: str) -> ToolCall:
    """Read one tool call, in OpenAI's nested form, as plain `{"name", "arguments"}`, or as LangChain's `{"name", "args"}`.

    Raises:
        BadInput: No name, arguments that are not a JSON object, or a number in them that is beyond all that programs read.
    """
    body = raw.get("function", raw) if isinstance(raw, Mapping) else raw
    if not isinstance(body, Mapping) or not isinstance(body.get("name"), str) or not body["name"]:
        raise BadInput(f"{where}: expected a call with a name, got {_show(raw)}", code="bad_call")
    arguments = body.get("arguments", body.get("args", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where}.arguments: not JSON: {_show(arguments)}", code="bad_call") from error
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise BadInput(f"{where}.arguments: expected an object, got {_show(arguments)}", code="bad_call")
    try:
        json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()
        _check_numbers(arguments)
    except (ValueError, OverflowError, RecursionError) as error:
        raise BadInput(f"{where}.arguments: cannot be written as JSON: {error}", code="bad_call") from error
    identity = raw.get("id")
    return ToolCall(name=body["name"], arguments=arguments, id=identity if isinstance(identity, str) else None)


def _check_numbers(value: Any) -> None:
    """Raises OverflowError for a whole number that no double holds."""
    if isinstance(value, int):
        float(value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_numbers(inner)


def write_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Write messages back in OpenAI chat form, arguments as JSON text."""
    return [_write_message(message) for message in messages]


def _write_message(message: Message) -> dict[str, Any]:
    raw: dict[str, Any] = {"role": message.role, "content": message.content or None}
    if message.role != "assistant":
        raw["content"] = message.content
    if message.tool_calls:
        raw["tool_calls"] = [
            {
                "id": call.id or f"call_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
            }
            for index, call in enumerate(message.tool_calls)
        ]
    if message.tool_call_id:
        raw["tool_call_id"] = message.tool_call_id
    return raw


def with_ids(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages as OpenAI pairs them: every call with an id, every result with that of its call.

    Ids that are there stay. Calls without one take those that results of their turn name and no call has, else they are
    numbered through the conversation; a result without one answers the next call of its turn that no result names.
    """
    called = {call.id for message in messages for call in message.tool_calls}
    taken = called | {message.tool_call_id for message in messages}
    fresh = (name for number in count(1) if (name := f"call_{number}") not in taken)
    waiting: list[str] = []
    paired = []
    for at, message in enumerate(messages):
        if message.tool_calls:
            named = _named_by_results(messages[at + 1 :])
            ids = chain([name for name in named if name not in called], fresh)
            calls = [call if call.id else call.model_copy(update={"id": next(ids)}) for call in message.tool_calls]
            waiting = [call.id for call in calls if call.id and call.id not in named]
            message = message.model_copy(update={"tool_calls": tuple(calls)})
        elif message.role == "tool" and not message.tool_call_id and waiting:
            message = message.model_copy(update={"tool_call_id": waiting.pop(0)})
        paired.append(message)
    return tuple(paired)


def _named_by_results(later: Sequence[Message]) -> list[str]:
    """Ids of the calls that results name, up to the next turn that calls."""
    turn = takewhile(lambda message: not message.tool_calls, later)
    return list(dict.fromkeys(message.tool_call_id for message in turn if message.role == "tool" and message.tool_call_id))


def _show(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def last_user_text(messages: Sequence[Message]) -> str:
    """What the user said last; empty when the user said nothing."""
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def repeats(messages: Sequence[Message], calls: Sequence["ToolCall"]) -> bool:
    """Whether a step would only do again what was done since the user spoke: going round in circles."""
    done = calls_this_turn(messages)
    return bool(calls) and all(any(call.same_as(earlier) for earlier in done) for call in calls)


def calls_this_turn(messages: Sequence[Message]) -> list[ToolCall]:
    """Calls since the user last spoke, the newest message's first."""
    calls: list[ToolCall] = []
    for message in reversed(messages):
        if message.role == "user":
            break
        calls.extend(message.tool_calls)
    return calls


def without_ids(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages without call ids: what two equal conversations have in common."""
    return tuple(
        message.model_copy(
            update={"tool_calls": tuple(c.model_copy(update={"id": None}) for c in message.tool_calls), "tool_call_id": None}
        )
        for message in messages
    )
