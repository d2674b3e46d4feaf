"""Weights moved by new rows: no more than these need, the same by either way of finding them."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random

from agents import continuing
from agents.continuing import moved, of_many_labels, of_one_label

_LABELS = 5


def _given() -> tuple[csr_matrix, np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    rows = random(60, 300, density=0.1, format="csr", random_state=0, dtype=np.float32)
    weights = chance.normal(size=(300, _LABELS)).astype(np.float32)
    return rows, weights, np.zeros(_LABELS, np.float32), chance.integers(0, _LABELS, 60)


def test_new_rows_are_learned_and_what_they_lack_is_untouched() -> None:
    rows, weights, bias, truth = _given()
    rows = rows.tolil()
    rows[:, 250:] = 0
    after, shifted = moved(rows.tocsr(), weights, bias, of_one_label(truth), 10.0)
    assert (after[250:] == weights[250:]).all() and not (after[:250] == weights[:250]).all()
    before = (np.argmax(rows @ weights, axis=1) == truth).mean()
    assert before < 0.5 < 0.95 < (np.argmax(rows @ after + shifted, axis=1) == truth).mean()


def test_little_strength_moves_little() -> None:
    rows, weights, bias, truth = _given()
    moves = [
        np.abs(moved(rows, weights, bias, of_one_label(truth), strength)[0] - weights).max() for strength in (1e-4, 1e-2, 1.0)
    ]
    assert 0 < moves[0] < moves[1] < moves[2]


@pytest.mark.parametrize("many", [False, True])
def test_both_ways_find_the_same(monkeypatch: pytest.MonkeyPatch, many: bool) -> None:
    rows, weights, bias, truth = _given()
    answers = np.eye(_LABELS)[truth]
    likelihood = of_many_labels(answers, np.ones_like(answers)) if many else of_one_label(truth)
    few = moved(rows, weights, bias, likelihood, 2.0)
    monkeypatch.setattr(continuing, "_FEW_ROWS", 0)
    for one, other in zip(few, moved(rows, weights, bias, likelihood, 2.0), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_what_does_not_count_moves_nothing() -> None:
    rows, weights, bias, truth = _given()
    answers, counted = np.eye(_LABELS)[truth], np.ones((60, _LABELS))
    counted[:, 2] = 0
    after, _ = moved(rows, weights, bias, of_many_labels(answers, counted), 2.0)
    assert (after[:, 2] == weights[:, 2]).all() and not (after[:, 1] == weights[:, 1]).all()


def test_gradients_are_those_of_the_likelihoods() -> None:
    chance = np.random.default_rng(1)
    scores, truth = chance.normal(size=(4, _LABELS)), chance.integers(0, _LABELS, 4)
    counted = (chance.random((4, _LABELS)) < 0.7).astype(float)
    for likelihood in (of_one_label(truth), of_many_labels(np.eye(_LABELS)[truth], counted)):
        _, gradient = likelihood(scores)
        for at in np.ndindex(scores.shape):
            step = np.zeros_like(scores)
            step[at] = 1e-5
            slope = (likelihood(scores + step)[0] - likelihood(scores - step)[0]) / 2e-5
            assert gradient[at] == pytest.approx(slope, abs=1e-6)
