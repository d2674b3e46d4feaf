"""Fitting on: linear weights moved as little as new rows need, so that what they do not speak of stays as it was.

The weights' prior is a Gaussian around those that were there, where a fit from nothing has it around zero; the likeliest weights
are found by L-BFGS. As in Chelba and Acero 2004, "Adaptation of Maximum Entropy Capitalizer: Little Data Can Help a Lot".
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats: TypeAlias = NDArray[np.float64]
Likelihood: TypeAlias = Callable[[Floats], tuple[float, Floats]]
"""Of scores (rows, labels): the negative log likelihood, and its gradient by the scores."""
_STEPS = 100


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
    rows, before = features[:, used], np.asarray(features @ weights + bias, np.float64)
    shape = (len(used) + 1, weights.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        change = flat.reshape(shape)
        value, gradient = likelihood(before + rows @ change[:-1] + change[-1])
        pulled = change + strength * np.vstack([rows.T @ gradient, gradient.sum(axis=0)])
        return strength * value + 0.5 * float((change**2).sum()), pulled.ravel()

    change = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x.reshape(shape)
    after = weights.copy()
    after[used] += change[:-1].astype(np.float32)
    return after, (bias + change[-1]).astype(np.float32)


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
