"""What a night takes where not all conversations fit."""

import pytest

from core.types.example import Example, Step
from core.types.message import Message
from finetune.sample import sample


def example(number: int, steps: int) -> Example:
    return Example(
        trace_id=f"t-{number}",
        cluster=f"c-{number // 2}",
        messages=(Message(role="user", content=f"wish {number}"),),
        steps=tuple(Step(position=1, outcome="none") for _ in range(steps)),
    )


ROWS = [example(number, steps=3 if number < 200 else 1) for number in range(400)]


def test_all_stay_in_order_where_they_fit() -> None:
    assert sample(ROWS, len(ROWS), seed=0) == ROWS


@pytest.mark.parametrize("seed", range(5))
def test_those_of_more_steps_are_taken_more_often(seed: int) -> None:
    taken = sample(ROWS, 200, seed)
    several = sum(len(row.steps) == 3 for row in taken)
    assert len(taken) == len({row.trace_id for row in taken}) == 200
    # By simulation of such draws 130 to 150 of 200; an even lottery would take 100.
    assert 120 <= several <= 160


def test_it_depends_on_the_seed_and_not_on_the_order() -> None:
    assert sample(ROWS, 50, seed=1) != sample(ROWS, 50, seed=2)
    names = {row.trace_id for row in sample(ROWS, 50, seed=1)}
    assert names == {row.trace_id for row in sample(list(reversed(ROWS)), 50, seed=1)}
