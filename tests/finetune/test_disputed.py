"""Noise and one person's confusions are told from what is right; what is right stays."""

import random
from typing import Any

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from finetune.curate.disputed import FEWEST_STEPS, Dispute, disputes, undisputed

WORDS = {"order": "please get us some", "count": "how many are left of the", "move": "carry to the yard all"}
ITEMS = ("oak chairs", "pine desks", "snow chains", "steel lamps", "glass vases", "felt mats", "bolts")


def asked(number: int, wish: str, done: str | None = None) -> Example:
    """A wish for one tool, and the tool that was called."""
    said = f"{WORDS[wish]} {ITEMS[number % 7]} {chr(97 + number % 26) * 3}"
    step = Step(position=1, outcome="calls", calls=(ToolCall(name=done or wish),))
    return Example(trace_id=f"t{number}", cluster=f"t{number}", messages=(Message(role="user", content=said),), steps=(step,))


def day(count: int = 300) -> list[Example]:
    return [asked(number, random.Random(number).choice(list(WORDS))) for number in range(count)]


def spoilt(examples: list[Example], which: set[str], done: str = "move") -> list[Example]:
    step = Step(position=1, outcome="calls", calls=(ToolCall(name=done),))
    return [example.model_copy(update={"steps": (step,)}) if example.trace_id in which else example for example in examples]


def calling(examples: list[Example], name: str) -> list[str]:
    return [example.trace_id for example in examples if example.steps[0].calls[0].name == name]


def test_clean_rows_lose_nothing(hashed_words: Any) -> None:
    found = disputes(day(), {}, {}, hashed_words, 0)
    assert found == {}
    assert undisputed(day(), found).dropped == {}


def test_noise_is_found_and_nearly_nothing_else(hashed_words: Any) -> None:
    examples = day()
    wrong = set(random.Random(0).sample(calling(examples, "order"), 12) + random.Random(1).sample(calling(examples, "count"), 12))
    filtered = undisputed(spoilt(examples, wrong), disputes(spoilt(examples, wrong), {}, {}, hashed_words, 0))
    assert len(set(filtered.dropped) & wrong) >= 20
    assert len(set(filtered.dropped) - wrong) <= 3
    assert all("done otherwise" in reason for reason in filtered.dropped.values())


def test_what_one_person_always_confuses_is_found_by_what_others_do(hashed_words: Any) -> None:
    examples = day()
    people = {example.trace_id: f"p{number % 4}" for number, example in enumerate(examples)}
    wrong = {identity for identity in calling(examples, "order") if people[identity] == "p1"}
    found = disputes(spoilt(examples, wrong, "count"), people, {}, hashed_words, 0)
    assert found is not None
    assert len(found.keys() & wrong) >= 0.9 * len(wrong)
    assert len(found.keys() - wrong) <= 3
    assert "one person calls count where others call order" in {dispute.reason for dispute in found.values()}


def test_what_a_person_put_right_is_not_disputed(hashed_words: Any) -> None:
    examples = day()
    wrong = set(calling(examples, "order")[:12])
    assert disputes(spoilt(examples, wrong), {}, dict.fromkeys(wrong), hashed_words, 0) is not None
    assert not (disputes(spoilt(examples, wrong), {}, dict.fromkeys(wrong), hashed_words, 0) or {}).keys() & wrong


def test_a_tool_that_only_one_person_uses_cannot_be_disputed(hashed_words: Any) -> None:
    examples = day()
    own = set(calling(examples, "move"))
    people = {
        example.trace_id: "p0" if example.trace_id in own else f"p{1 + number % 3}" for number, example in enumerate(examples)
    }
    assert not (disputes(examples, people, {}, hashed_words, 0) or {}).keys() & own


def test_too_few_steps_or_one_tool_only_tell_nothing(hashed_words: Any) -> None:
    assert disputes(day(FEWEST_STEPS - 1), {}, {}, hashed_words, 0) is None
    assert disputes([asked(number, "order") for number in range(FEWEST_STEPS)], {}, {}, hashed_words, 0) is None
    kept = undisputed(day(5), None)
    assert len(kept.kept) == 5
    assert kept.not_applicable


def test_what_followed_from_a_disputed_step_goes_with_it() -> None:
    said, call = Message(role="user", content="get chairs"), ToolCall(name="order")
    turn = (said, Message(role="assistant", tool_calls=(call,)))
    steps = (Step(position=1, outcome="calls", calls=(call,)), Step(position=3, outcome="calls", calls=(call,)))
    example = Example(trace_id="a", cluster="a", messages=(*turn, *turn), steps=steps)
    cut = undisputed([example], {"a": Dispute(position=3, reason="odd")})
    assert [step.position for step in cut.kept[0].steps] == [1]
    assert len(cut.kept[0].messages) == 2
    assert undisputed([example], {"a": Dispute(position=1, reason="odd")}).dropped == {"a": "odd"}
