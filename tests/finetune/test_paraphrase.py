"""Confirmed requests are said in other words by a teacher, and taken only where nothing of what the calls hold is lost."""

from collections.abc import Callable, Sequence
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
    """Turns a request round, or does what it is told; calls by the words that are there."""

    name = "big"

    def __init__(self, says: Callable[[str], str] = lambda said: " ".join(said.split()[::-1])) -> None:
        self.asked: list[str] = []
        self._says = says

    def reworded(self, request: str) -> str:
        self.asked.append(request)
        return self._says(request)

    def calls(self, messages: Sequence[Message]) -> tuple[ToolCall, ...]:
        words = messages[-1].content.split()
        tool = next((tool for tool in ("move", "look") if tool in words), "")
        arguments: dict[str, Any] = {"item": "lamp"} if "lamp" in words else {}
        if counts := [int(word) for word in words if word.isdecimal()]:
            arguments["count"] = counts[-1]
        return (ToolCall(id="c1", name=tool, arguments=arguments),) if tool else ()


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
    assert ask(home, teacher).requests == 0 and len(teacher.asked) == 2, "neither is asked for twice, nor is a paraphrase"
    assert "lamp" not in next(home.nights.glob("taught-*.jsonl")).read_text(), "no words are kept where nothing forgets them"


def test_the_next_round_asks_for_the_next(home: Home) -> None:
    said = ("over to the cold store", "out of sight, it is ugly", "upstairs", "where Eve wants it", "next door before noon")
    home.traces.add([turn(f"move a lamp {where}") for where in said])
    teacher = Teacher()
    assert [ask(home, teacher, most=2).added for _ in range(3)] == [2, 2, 1] and len(set(teacher.asked)) == 5


@pytest.mark.parametrize("words", ["shift it", "move lamp", "move 4 lamp", "look 3 lamp", "I am sorry"])
def test_other_words_that_come_to_other_calls_are_not_taken(home: Home, words: str) -> None:
    request = turn("move 3 lamp", count=3)
    home.traces.add([request])
    told = ask(home, Teacher(lambda said: words))
    assert told.answered == 0 and not taught(home)
    assert told.failures == (f"teacher big: other words for trace {request.id} come to other calls",), "nobody's words are in it"


def test_what_nobody_confirmed_or_was_put_right_is_not_asked_for(home: Home) -> None:
    wrong = turn("look lamp", source=THREAD + "1")
    twice = turn("move lamp").messages
    home.traces.add(
        [
            turn("move a lamp", accepted=False, source=THREAD + "2"), wrong,
            turn("look lamp", tool="look", source=CORRECTION + wrong.id),
            Trace(toolset="shop", messages=(*twice, *twice), outcome="calls"),
            Trace(toolset="shop", messages=twice[:1], outcome="none"),
        ]
    )  # fmt: skip
    ask(home, teacher := Teacher())
    assert teacher.asked == ["look lamp"]
    assert [trace.messages[1].tool_calls[0].name for trace in taught(home)] == ["look"]


def test_it_teaches_only_beside_its_original(home: Home) -> None:
    original, golden = turn("move the lamp away for me"), turn("please move an old lamp down to us")
    home.traces.add([original, golden])
    ask(home, Teacher())
    home.traces.add([turn(f"{word} lamp , please move to {word}") for word in ("ann", "bob", "cid", "dan")])
    one, other = sorted(taught(home), key=lambda trace: trace.rewords != original.id)
    barred = Barred([golden.messages[:1]])

    def kept() -> set[str]:
        rows = Curator(home, TOOLSET, lambda: None, 0, Silent()).inspect(barred).examples
        clusters = {row.trace_id: row.cluster for row in rows}
        assert clusters.get(one.id) == clusters.get(original.id), "no split comes between them"
        return {trace for trace in clusters if trace in (original.id, golden.id, one.id, other.id)}

    assert kept() == {original.id, one.id}, "the other one says in other words what examines"


def test_other_words_end_where_their_original_ends(home: Home) -> None:
    original = turn("move the lamp").model_copy(update={"outcome": "done"})
    result = (
        *original.messages,
        Message(role="tool", content="{}", tool_call_id="c1"),
        Message(role="assistant", content="Done."),
    )
    original = original.model_copy(update={"messages": result, "outcome": None})
    home.traces.add([original])
    ask(home, Teacher())
    (row,), (other,) = harvest([original]), harvest(taught(home))
    assert [step.outcome for step in other.steps] == ["calls", "done"]
    short = row.model_copy(update={"steps": row.steps[:1]})
    kept = with_original([short, other], {other.trace_id: row.trace_id}).kept
    assert [step.outcome for step in kept[1].steps] == ["calls"]
    assert with_original([other], {other.trace_id: row.trace_id}).dropped == {other.trace_id: "what it rewords is left out"}
    assert with_original([row], {}).not_applicable


def test_what_is_learned_in_other_words_is_no_exam(home: Home) -> None:
    original = turn("move the lamp away")
    home.traces.add([original])
    ask(home, Teacher())
    (one,) = taught(home)
    assert [proposal.trace for proposal in propose(home.traces.all("shop"), TOOLSET, set(), [], 9, 0)] == [original.id]
    assert propose(home.traces.all("shop"), TOOLSET, {one.id}, [], 9, 0) == []


def test_rare_work_comes_first(home: Home) -> None:
    home.traces.add([turn(f"move the {word} lamp over there") for word in ("red", "tall", "old", "new", "odd")])
    home.traces.add([turn("look lamp", tool="look")])
    assert ask(home, teacher := Teacher(), most=1).requests == 1
    assert teacher.asked == ["look lamp"]
