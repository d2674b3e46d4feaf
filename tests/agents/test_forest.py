"""The forest: what scikit-learn grew, without scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier

import agents.forest
from agents.forest import Forest
from core.errors import ModelError


def data(seed: int, count: int = 120) -> tuple[np.ndarray, list[bool]]:
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(count, 6)).astype(np.float32)
    rows[:, 1] = rows[:, 1].round()
    return rows, [bool(a + b > chance.normal()) for a, b in rows[:, :2]]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_the_forest_says_what_scikit_learn_says(seed: int) -> None:
    rows, right = data(seed)
    grown = ExtraTreesClassifier(
        agents.forest._TREES, min_samples_leaf=agents.forest._MIN_LEAF, max_features=agents.forest._FEATURES, random_state=3
    ).fit(rows, right)
    forest = Forest.fit(rows, right, seed=3)
    asked, _ = data(seed + 1, 20)
    asked[0] = rows[0]
    assert [forest.probability(row) for row in asked] == pytest.approx(grown.predict_proba(asked)[:, 1], abs=1e-6)


def test_a_saved_forest_says_the_same_and_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    rows, right = data(0)
    for name in ("a", "b"):
        Forest.fit(rows, right).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    grown, loaded = Forest.fit(rows, right), Forest.load(tmp_path / "a")
    assert [loaded.probability(row) for row in rows[:20]] == [grown.probability(row) for row in rows[:20]]


@pytest.mark.parametrize("answer", [True, False])
def test_one_answer_only_is_certain(answer: bool, tmp_path: Path) -> None:
    forest = Forest.fit(np.zeros((3, 2), np.float32), [answer] * 3)
    forest.save(tmp_path / "forest")
    assert Forest.load(tmp_path / "forest").probability(np.ones(2, np.float32)) == float(answer)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "forest").write_bytes(b"no")
    with pytest.raises(ModelError, match="forest"):
        Forest.load(tmp_path / "forest")
