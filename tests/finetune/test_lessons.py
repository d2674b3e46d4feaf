"""Lessons: picks come from pickers that did not see the row, and stand before the step they are for."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.picker import Picker, PickerRow
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from finetune.fit import PickerFold, Remembering, cross_fit_pickers, picker_folds
from finetune.join import Joiner
from finetune.lessons import Lesson, prepare_lessons, read_lessons, write_lessons
from tests.hashed_words import HashedWords
from tools.kinds import KindTable
from tools.marks import Marker

TOOLSET = read_toolset(
    "shop", [{"name": name, "parameters": {"type": "object", "properties": {"item": {"type": "string"}}}} for name in ("bill", "call")]
)  # fmt: skip
MARKER = Marker(TOOLSET, KindTable())


class CountingEmbedder(HashedWords):
    """Counts what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return super().embed(texts)


def row(number: int) -> Example:
    call = ToolCall(name=("bill", "call")[number % 2], arguments={"item": f"n{number}"})
    messages = (Message(role="user", content=f"{call.name} now n{number}"), Message(role="assistant", tool_calls=(call,)))
    return Example(
        trace_id=f"t{number}",
        cluster=f"c{number}",
        messages=messages,
        steps=(Step(position=1, outcome="calls", calls=(call,)),),
    )


ROWS = [row(number) for number in range(30)]


JOINER = Joiner(TOOLSET, KindTable(), 0.5, seed=0)


@pytest.fixture(scope="module")
def cross_fitted() -> list[PickerFold]:
    return cross_fit_pickers(TOOLSET, ROWS, JOINER, MARKER, CountingEmbedder(), seed=0)


def test_no_picker_saw_the_rows_of_its_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []

    made: list[str] = []

    def fit(cls: type, toolset: Toolset, rows: Sequence[PickerRow], joined: Sequence[PickerRow], *rest: object) -> str:
        seen.append({row.messages[0].content for row in rows})
        made.append("\n".join(row.messages[0].content for row in joined))
        return "picker"

    monkeypatch.setattr(Picker, "fit", classmethod(fit))
    folds = cross_fit_pickers(TOOLSET, ROWS, JOINER, MARKER, CountingEmbedder(), seed=0)
    assert [list(fold.examples) for fold in folds] == picker_folds(ROWS, 0)
    for fold, texts, joined in zip(folds, seen, made, strict=True):
        own = {example.messages[0].content for example in fold.examples}
        assert own and own.isdisjoint(texts) and len(own) + len(texts) == len(ROWS)
        assert joined and not any(re.search(rf"{text}\b", joined) for text in own), "nor joined rows of them"


def test_every_step_has_a_pick_and_pairs_are_of_one_fold(cross_fitted: list[PickerFold]) -> None:
    lessons = prepare_lessons(TOOLSET, ROWS[:20], cross_fitted, Joiner(TOOLSET, KindTable(), 0.75, seed=0))
    fold_of = {e.trace_id: n for n, fold in enumerate(cross_fitted) for e in fold.examples}
    singles = [lesson for lesson in lessons if "+" not in lesson.example.trace_id]
    pairs = [lesson for lesson in lessons if "+" in lesson.example.trace_id]
    assert sorted(lesson.example.trace_id for lesson in singles) == sorted(example.trace_id for example in ROWS[:20])
    assert all(lesson.picks.keys() == {step.position for step in lesson.example.steps} for lesson in lessons)
    assert pairs and all(len({fold_of[name] for name in p.example.trace_id.partition("#")[0].split("+")}) == 1 for p in pairs)
    assert sum(lesson.picks[1].startswith(lesson.example.steps[0].calls[0].name) for lesson in singles) >= 18


def test_lessons_are_read_back_as_written(cross_fitted: list[PickerFold], tmp_path: Path) -> None:
    lessons = prepare_lessons(TOOLSET, ROWS[:5], cross_fitted, Joiner(TOOLSET, KindTable(), 0.0, seed=0))
    write_lessons(lessons, tmp_path / "lessons.jsonl")
    assert read_lessons(tmp_path / "lessons.jsonl") == lessons
    assert all(isinstance(lesson, Lesson) for lesson in lessons)


def test_a_remembering_embedder_embeds_once() -> None:
    counting = CountingEmbedder()
    embedder = Remembering(counting)
    first = embedder.embed(["a b", "c", "a b"])
    again = embedder.embed(["c", "a b"])
    assert counting.asked == ["a b", "c"]
    assert np.array_equal(first[0], first[2]) and np.array_equal(again[1], first[0]) and np.array_equal(again[0], first[1])
