"""Splits: clusters whole, parts disjoint, and nothing decided by order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types.example import Example, Step
from core.types.message import Message
from finetune.cluster import cluster
from finetune.split import EXAM_MAX, RESERVED_MAX, STOP_MAX, Parts, folds, split

brief = settings(max_examples=50, deadline=None)


def example(number: int, cluster: str) -> Example:
    message = Message(role="user", content=str(number))
    return Example(trace_id=f"t{number}", cluster=cluster, messages=(message,), steps=(Step(position=1, outcome="none"),))


EXAMPLES = st.lists(st.integers(0, 60), max_size=250).map(
    lambda shapes: [example(n, f"c{shape}") for n, shape in enumerate(shapes)]
)


def by_part(parts: Parts) -> dict[str, set[str]]:
    return {name: {e.trace_id for e in getattr(parts, name)} for name in ("writer", "stop", "reserved", "exam")}


def test_what_came_without_a_shape_is_of_the_shape_it_is_near() -> None:
    def said(number: int, text: str, shape: str | None = None) -> Example:
        message = Message(role="user", content=text)
        return example(number, shape or f"t{number}").model_copy(update={"messages": (message,)})

    rows = [
        said(0, "please bill Acme for 13 oak chairs today"),
        said(1, "please bill Acme for 12 oak chairs today", "s1"),
        said(2, "please bill Acme for 14 oak chairs today", "s2"),
        said(3, "who won the match last night, do you know"),
        said(4, "who won the match last night, do you know?"),
        said(5, "in other words", "t0"),
    ]
    assert [each.cluster for each in cluster(rows)] == ["s1", "s1", "s2", "t3", "t3", "s1"]
    assert [each.cluster for each in cluster(rows[1:3])] == ["s1", "s2"]


@brief
@given(EXAMPLES, st.integers(0, 5), st.booleans())
def test_every_example_is_in_one_part_and_no_cluster_is_split(examples: list[Example], seed: int, with_exam: bool) -> None:
    parts = split(examples, seed, with_exam)
    everything = [*parts.writer, *parts.stop, *parts.reserved, *parts.exam]
    assert sorted(e.trace_id for e in everything) == sorted(e.trace_id for e in examples)
    clusters = [{e.cluster for e in part} for part in (parts.writer, parts.stop, parts.reserved, parts.exam)]
    assert sum(map(len, clusters)) == len(set().union(*clusters))
    assert {e.trace_id for e in parts.training}.isdisjoint(e.trace_id for e in parts.exam)
    assert with_exam or not parts.exam


@brief
@given(EXAMPLES, st.integers(0, 5), st.randoms())
def test_the_same_seed_gives_the_same_parts_in_any_order(examples: list[Example], seed: int, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(examples)
    random.shuffle(shuffled)
    assert split(examples, seed, True) == split(examples, seed, True)
    assert by_part(split(shuffled, seed, True)) == by_part(split(examples, seed, True))


def test_another_seed_gives_other_parts() -> None:
    examples = [example(n, f"c{n}") for n in range(200)]
    exams = [frozenset(by_part(split(examples, seed, True))["exam"]) for seed in range(5)]
    assert len(set(exams)) == 5


def test_parts_have_the_promised_sizes() -> None:
    parts = split([example(n, f"c{n}") for n in range(1000)], 0, True)
    assert [len(part) for part in (parts.exam, parts.reserved, parts.stop, parts.writer)] == [150, 128, 34, 688]
    large = split([example(n, f"c{n}") for n in range(5000)], 0, True)
    assert [len(part) for part in (large.exam, large.reserved, large.stop)] == [EXAM_MAX, RESERVED_MAX, STOP_MAX]


def test_with_few_rows_the_writer_still_gets_most_of_the_rest() -> None:
    parts = split([example(n, f"c{n}") for n in range(40)], 0, True)
    assert len(parts.exam) == 6 and len(parts.reserved) == 8 and len(parts.writer) == 26
    assert split([], 0, True) == Parts(writer=(), stop=(), reserved=(), exam=())


@pytest.mark.parametrize("seed", range(10))
def test_a_huge_cluster_stays_with_the_writer(seed: int) -> None:
    huge = [example(n, "huge") for n in range(900)]
    parts = split([*huge, *(example(n, f"c{n}") for n in range(900, 1000))], seed, True)
    assert {e.trace_id for e in huge} <= {e.trace_id for e in parts.writer}
    assert split(huge, seed, True).writer == tuple(huge)


@brief
@given(EXAMPLES.filter(bool), st.integers(0, 5), st.booleans())
def test_the_writer_always_has_something_to_learn(examples: list[Example], seed: int, with_exam: bool) -> None:
    assert split(examples, seed, with_exam).writer


@pytest.mark.parametrize("count", range(1, 11))
def test_tiny_data_still_trains(count: int) -> None:
    for seed in range(5):
        assert split([example(n, f"c{n}") for n in range(count)], seed, True).writer


def test_adding_an_example_moves_no_cluster_out_of_the_exam_order() -> None:
    examples = [example(n, f"c{n}") for n in range(100)]
    before = by_part(split(examples, 0, True))["exam"]
    after = by_part(split([*examples, example(100, "c3")], 0, True))["exam"]
    assert len(before - after) <= 1


@brief
@given(EXAMPLES, st.integers(2, 5), st.integers(0, 3))
def test_folds_hold_every_example_once_and_clusters_whole(examples: list[Example], count: int, seed: int) -> None:
    cut = folds(examples, count, seed)
    assert len(cut) == count
    assert sorted(e.trace_id for fold in cut for e in fold) == sorted(e.trace_id for e in examples)
    clusters = [{e.cluster for e in fold} for fold in cut]
    assert sum(map(len, clusters)) == len({e.cluster for e in examples})


@brief
@given(EXAMPLES, st.integers(0, 5), st.integers(0, 5))
def test_what_a_release_has_learned_is_none_of_the_exam_and_the_rest_is_as_it_was(
    examples: list[Example], seed: int, other: int
) -> None:
    met = {example.trace_id for example in split(examples, other, True).training}
    parts = split(examples, seed, True, met=met)
    known = {example.cluster for example in examples if example.trace_id in met}
    assert known.isdisjoint(example.cluster for example in parts.exam)
    assert len(parts.training) + len(parts.exam) == len(examples)
    assert split(examples, seed, True, met=frozenset()) == split(examples, seed, True)
