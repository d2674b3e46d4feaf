"""Fitting the reviewer: every draft of the reserved part is judged once, whatever happens in between."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.engines.engine import Generation
from agents.picker import Pick, Picker
from agents.writer import Writer
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from finetune.fit import Judged, PickerFold, fit_reviewer, judge_drafts
from tools.kinds import KindTable
from tools.marks import Marker

COUNT = {"type": "object", "properties": {"count": {"type": "integer"}}}
TOOLSET = read_toolset("shop", [{"name": "move", "parameters": COUNT}, {"name": "tag", "parameters": COUNT}])
TABLE = KindTable(max_calls=1, outcomes=("calls",))


class CountingEngine:
    """Calls `move` with the first number said, unless the grammar leaves only `tag`; dies at the request it was told to."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.asked, self._dies_at = 0, dies_at

    def generate(self, prompt: str, grammar: str | None, max_tokens: int, reuse: bool = False) -> Generation:
        self.asked += 1
        if self.asked == self._dies_at:
            raise KeyboardInterrupt
        text = (
            'move{"count":7}' if "move" in (grammar or "").split("root ::= ")[1].split("\n")[0] or not reuse else 'tag{"count":7}'
        )
        return Generation(text=text, tokens=(text,), logprobs=(-0.5,))

    def close(self) -> None:
        """Nothing to free."""


class FixedPicker(Picker):
    """Finds both tools possible."""

    def __init__(self) -> None:
        """Needs no classifier."""

    def pick_all(self, conversations: Sequence[Sequence[Message]]) -> list[Pick]:
        return [Pick([("move", 0.6), ("tag", 0.4)], {}) for _ in conversations]


def row(number: int) -> Example:
    call = ToolCall(name="move" if number % 3 else "tag", arguments={"count": 7})
    messages = (Message(role="user", content=f"row {number}: 7 of them"), Message(role="assistant", tool_calls=(call,)))
    step = Step(position=1, outcome="calls", calls=(call,))
    return Example(trace_id=str(number), cluster=str(number), messages=messages, steps=(step,))


RESERVED = [row(number) for number in range(9)]
FOLDS = [PickerFold(tuple(RESERVED[:4]), FixedPicker()), PickerFold(tuple(RESERVED[4:]), FixedPicker())]


def judge(engine: CountingEngine, file: Path, table: KindTable = TABLE) -> list[Judged]:
    return judge_drafts(TOOLSET, table, Writer(engine, TOOLSET, table, Marker(TOOLSET, table)), FOLDS, RESERVED, 0, file)


def test_every_draft_is_judged_by_what_was_right(tmp_path: Path) -> None:
    judged = judge(CountingEngine(), tmp_path / "judged.jsonl")
    assert [one.example for one in judged] == [example.id for example in RESERVED]
    assert all(len(one.rows) == len(one.right) == sum(one.drafts) >= 1 for one in judged)
    assert [len(right) for one in judged for _, right in one.groups] == [count for one in judged for count in one.drafts]
    assert [one.right[0] for one in judged] == [number % 3 != 0 for number in range(9)]
    assert fit_reviewer(judged) is not None and fit_reviewer([]) is None


def test_joined_rows_are_judged_too_where_a_step_ever_had_two_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.fit._JOINED", 1.0)
    judged = judge(CountingEngine(), tmp_path / "judged.jsonl", TABLE.model_copy(update={"max_calls": 2}))
    pairs = [one for one in judged if one.example not in {example.id for example in RESERVED}]
    assert len(judged) == len(RESERVED) + len(pairs) and pairs
    assert not any(one.right[0] for one in pairs), "this writer drops the second wish, and the reviewer is shown that"


def test_an_interrupted_judging_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    whole = CountingEngine()
    undisturbed = judge(whole, tmp_path / "whole.jsonl")
    file = tmp_path / "judged.jsonl"
    with pytest.raises(KeyboardInterrupt):
        judge(CountingEngine(dies_at=whole.asked // 2), file)
    with file.open("a") as stream:
        stream.write('{"example": "half a li')
    again = CountingEngine()
    assert judge(again, file) == undisturbed
    assert 0 < again.asked < whole.asked
    idle = CountingEngine()
    assert judge(idle, file) == undisturbed and idle.asked == 0
