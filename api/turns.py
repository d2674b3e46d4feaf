"""The wire form of an agent's turn: an OpenAI chat completion, whole or in chunks as the turn goes on.

What OpenAI's form has no place for is in one more field, `nightschool`: thread, replies, what waits, receipt.
"""

from typing import Any

from agents.threads import Turn
from api.replies import head


def turn_completion(model: str, turn: Turn) -> dict[str, Any]:
    """A turn as a `chat.completion` object; it has no usage, since a turn is many prompts and not one."""
    message = {"role": "assistant", "content": turn.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**head(model, "chat.completion"), "choices": [choice], "nightschool": turn.model_dump(mode="json")}


class TurnChunks:
    """`chat.completion.chunk` objects of one turn, made one after the other."""

    def __init__(self, model: str) -> None:
        self._head = head(model, "chat.completion.chunk")
        self._said = False

    def first(self) -> dict[str, Any]:
        """Who speaks; before anything is known."""
        return self._chunk({"role": "assistant", "content": ""})

    def line(self, text: str) -> dict[str, Any]:
        """One more line of what is said."""
        text, self._said = f"\n{text}" if self._said else text, True
        return self._chunk({"content": text})

    def last(self, turn: Turn) -> dict[str, Any]:
        """The end, with the `nightschool` field."""
        return {**self._chunk({}, "stop"), "nightschool": turn.model_dump(mode="json")}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]}
