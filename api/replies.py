"""The wire form of an answer: a prediction becomes an OpenAI chat completion, whole or in chunks.

https://platform.openai.com/docs/api-reference/chat, with one more field, `nightschool`, that clients pass over.
"""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from agents.replies import reply_text
from core.types.message import ToolCall
from core.types.prediction import Prediction
from core.types.tool import Toolset
from core.types.value import Value


class Answer(Value):
    """One prediction on its way out."""

    model: str
    """What the request named, repeated."""
    release: str
    """The release that decided."""
    toolset: Toolset
    """The tools it decided on."""
    prediction: Prediction
    """What it decided."""

    @property
    def finish_reason(self) -> str:
        """`tool_calls` or `stop`."""
        return "tool_calls" if self.prediction.outcome == "calls" else "stop"

    @property
    def text(self) -> str | None:
        """What to say to the person; None where the answer is calls."""
        return reply_text(self.prediction, self.toolset)

    @property
    def details(self) -> dict[str, Any]:
        """The `nightschool` field: what OpenAI's form has no place for."""
        row = self.prediction.to_row()
        details = {name: row[name] for name in ("outcome", "ask", "query", "confidence")}
        written = self.prediction.written
        return {**details, "release": self.release, "drafts": written.drafts if written else 0}


def completion(answer: Answer) -> dict[str, Any]:
    """The answer as a `chat.completion` object."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.prediction.tool_calls:
        message["tool_calls"] = [_wire_call(call) for call in answer.prediction.tool_calls]
    return {
        **head(answer.model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "usage": _usage(answer.prediction),
        "nightschool": answer.details,
    }


def chunks(answer: Answer, include_usage: bool) -> Iterator[dict[str, Any]]:
    """The answer as `chat.completion.chunk` objects; `nightschool` is on the one that carries `finish_reason`.

    Args:
        answer: What to send.
        include_usage: As in `stream_options`: one more chunk, without choices, carries the usage.
    """
    begins = head(answer.model, "chat.completion.chunk")
    if include_usage:
        begins["usage"] = None

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {**begins, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]}

    text = answer.text
    yield chunk({"role": "assistant", "content": None if text is None else ""})
    if text:
        yield chunk({"content": text})
    for index, call in enumerate(answer.prediction.tool_calls):
        wire = _wire_call(call)
        arguments = wire["function"]["arguments"]
        wire["function"]["arguments"] = ""
        yield chunk({"tool_calls": [{"index": index, **wire}]})
        yield chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})
    yield {**chunk({}, answer.finish_reason), "nightschool": answer.details}
    if include_usage:
        yield {**begins, "choices": [], "usage": _usage(answer.prediction)}


def head(model: str, kind: str) -> dict[str, Any]:
    """What every object of an answer begins with."""
    return {"id": f"chatcmpl-{secrets.token_hex(12)}", "object": kind, "created": int(time.time()), "model": model}


def _wire_call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    identity = call.id or f"call_{secrets.token_hex(12)}"
    return {"id": identity, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _usage(prediction: Prediction) -> dict[str, int]:
    """Tokens of the prompt and of the draft taken; drafts laid aside are not counted."""
    written = prediction.written
    prompt, completion = (written.prompt_tokens, len(written.tokens)) if written else (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
