"""Fitting on: linear weights moved as little as new rows need, so that what they do not speak of stays as it was.

The weights' prior is a Gaussian around those that were there, where a fit from nothing has it around zero; the likeliest weights
are found by L-BFGS. As in Chelba and Acero 2004, "Adaptation of Maximum Entropy Capitalizer: Little Data Can Help a Lot".
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import hstack

Floats: TypeAlias = NDArray[np.float64]
Likelihood: TypeAlias = Callable[[Floats], tuple[float, Floats]]
"""Of scores (rows, labels): the negative log likelihood, and its gradient by the scores."""
_STEPS = 100
_FEW_ROWS = 2000
"""Up to so many the rows' own space is small enough to work in."""
_NOTHING = 1e-9


def moved(
    features: Any, weights: NDArray[np.float32], bias: NDArray[np.float32], likelihood: Likelihood, strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and bias after new rows.

    Args:
        features: (rows, features), CSR.
        weights: (features, labels).
        bias: (labels,); held back by the prior like a weight, for how often the new rows have a label says little.
        likelihood: Of the scores of these rows.
        strength: How much a row counts against the prior; scikit-learn's C.
    """
    used = np.unique(features.indices)
    before = np.asarray(features @ weights + bias, np.float64)
    rows = hstack([features[:, used], np.ones((features.shape[0], 1))]).tocsr()
    reduced, back = _reduced(rows) if rows.shape[0] <= min(rows.shape[1], _FEW_ROWS) else (rows, None)
    shape = (reduced.shape[1], weights.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        change = flat.reshape(shape)
        value, gradient = likelihood(before + reduced @ change)
        return strength * value + 0.5 * float(flat @ flat), flat + strength * (reduced.T @ gradient).ravel()

    change = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x.reshape(shape)
    change = change if back is None else rows.T @ (back @ change)
    after = weights.copy()
    after[used] += change[:-1].astype(np.float32)
    return after, (bias + change[-1]).astype(np.float32)


def _reduced(rows: Any) -> tuple[Floats, Floats]:
    """The same inner products in as many dimensions as there are rows, and what leads back.

    The best change of weights is a sum of rows (the representer theorem, Kimeldorf and Wahba 1971), so no more are needed.
    """
    values, vectors = np.linalg.eigh((rows @ rows.T).toarray())
    kept = values > _NOTHING * values[-1]
    roots = np.sqrt(values[kept])
    return vectors[:, kept] * roots, vectors[:, kept] / roots


def of_one_label(truth: NDArray[np.intp]) -> Likelihood:
    """Each row has one label, its column in `truth` (rows,); softmax."""

    def likelihood(scores: Floats) -> tuple[float, Floats]:
        shifted = scores - scores.max(axis=1, keepdims=True)
        chances = np.exp(shifted)
        total = chances.sum(axis=1, keepdims=True)
        here = np.arange(len(truth))
        value = float((np.log(total[:, 0]) - shifted[here, truth]).sum())
        gradient = chances / total
        gradient[here, truth] -= 1
        return value, gradient

    return likelihood


def of_many_labels(truth: Floats, counted: Floats) -> Likelihood:
    """Each row has any labels, `truth` (rows, labels) of 0 and 1; only where `counted` is 1 does it say anything; sigmoids."""

    def likelihood(scores: Floats) -> tuple[float, Floats]:
        value = float((counted * (np.logaddexp(0, scores) - truth * scores)).sum())
        return value, counted * (1 / (1 + np.exp(-np.clip(scores, -500, 500))) - truth)

    return likelihood
