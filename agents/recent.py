"""What of a long thread is looked at for the next step: its last turns, as many as a release can read."""

from collections.abc import Sequence

from core.types.message import Message

MOST_CHARACTERS = 7_000
"""Of what is looked at; about 3,000 of a context's 4,096 tokens."""
_MOST_OF_A_RESULT = 1_200
"""More of one is not written into a prompt either."""


def recent(messages: Sequence[Message], most: int = MOST_CHARACTERS) -> tuple[Message, ...]:
    """The present turn, and as many whole turns before it as fit.

    Args:
        messages: The thread.
        most: Characters, if the present turn does not take more by itself.
    """
    begins = [at for at, message in enumerate(messages) if message.role == "user"]
    if not begins:
        return tuple(messages)
    start, left = begins[-1], most - sum(map(_length, messages[begins[-1] :]))
    for begin, end in zip(reversed(begins[:-1]), reversed(begins[1:]), strict=True):
        left -= sum(map(_length, messages[begin:end]))
        if left < 0:
            return tuple(messages[start:])
        start = begin
    return tuple(messages)


def _length(message: Message) -> int:
    called = sum(len(call.name) + len(str(call.arguments)) for call in message.tool_calls)
    return called + (min(len(message.content), _MOST_OF_A_RESULT) if message.role == "tool" else len(message.content))
