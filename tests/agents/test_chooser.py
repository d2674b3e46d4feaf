"""The chooser: learns what tells right drafts from wrong ones of the same step, and nothing from what they share."""

from pathlib import Path

import numpy as np
import pytest

from agents.chooser import Chooser, Group
from agents.reviewer import FEATURES, Reviewer
from core.errors import ModelError


def groups(count: int = 80) -> list[Group]:
    """Steps of three drafts: the first feature tells the right one, the second how easy the step is, the third nothing."""
    chance = np.random.default_rng(3)
    made: list[Group] = []
    for _ in range(count):
        easy = chance.random()
        right = chance.integers(3) if chance.random() < 0.2 + 0.8 * easy else 3
        telling = np.eye(4)[right][:3] + chance.normal(0, 0.7, 3)
        rows = np.column_stack([telling, np.full(3, easy), chance.normal(size=3)]).astype(np.float32)
        made.append((rows, [number == right for number in range(3)]))
    return made


def hits(chooser: Chooser, held: list[Group]) -> float:
    return float(np.mean([right[int(np.argmax(chooser.scores(list(rows))))] for rows, right in held if any(right)]))


def test_of_the_drafts_of_a_step_the_right_one_is_chosen() -> None:
    made = groups(160)
    chooser = Chooser.fit(made[:100])
    assert chooser is not None
    assert hits(chooser, made[100:]) > 0.6, "a third by chance"


def test_what_all_drafts_of_a_step_share_has_no_weight() -> None:
    chooser = Chooser.fit(groups())
    assert chooser is not None
    here, there = (
        chooser.scores([np.array([1, easy, 0], np.float32), np.array([0, easy, 0], np.float32)]) for easy in (0.1, 0.9)
    )
    assert here[0] - here[1] == pytest.approx(there[0] - there[1]) and here[0] > here[1]


def test_where_nothing_tells_drafts_apart_there_is_no_chooser() -> None:
    rows = np.ones((2, 3), np.float32)
    assert Chooser.fit([(rows, [False, False]), (rows[:1], [True])]) is None
    reviewer = Reviewer.fit([(rows, [False, False]), (rows[:1], [True])])
    assert reviewer.choose(list(rows), [0.2, 0.6]) == 1, "the likeliest is taken"


def test_a_reviewer_survives_its_files(tmp_path: Path) -> None:
    made = [(np.pad(rows, ((0, 0), (0, FEATURES - rows.shape[1]))), right) for rows, right in groups()]
    reviewer = Reviewer.fit(made)
    reviewer.save(tmp_path / "reviewer.safetensors")
    loaded = Reviewer.load(tmp_path / "reviewer.safetensors")
    for rows, _ in made[:20]:
        probabilities = [reviewer.probability(row) for row in rows]
        assert [loaded.probability(row) for row in rows] == pytest.approx(probabilities)
        assert loaded.choose(list(rows), probabilities) == reviewer.choose(list(rows), probabilities)


def test_a_reviewer_of_other_features_is_refused(tmp_path: Path) -> None:
    Reviewer.fit(groups()).save(tmp_path / "reviewer.safetensors")
    with pytest.raises(ModelError, match=rf"features of a draft, now there are {FEATURES}: run the night again"):
        Reviewer.load(tmp_path / "reviewer.safetensors")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        Chooser.load(tmp_path / "x.safetensors")
