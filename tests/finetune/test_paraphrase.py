"""Confirmed requests are said in other words by a teacher, and taken only where nothing of what the calls hold is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.home import Home
from core.settings import Settings
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from core.types.trace import CORRECTION, TEACHER, THREAD, Trace
from finetune.barred import Barred
from finetune.curate.with_original import with_original
from finetune.curation import Curator
from finetune.harvest import harvest
from finetune.paraphrase import paraphrase
from finetune.progress import Silent
from finetune.propose import propose

_ITEM = {"type": "object", "properties": {"item": {"type": "string"}, "count": {"type": "integer"}}}
TOOLSET: Toolset = read_toolset("shop", [{"name": "move", "parameters": _ITEM}, {"name": "look", "parameters": _ITEM}])


class Teacher:
    """Turns a request round, or does what it is told."""

    name = "big"

    def __init__(self, says: Callable[[str], str] = lambda said: " ".join(said.split()[::-1])) -> None:
        self.asked: list[str] = []
        self._says = says

    def reworded(self, request: str) -> str:
        self.asked.append(request)
        return self._says(request)


def turn(text: str, tool: str = "move", item: str = "lamp", count: int | None = None, **update: Any) -> Trace:
    arguments = {"item": item} | ({"count": count} if count is not None else {})
    call = ToolCall(id="c1", name=tool, arguments=arguments)
    messages = (Message(role="user", content=text), Message(role="assistant", tool_calls=(call,)))
    return Trace(toolset="shop", messages=messages, outcome="calls").model_copy(update=update)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(Settings(home=tmp_path))
    home.registry.add(TOOLSET)
    return home


def ask(home: Home, teacher: Any, most: int = 100) -> Any:
    return paraphrase(home, TOOLSET, teacher, Silent(), most)


def taught(home: Home) -> list[Trace]:
    return [trace for trace in home.traces.all("shop") if trace.is_taught]


def test_other_words_have_the_same_answer_and_are_a_teachers(home: Home) -> None:
    home.traces.add([turn("move the lamp", count=None), turn("move 3 lamp", count=3)])
    told = ask(home, teacher := Teacher())
    assert (told.requests, told.answered, told.added, told.failures) == (2, 2, 2, ())
    assert {trace.messages[0].content for trace in taught(home)} == {"lamp the move", "lamp 3 move"}
    assert all(trace.source.startswith(TEACHER + "big") and trace.accepted for trace in taught(home))
    assert {home.traces.get(trace.rewords or "").messages[0].content for trace in taught(home)} == {
        "move the lamp",
        "move 3 lamp",
    }
    assert {call.arguments.get("count") for row in harvest(taught(home)) for call in row.steps[0].calls} == {None, 3}
    assert ask(home, teacher).added == 0 and len(teacher.asked) == 2, "neither is asked for twice, nor is a paraphrase"


@pytest.mark.parametrize("words", ["shift it", "lamp lamp", "move 4 lamp", "move 3 or 4 lamp", "move three lamps"])
def test_where_a_value_is_lost_or_a_number_differs_nothing_is_taken(home: Home, words: str) -> None:
    home.traces.add([turn("move 3 lamp", count=3)])
    told = ask(home, Teacher(lambda said: words))
    assert told.answered == 0 and not taught(home) and "is lost in other words" in told.failures[0]


def test_what_nobody_confirmed_or_was_put_right_is_not_asked_for(home: Home) -> None:
    wrong = turn("look lamp", source=THREAD + "1")
    twice = turn("move lamp").messages
    home.traces.add(
        [
            turn("move a lamp", accepted=False, source=THREAD + "2"), wrong,
            turn("look lamp", tool="look", source=CORRECTION + wrong.id),
            Trace(toolset="shop", messages=(*twice, *twice), outcome="calls"),
        ]
    )  # fmt: skip
    ask(home, teacher := Teacher())
    assert teacher.asked == ["look lamp"]
    assert [trace.messages[1].tool_calls[0].name for trace in taught(home)] == ["look"]


def test_it_teaches_only_beside_its_original(home: Home) -> None:
    original, golden = turn("take the lamp away for me"), turn("carry one old lamp down to us")
    home.traces.add([original, golden])
    ask(home, Teacher())
    home.traces.add([turn(f"{word} lamp, please, to {word}") for word in ("ann", "bob", "cid", "dan")])
    one, other = sorted(taught(home), key=lambda trace: trace.rewords != original.id)
    barred = Barred([golden.messages[:1]])

    def kept() -> set[str]:
        rows = Curator(home, TOOLSET, lambda: None, 0, Silent()).inspect(barred).examples
        clusters = {row.trace_id: row.cluster for row in rows}
        assert clusters.get(one.id) == clusters.get(original.id), "no split comes between them"
        return {trace for trace in clusters if trace in (original.id, golden.id, one.id, other.id)}

    assert kept() == {original.id, one.id}, "the other one says in other words what examines"
    wrong = original.model_copy(update={"accepted": False})
    assert not with_original(harvest([one, other]), {one.id: wrong.id, other.id: golden.id}).kept
    assert with_original(harvest([original]), {}).not_applicable


def test_what_is_learned_in_other_words_is_no_exam(home: Home) -> None:
    original = turn("take the lamp away")
    home.traces.add([original])
    ask(home, Teacher())
    (one,) = taught(home)
    assert [proposal.trace for proposal in propose(home.traces.all("shop"), TOOLSET, set(), [], 9, 0)] == [original.id]
    assert propose(home.traces.all("shop"), TOOLSET, {one.id}, [], 9, 0) == []


def test_rare_work_comes_first(home: Home) -> None:
    home.traces.add([turn(f"move lamp {'x' * number}") for number in range(1, 9)])
    home.traces.add([turn("look lamp", tool="look")])
    assert ask(home, teacher := Teacher(), most=1).requests == 1
    assert teacher.asked == ["look lamp"]
