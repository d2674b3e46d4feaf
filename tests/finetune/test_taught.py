"""Requests nobody answered are answered by a teacher once, and what it says counts for less than what people do."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.home import Home
from agents.retention import forget_taught
from core.errors import BadInput, ModelError
from core.settings import Settings
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from core.types.trace import CORRECTION, TEACHER, THREAD, Trace
from finetune.curate.conflicts import TAUGHT, agreed
from finetune.curate.mostly_peoples import SHARE, mostly_peoples
from finetune.harvest import harvest
from finetune.taught import ask_teacher

_COUNT = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
TOOLSET: Toolset = read_toolset("shop", [{"name": "move", "parameters": _COUNT}])


class Bars:
    """Progress nobody looks at."""

    def step(self, title: str) -> None: ...
    def update(self, done: float, of: float, note: str = "") -> None: ...


class Teacher:
    """Moves as many as there are words, or does what it is told."""

    name = "big"

    def __init__(self, does: Callable[[Sequence[Message]], Any] | None = None) -> None:
        self.asked: list[str] = []
        self._does = does or (lambda messages: len(messages[-1].content.split()))

    def calls(self, messages: Sequence[Message]) -> tuple[ToolCall, ...]:
        self.asked.append(messages[-1].content)
        count = self._does(messages)
        return (ToolCall(id="c1", name="move", arguments={"count": count}),) if count else ()


def turn(text: str, count: int = 0, **update: Any) -> Trace:
    call = ToolCall(id="c1", name="move", arguments={"count": count})
    messages = (Message(role="user", content=text), *((Message(role="assistant", tool_calls=(call,)),) if count else ()))
    return Trace(toolset="shop", messages=messages, outcome="calls" if count else None).model_copy(update=update)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(Settings(home=tmp_path))
    home.registry.add(TOOLSET)
    return home


def ask(home: Home, teacher: Any, **how: Any) -> Any:
    return ask_teacher(home, TOOLSET, teacher, Bars(), **how)


def test_only_what_nobody_answered_is_asked_and_only_once(home: Home) -> None:
    wrong = turn("move a lot", 9, accepted=False, source=THREAD + "2")
    home.traces.add(
        [
            turn("move three", 3), turn("move some more"), turn("let be by nobody", 7, accepted=False, source=THREAD + "1"),
            wrong, turn("move a lot", 4, source=CORRECTION + wrong.id), turn("move some more", source="again"),
        ]
    )  # fmt: skip
    teacher = Teacher()
    told = ask(home, teacher)
    assert teacher.asked == ["move some more", "let be by nobody"]
    assert (told.requests, told.answered, told.added, told.failures) == (2, 2, 2, ())
    taught = [trace for trace in home.traces.all("shop") if trace.is_taught]
    assert [trace.messages[-1].tool_calls[0].arguments["count"] for trace in taught] == [3, 4]
    assert all(trace.source == TEACHER + "big" and trace.accepted and not trace.is_of_the_day for trace in taught)
    again = ask(home, teacher)
    assert len(teacher.asked) == 2 and (again.answered, again.added) == (2, 0)


def test_an_interrupted_round_goes_on_where_it_was(home: Home) -> None:
    home.traces.add([turn(f"move {'x ' * number}") for number in range(6)])

    def away(messages: Sequence[Message]) -> int:
        if len(teacher.asked) > 3:
            raise KeyboardInterrupt
        return 2

    teacher = Teacher(away)
    with pytest.raises(KeyboardInterrupt):
        ask(home, teacher)
    file = next(home.nights.glob("taught-*.jsonl"))
    file.write_bytes(file.read_bytes() + b'["half a li')
    after = Teacher()
    told = ask(home, after)
    assert (told.answered, told.added, len(after.asked)) == (6, 3, 3)


def test_what_is_of_no_use_is_told_and_a_teacher_that_is_away_is_not_asked_on(home: Home) -> None:
    home.traces.add([turn(f"move {number}") for number in range(10)])

    def useless(messages: Sequence[Message]) -> int:
        raise BadInput("nonsense")

    told = ask(home, teacher := Teacher(useless))
    assert (told.requests, told.answered, told.added) == (10, 0, 0) and told.failures == ("nonsense",) * 3
    assert len(teacher.asked) == 10 and ask(home, teacher).answered == 0 and len(teacher.asked) == 10
    home.traces.add([turn(f"shift {number}") for number in range(10)])

    def gone(messages: Sequence[Message]) -> int:
        raise ModelError("away")

    told = ask(home, teacher := Teacher(gone))
    assert told.failures == ("away",) * 3 and len(teacher.asked) == 3


def test_only_the_answer_teaches_and_not_what_was_refused_before(home: Home) -> None:
    refused = ToolCall(id="c1", name="move", arguments={"count": 99})
    messages = (
        Message(role="user", content="move all"),
        Message(role="assistant", tool_calls=(refused,)),
        Message(role="tool", tool_call_id="c1", content="refused"),
        Message(role="user", content="thanks"),
    )
    home.traces.add([Trace(toolset="shop", messages=messages, accepted=False, source=THREAD + "1")])
    ask(home, Teacher(lambda said: 0))
    (example,) = harvest(home.traces.all("shop"))
    assert [(step.position, step.outcome) for step in example.steps] == [(4, "none")]


def test_what_a_person_says_takes_the_place_of_the_same_said_by_a_teacher(home: Home) -> None:
    home.traces.add([turn("move three of them")])
    ask(home, Teacher(lambda said: 3))
    assert home.traces.add([turn("move three of them", 3, source=CORRECTION + "x")]) == 1
    assert [trace.source for trace in home.traces.all("shop") if trace.messages[-1].tool_calls] == [CORRECTION + "x"]
    assert home.traces.add([turn("move three of them", 3, source=TEACHER + "big")]) == 0


def test_every_round_asks_what_was_not_asked_before(home: Home) -> None:
    home.traces.add([turn(f"move {number}") for number in range(5)])
    teacher = Teacher()
    assert [ask(home, teacher, most=2).answered for _ in range(4)] == [2, 4, 5, 5] and len(teacher.asked) == 5


def test_what_was_taught_is_forgotten_with_what_was_asked(home: Home) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=400)
    home.traces.add([turn("move some", source=THREAD + "1", accepted=False, created_at=long_ago)])
    ask(home, Teacher())
    before = datetime.now(UTC) - timedelta(days=365)
    assert home.traces.forget(before, pretend=True) == home.traces.forget(before) == 2 and home.traces.count("shop") == 0
    assert forget_taught(home.nights, before, pretend=False) == 0 and list(home.nights.glob("taught-*"))
    assert forget_taught(home.nights, datetime.now(UTC) + timedelta(days=1), pretend=False) == 1
    assert not list(home.nights.glob("taught-*"))


def test_people_are_believed_before_a_teacher() -> None:
    ours, theirs = turn("move it", 3, source=THREAD + "1"), turn("move it", 5, source=TEACHER + "big")
    examples = harvest([ours, theirs])
    kept, dropped, _ = agreed(examples, {theirs.id: TAUGHT})
    assert [example.trace_id for example in kept] == [ours.id] and list(dropped) == [theirs.id]


def test_what_nobody_confirmed_is_a_part_of_a_night_and_no_more() -> None:
    people = harvest([turn(f"move {number}", number + 1) for number in range(70)])
    models = harvest([turn(f"shift {number}", number + 1, source=TEACHER + "big") for number in range(100)])
    unconfirmed = frozenset(example.trace_id for example in models)
    kept, dropped, lacked = mostly_peoples([*people, *models], unconfirmed)
    assert len(kept) == 100 and len(dropped) == 70 and not lacked and not dropped.keys() - unconfirmed
    assert sum(example.trace_id in unconfirmed for example in kept) <= SHARE * len(kept)
    assert mostly_peoples([*people, *models], unconfirmed) == (kept, dropped, lacked)
    assert mostly_peoples(models, unconfirmed)[0] == []
    assert mostly_peoples([*people, *models[:30]], unconfirmed)[1] == {}
    assert mostly_peoples(people, frozenset())[2] == "no model's answers"
