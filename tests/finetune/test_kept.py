"""What a continued night keeps in mind."""

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from finetune.kept import is_quiet, kept_in_mind


def _example(name: str, outcome: str) -> Example:
    calls = (ToolCall(name="bill"),) if outcome in ("calls", "ask") else ()
    step = Step(position=1, outcome=outcome, calls=calls)  # type: ignore[arg-type]  # a literal
    return Example(trace_id=name, cluster=name, messages=(Message(role="user", content=name),), steps=(step,))


def test_a_quarter_calls_nothing_where_there_are_so_many() -> None:
    known = [*(_example(f"c{n}", "calls") for n in range(20)), *(_example(f"n{n}", "none") for n in range(20))]
    kept = kept_in_mind(known, 8)
    assert len(kept) == 8 and [example.trace_id for example in kept if is_quiet(example)] == ["n0", "n1"]


def test_none_is_kept_twice_and_few_are_kept_all() -> None:
    known = [_example("a", "knowledge"), _example("b", "ask"), _example("c", "none")]
    assert sorted(example.trace_id for example in kept_in_mind(known, 8)) == ["a", "b", "c"]
    assert not is_quiet(_example("b", "ask"))
