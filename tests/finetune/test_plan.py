"""Plans: epochs first, then conversations, until time and tokens fit."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types.example import Example, Step
from core.types.message import Message
from finetune.plan import (
    DEFAULT_EPOCHS,
    DEFAULT_TOKENS_PER_S,
    MIN_EPOCHS,
    MOST_EPOCHS,
    Limits,
    measured_speed,
    plan,
    remember_speed,
)


def examples(count: int) -> list[Example]:
    message = Message(role="user", content="x" * 100)
    return [
        Example(trace_id=str(n), cluster=str(n), messages=(message,), steps=(Step(position=1, outcome="none"),))
        for n in range(count)
    ]


def test_without_limits_everything_is_trained_on() -> None:
    made = plan(examples(400), Limits(), 250)
    assert (made.epochs, made.conversations, made.left_out) == (DEFAULT_EPOCHS, 400, 0)


def test_few_rows_are_seen_more_often() -> None:
    epochs = [plan(examples(count), Limits(), 250).epochs for count in (10, 100, 150, 1000)]
    assert epochs[0] == MOST_EPOCHS and epochs[-1] == DEFAULT_EPOCHS
    assert epochs == sorted(epochs, reverse=True) and len(set(epochs)) > 2


@given(st.integers(1, 400), st.floats(0.5, 200), st.integers(1000, 10**6), st.floats(20, 5000))
@settings(max_examples=60, deadline=None)
def test_a_plan_fits_what_was_allowed_or_is_as_small_as_can_be(count: int, minutes: float, tokens: int, speed: float) -> None:
    made = plan(examples(count), Limits(minutes=minutes, tokens=tokens), speed)
    assert 1 <= made.conversations == count - made.left_out
    assert MIN_EPOCHS <= made.epochs <= MOST_EPOCHS
    assert made.conversations == 1 or (made.minutes <= minutes and made.training_tokens <= tokens)
    few = made.epochs in (2.5, 3) and made.left_out <= 0.1 * count + 1
    assert made.epochs == MIN_EPOCHS or made.left_out == 0 or few, "epochs go before conversations, but for a tenth of them"


def test_epochs_that_were_asked_for_are_kept() -> None:
    made = plan(examples(400), Limits(epochs=7, minutes=2), 250)
    assert made.epochs == 7 and made.left_out > 0
    assert "400" not in str(made).split(" left out")[0].split(",")[0] and f"{made.left_out} left out" in str(made)


@pytest.mark.parametrize(("asked", "expected"), [(10, 10), (99, 20)])
def test_a_limit_of_conversations_is_kept(asked: int, expected: int) -> None:
    assert plan(examples(20), Limits(conversations=asked), 250).conversations == expected


def test_the_measured_speed_is_remembered_and_a_broken_record_forgotten(tmp_path: Path) -> None:
    assert measured_speed(tmp_path, "small") == DEFAULT_TOKENS_PER_S
    remember_speed(tmp_path, "small", 1234.56)
    assert measured_speed(tmp_path, "small") == 1234.6 and measured_speed(tmp_path, "large") == DEFAULT_TOKENS_PER_S
    remember_speed(tmp_path, "small", 0.001)
    assert measured_speed(tmp_path, "small") == 20, "a night that stood still does not plan the next one away"
    for broken in ("", "[]", '{"tokens_per_s": null}', "{}"):
        next(tmp_path.glob("speed-*.json")).write_text(broken)
        assert measured_speed(tmp_path, "small") == DEFAULT_TOKENS_PER_S
