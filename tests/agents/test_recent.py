"""Of a long thread only its last turns are looked at; the present one always is."""

from agents.recent import recent
from core.types.message import Message, ToolCall


def turn(number: int, length: int = 100) -> list[Message]:
    call = ToolCall(name="look", arguments={"n": number})
    return [
        Message(role="user", content=f"{number} " + "x" * length),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content="y" * 5_000, tool_call_id="c"),
        Message(role="assistant", content="Done."),
    ]


def test_short_threads_are_seen_whole_and_long_ones_from_a_request_on() -> None:
    assert recent(turn(1)) == tuple(turn(1))
    thread = [message for number in range(50) for message in turn(number)]
    seen = recent(thread)
    assert seen[0].role == "user" and seen[-4:] == tuple(turn(49)) and 8 <= len(seen) <= 32
    assert recent([*turn(1, 9_000), *turn(2)]) == tuple(turn(2))


def test_the_present_turn_is_whole_however_long() -> None:
    assert recent([*turn(1), *turn(2, 11_000)[:1]]) == tuple(turn(2, 11_000)[:1])
    assert recent([Message(role="system", content="x")]) == (Message(role="system", content="x"),)
