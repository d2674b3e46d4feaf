"""What a person put right acts on the next request like it, with that request's own values."""

from typing import Any

import pytest

from agents.memory import Memory
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from core.types.trace import Trace
from tools.kinds import KindTable
from tools.marks import Marker

_TOOLS = [
    {
        "name": "move",
        "parameters": {
            "type": "object",
            "properties": {
                "item": {"type": "string", "x-kind": "product"},
                "count": {"type": "integer", "x-kind": "quantity"},
                "to": {"type": "string", "x-kind": "warehouse"},
                "why": {"type": "string", "x-kind": "text"},
            },
            "required": ["item", "to"],
        },
    }
]
_NAMES = {"product": ["oak chair", "pine desk", "glass vase"], "warehouse": ["east yard", "main hall"]}


def _toolset() -> Toolset:
    return read_toolset("shop", _TOOLS, {kind: {"names": names} for kind, names in _NAMES.items()})


def _memory(*corrections: tuple[str, list[dict[str, Any]]]) -> Memory:
    traces = []
    for text, calls in corrections:
        called = tuple(ToolCall(name="move", arguments=arguments, id=f"c{at}") for at, arguments in enumerate(calls))
        said = Message(role="user", content=text)
        messages = (said, Message(role="assistant", tool_calls=called)) if called else (said,)
        traces.append(Trace(toolset="shop", messages=messages, outcome="calls" if called else "none"))
    return Memory(Marker(_toolset(), KindTable()), lambda: traces)


_SHIFT = ("shift 4 oak chairs over to the east yard", [{"item": "oak chairs", "count": 4, "to": "east yard"}])


def _recalled(memory: Memory, text: str, *before: Message) -> Any:
    found = memory.recall([*before, Message(role="user", content=text)])
    return found and [call.arguments for call in found.tool_calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shift 4 oak chairs over to the east yard", [{"item": "oak chairs", "count": 4, "to": "east yard"}]),
        ("Shift 12 pine desks over to the main hall!", [{"item": "pine desks", "count": 12, "to": "main hall"}]),
        ("shift oak chairs over to the east yard", None),
        ("shift 4 oak chairs over to the east yard please", None),
        ("how many oak chairs are in the east yard", None),
        ("", None),
    ],
)
def test_a_correction_acts_on_requests_like_it(text: str, expected: Any) -> None:
    assert _recalled(_memory(_SHIFT), text) == expected


def test_a_value_said_twice_is_carried_over_only_where_it_is_said_twice_again() -> None:
    moves = [{"item": "oak chairs", "count": 5, "to": "east yard"}, {"item": "pine desks", "count": 5, "to": "main hall"}]
    memory = _memory(("move 5 oak chairs to the east yard and 5 pine desks to the main hall", moves))
    assert _recalled(memory, "move 3 oak chairs to the east yard and 7 pine desks to the main hall") is None
    assert _recalled(memory, "move 3 oak chairs to the east yard and 3 pine desks to the main hall") == [
        {**move, "count": 3} for move in moves
    ]


def test_the_newest_correction_counts_and_nothing_may_be_right() -> None:
    memory = _memory(("shift 9 oak chairs over to the main hall", []), _SHIFT)
    found = memory.recall([Message(role="user", content="shift 4 oak chairs over to the east yard")])
    assert found is not None and found.outcome == "none" and found.confidence == 1.0


def test_what_answers_a_question_is_neither_remembered_nor_recalled() -> None:
    asked = (Message(role="user", content="close a yard"), Message(role="assistant", content="Which one?"))
    call = ToolCall(name="move", arguments={"item": "oak chair", "to": "east yard"})
    answered = (*asked, Message(role="user", content="oak chair, east yard"), Message(role="assistant", tool_calls=(call,)))
    memory = Memory(Marker(_toolset(), KindTable()), lambda: [Trace(toolset="shop", messages=answered, outcome="calls")])
    assert _recalled(memory, "pine desk, main hall") is None, "it was right after another question"
    assert _recalled(_memory(_SHIFT), _SHIFT[0], *asked) is None
    done = (Message(role="user", content="hi"), Message(role="assistant", content="Done."))
    assert _recalled(_memory(_SHIFT), _SHIFT[0], *done) == _SHIFT[1]


def test_free_words_have_to_be_said_again() -> None:
    memory = _memory(
        ("move oak chairs to the east yard, they are wet", [{"item": "oak chairs", "to": "east yard", "why": "they are wet"}])
    )
    assert _recalled(memory, "move pine desks to the main hall, they are wet") == [
        {"item": "pine desks", "to": "main hall", "why": "they are wet"}
    ]
    assert _recalled(memory, "move pine desks to the main hall, they are red") is None


def test_only_a_request_is_answered_from_memory() -> None:
    memory = _memory(_SHIFT)
    assert memory.recall([]) is None
    assert memory.recall([Message(role="user", content=_SHIFT[0]), Message(role="tool", content="{}", tool_call_id="c")]) is None
