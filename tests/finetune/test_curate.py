"""Filters: what is kept, what is dropped for which reason."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from finetune.curate import balanced as balance
from finetune.curate import capped as caps
from finetune.curate.balanced import balanced
from finetune.curate.capped import capped
from finetune.curate.conflicts import IMPORTED, PUT_RIGHT, agreed
from finetune.curate.decontaminate import MAX_JACCARD, decontaminated, jaccard, trigrams
from finetune.curate.duplicates import exact_duplicates
from finetune.curate.filled_in import filled_in
from finetune.curate.near_duplicates import near_duplicates
from finetune.curate.prefixes import whole_threads
from finetune.curate.schema import schema_valid

TOOLSET = read_toolset(
    "shop",
    [{"name": "move", "parameters": {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}}],
)


def example(name: str, *said: str, step: Step | None = None) -> Example:
    messages = tuple(Message(role="user", content=text) for text in said)
    return Example(trace_id=name, cluster=name, messages=messages, steps=(step or Step(position=len(said), outcome="none"),))


def calling(name: str, outcome: Any = "calls", tool: str = "move", **arguments: Any) -> Example:
    return example(name, name, step=Step(position=1, outcome=outcome, calls=(ToolCall(name=tool, arguments=arguments),)))


def golden(*texts: str) -> list[tuple[Message, ...]]:
    return [(Message(role="user", content=text),) for text in texts]


# golden


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        ("move 13 snow chains to the east yard", True),
        ("Move 99 Snow Chains, to the east yard!", True),
        ("please move 13 snow chains to the east yard", True),
        ("count the oak chairs in the main hall", False),
        ("move it", False),
        ("", False),
    ],
)
def test_what_resembles_a_golden_request_is_dropped(text: str, dropped: bool) -> None:
    kept = decontaminated([example("a", "hello", text)], golden("move 7 snow chains to the east yard", "move it"))
    assert kept.dropped == ({"a": "resembles a golden case"} if dropped else {})
    assert len(kept.kept) == (not dropped)


def test_short_requests_are_compared_whole_where_something_is_called_for_them() -> None:
    asked = golden("Bill S-48377!", "good morning", "count the oak chairs in the hall")
    rows = [
        calling("bill s 48377"), calling("bill s 48378"), calling("good morning"), example("hello", "good morning"),
        calling("oak chairs"),
    ]  # fmt: skip
    assert set(decontaminated(rows, asked).dropped) == {"bill s 48377", "good morning"}
    later = [(Message(role="user", content="bill it"), Message(role="user", content="send the bill to Harlow and to Orion"))]
    assert not decontaminated([calling("bill it")], later).dropped, "it is not what is examined"
    assert decontaminated([calling("x")], golden("x")).not_applicable == ""


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    asked = golden("请为订单S48377开具发票并发送给客户")
    assert decontaminated([example("a", "请为订单S48377开具发票并发送给客户吧")], asked).dropped
    assert not decontaminated([example("a", "明天的天气怎么样")], asked).dropped


WORDS = st.lists(st.sampled_from(["move", "3", "17", "oak", "chairs", "to", "the", "yard"]), max_size=9).map(" ".join)


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, max_size=5))
@settings(max_examples=60, deadline=None)
def test_nothing_kept_resembles_a_golden_request_and_nothing_else_is_dropped(said: list[str], asked: list[str]) -> None:
    examples = [example(str(n), text) for n, text in enumerate(said)]
    filtered = decontaminated(examples, golden(*asked))
    near = {e.trace_id for e in examples if any(jaccard(e.messages[0].content, text) > MAX_JACCARD for text in asked)}
    assert set(filtered.dropped) == near
    assert [e.trace_id for e in filtered.kept] == [e.trace_id for e in examples if e.trace_id not in near]


def test_short_texts_have_no_trigrams_and_numbers_are_masked() -> None:
    assert trigrams("one two three") == frozenset()
    assert trigrams("move 3 oak chairs") == trigrams("MOVE 1,700 oak, chairs")


# duplicates


def test_the_first_of_equal_conversations_is_kept() -> None:
    filtered = exact_duplicates([example("a", "x", "y"), example("b", "x", "y"), example("c", "x"), example("d", "y", "x")])
    assert [e.trace_id for e in filtered.kept] == ["a", "c", "d"]
    assert filtered.dropped == {"b": "exact duplicate"}


def test_the_same_words_with_another_step_are_no_duplicate() -> None:
    same = example("a", "x"), example("b", "x", step=Step(position=1, outcome="knowledge", query="q"))
    assert len(exact_duplicates(same).kept) == 2


def test_call_ids_do_not_make_another_conversation() -> None:
    first, second = (
        example(
            "x", "go", step=Step(position=1, outcome="calls", calls=(ToolCall(name="move", arguments={"count": 1}, id=name),))
        )
        for name in ("call_1", "call_2")
    )
    assert len(exact_duplicates([first, second]).kept) == 1


def test_the_order_of_calls_does_not_make_another_step() -> None:
    one, other = (ToolCall(name="move", arguments={"count": count}) for count in (1, 2.0))
    first, second = (
        example("x", "go", step=Step(position=1, outcome="calls", calls=calls)) for calls in ((one, other), (other, one))
    )
    assert len(exact_duplicates([first, second]).kept) == 1


# schema


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (calling("a", count=1), None),
        (calling("a", tool="gone", count=1), "unknown tool gone"),
        (calling("a", count="many"), "move: count: 'many' is not of type 'integer'"),
        (calling("a", place="x"), "move: unknown argument 'place'"),
        (calling("a"), "move: arguments: 'count' is a required property"),
        (calling("a", outcome="ask"), None),
        (example("a", "hello"), None),
    ],
)
def test_calls_that_do_not_fit_the_toolset_are_dropped_with_the_reason(one: Example, reason: str | None) -> None:
    filtered = schema_valid([one, calling("good", count=2)], TOOLSET)
    assert filtered.kept[-1].trace_id == "good" and len(filtered.kept) == 1 + (reason is None)
    assert reason is None or filtered.dropped["a"].startswith(reason)


# threads


def _thread(name: str, turns: int, end: Step | None = None) -> Example:
    """A conversation of so many turns, each with one call."""
    messages: list[Message] = []
    steps: list[Step] = []
    for turn in range(turns):
        call = ToolCall(name="move", arguments={"count": turn}, id=f"{name}{turn}")
        messages.append(Message(role="user", content=f"move {turn}"))
        steps.append(Step(position=len(messages), outcome="calls", calls=(call,)))
        messages.append(Message(role="assistant", tool_calls=(call,)))
        messages.append(Message(role="tool", content="{}", tool_call_id=call.id))
    return Example(trace_id=name, cluster=name, messages=tuple(messages), steps=(*steps, *([end] if end else [])))


def test_only_the_longest_trace_of_a_thread_teaches() -> None:
    one, two, three = _thread("a", 1), _thread("b", 2), _thread("c", 3)
    kept = whole_threads([two, three, one])
    assert kept.kept == [three] and set(kept.dropped) == {"a", "b"}


def test_a_trace_that_teaches_something_of_its_own_stays() -> None:
    ending = _thread("a", 1, Step(position=3, outcome="done"))
    other = _thread("x", 1).model_copy(update={"steps": (Step(position=1, outcome="none"),)})
    assert whole_threads([ending, _thread("b", 2)]).dropped == {}
    assert whole_threads([other, _thread("b", 2)]).dropped == {}
    assert whole_threads([_thread("a", 2), _thread("b", 2)]).dropped == {}


# conflicts


def moving(name: str, count: int, said: str = "move them") -> Example:
    return example(name, said, step=Step(position=1, outcome="calls", calls=(ToolCall(name="move", arguments={"count": count}),)))


def test_what_more_than_half_do_after_the_same_words_is_right() -> None:
    kept, dropped, _ = agreed([moving("a", 1), moving("b", 2), moving("c", 1), moving("d", 3, "move others")], {})
    assert [row.trace_id for row in kept] == ["a", "c", "d"]
    assert dropped == {"b": "others do otherwise after the same words"}


def test_where_nobody_has_more_than_half_nobody_is_believed() -> None:
    assert agreed([moving("a", 1), moving("b", 2)], {}).kept == []


def test_what_was_brought_to_be_learned_is_believed_before_the_day_and_a_correction_before_both() -> None:
    rows = [moving("day", 1), moving("day too", 1), moving("import", 2)]
    assert [row.trace_id for row in agreed(rows, {"import": IMPORTED}).kept] == ["import"]
    rows.append(moving("right", 3))
    assert [row.trace_id for row in agreed(rows, {"import": IMPORTED, "right": PUT_RIGHT}).kept] == ["right"]
    rows.append(moving("otherwise", 4))
    assert agreed(rows, {"import": IMPORTED, "right": PUT_RIGHT, "otherwise": PUT_RIGHT}).kept == []


def test_a_conversation_that_goes_on_does_not_contradict_its_beginning() -> None:
    first = ToolCall(name="move", arguments={"count": 1})
    said = (
        Message(role="user", content="move them"),
        Message(role="assistant", tool_calls=(first,)),
        Message(role="tool", content="ok"),
    )
    steps = (Step(position=1, outcome="calls", calls=(first,)), Step(position=3, outcome="done"))
    longer = Example(trace_id="long", cluster="long", messages=said, steps=steps)
    assert len(agreed([moving("a", 1), longer], {}).kept) == 2


# near-duplicates


def test_a_few_of_what_says_and_does_nearly_the_same_are_kept() -> None:
    text = "please move {} of the heavy snow chains from the yard behind the main hall over to the east gate by tonight"
    flood = [moving(f"f{n}", n, text.format(n)) for n in range(40)]
    kept, dropped, _ = near_duplicates([*flood, example("other", text.format(3))])
    assert [row.trace_id for row in kept] == ["f0", "f1", "f2", "other"], "one that does something else stays"
    assert len(dropped) == 37 and set(dropped.values()) == {"near-duplicate of 3 others"}
    assert "f39" in {row.trace_id for row in near_duplicates(flood, {"f39"}).kept}, "what put others right stays"


# the same whatever the order of calls


def test_calls_of_one_step_are_a_multiset() -> None:
    one, other = ToolCall(name="bill", arguments={"n": 5}), ToolCall(name="bill", arguments={"n": 6})
    as_float = ToolCall(name="bill", arguments={"n": 5.0})
    rows = [example(name, "bill both", step=Step(position=1, outcome="calls", calls=calls))
            for name, calls in (("a", (one, other)), ("b", (other, as_float)))]  # fmt: skip
    assert rows[0].steps[0].key == rows[1].steps[0].key and not agreed(rows, {}).dropped


def test_long_conversations_take_no_time() -> None:
    messages = tuple(Message(role="user", content=f"turn {number} " + "x" * 50) for number in range(3_000))
    row = Example(trace_id="a", cluster="a", messages=messages, steps=(Step(position=3_000, outcome="none"),))
    started = time.perf_counter()
    assert whole_threads([row]).kept == [row] and agreed([row], {}).kept == [row]
    assert time.perf_counter() - started < 5, "it was minutes"
    assert len(set(row.keys_before())) == 3_001 and row.key_before(7) == row.keys_before()[7]


# caps


def test_one_person_does_not_fill_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "LEAST", 5)
    rows = [example(f"t{number}", str(number)) for number in range(30)]
    people = {f"t{number}": "eve" if number < 20 else "ada" for number in range(22)}
    kept, dropped, _ = capped(rows, people)
    assert len(dropped) == 11 and all(people[name] == "eve" for name in dropped), "nine of thirty are her share"
    assert capped(rows[::-1], people).dropped == dropped, "whatever the order they come in"
    assert len(kept) == 19


def test_one_sort_of_work_does_not_drown_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "LEAST", 5)
    common = [calling(f"c{number}", tool="look") for number in range(40)]
    rare = [calling(f"r{number}") for number in range(10)]
    kept, dropped, _ = balanced([*common, *rare], {"c7", "c8"})
    assert len(dropped) == 28 and set(dropped.values()) == {"more than 10 of look"}
    assert {"c7", "c8", *(row.trace_id for row in rare)} <= {row.trace_id for row in kept}, "corrections and what is rare stay"
    assert balanced([*rare, *common[::-1]], {"c7", "c8"}).dropped == dropped, "whatever the order they come in"
    assert not balanced(kept, {"c7", "c8"}).dropped, "what is left is in balance"


def test_nothing_is_out_of_balance_where_there_is_little_or_one_sort() -> None:
    common = [calling(f"c{number}", tool="look") for number in range(990)]
    done = [
        row.model_copy(update={"steps": (*row.steps, Step(position=3, outcome="done"))})
        for row in (calling(f"d{number}", tool="look") for number in range(2_000))
    ]
    assert not balanced([*common, calling("r")], set()).dropped
    assert balanced(done, set()).not_applicable == "one sort of work", "that all is done is no sort of its own"
    taught = [calling(f"t{number}") for number in range(9)]
    assert balanced([*done, *taught], {row.trace_id for row in taught}).not_applicable, "a teacher puts nobody out of balance"


def test_history_fills_in_what_conversations_lack_and_is_no_more_than_they_are() -> None:
    talks = [
        *(calling(f"l{number}", tool="look") for number in range(8)),
        *(calling(f"n{number}", "none") for number in range(4)),
    ]
    read_off = [calling(f"h{tool}{number}", tool=tool) for tool in ("look", "move", "send") for number in range(30)]
    history = {row.trace_id for row in read_off}
    kept, dropped, lacked = filled_in([*talks, *read_off], history)
    added = [row.steps[0].calls[0].name for row in kept if row.trace_id in history]
    assert not lacked and {row.trace_id for row in talks} < {row.trace_id for row in kept}
    assert sorted(added) == ["move"] * 6 + ["send"] * 6, "looked at has been often enough"
    assert set(dropped.values()) == {"more history than 12 conversations"} and len(dropped) == 78
    assert filled_in([*read_off[::-1], *talks], history).dropped == dropped, "whatever the order they come in"
    assert not filled_in(kept, history).dropped
    assert filled_in(read_off, history) == (read_off, {}, "nothing but history")
    assert filled_in(talks, set()) == (talks, {}, "no history")


def test_where_one_person_is_all_there_is_nothing_is_left_out() -> None:
    rows = [example(f"t{number}", str(number)) for number in range(400)]
    assert capped(rows, {row.trace_id: "eve" for row in rows}).not_applicable == "fewer than two people"
    assert capped(rows, {}) == (rows, {}, "fewer than two people")
