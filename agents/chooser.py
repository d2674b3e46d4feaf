"""The chooser: which of several drafts of one step is the right one.

A conditional logit (McFadden 1974, "Conditional logit analysis of qualitative choice behavior"): it is fitted on what tells
the right draft of a step from its wrong ones, and what all drafts of a step have in common, such as how hard the request is,
falls out. A forest that judges each draft alone spends most of its rows on just that.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agents.arrays import load_arrays, save_arrays

_STRENGTH = 10.0
"""Of the L2 penalty."""
_FAR = 4.0
"""Standard deviations; what lies further out counts as that far."""
_ARRAYS = ("mean", "scale", "weights")
Group = tuple[NDArray[np.float32], Sequence[bool]]
"""The drafts of one step: features (drafts, features), and which are right."""


class Chooser:
    """A score of drafts; of those of one step the one with the highest is likeliest right."""

    def __init__(self, mean: NDArray[np.float64], scale: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        """All of shape (features,); features are centred by `mean` and divided by `scale` before they are weighed."""
        self._mean, self._scale, self._weights = mean, scale, weights

    @classmethod
    def fit(cls, groups: Sequence[Group]) -> "Chooser | None":
        """Fit on the drafts of many steps; None where no step has a right draft beside a wrong one."""
        contrasts = [(rows, np.asarray(right)) for rows, right in groups if 0 < sum(right) < len(right)]
        if not contrasts:
            return None
        everything = np.concatenate([rows for rows, _ in groups]).astype(np.float64)
        made = cls(everything.mean(axis=0), everything.std(axis=0) + 1e-6, np.zeros(everything.shape[1]))
        made._weights = _likeliest_weights([(made._standard(rows), right) for rows, right in contrasts])
        return made

    def scores(self, rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """(drafts,) of drafts of one step, each given by its features; only their differences mean something."""
        return self._standard(np.stack(rows)) @ self._weights

    def _standard(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.clip((rows.astype(np.float64) - self._mean) / self._scale, -_FAR, _FAR)

    def save(self, file: Path) -> None:
        """Write to a safetensors file."""
        save_arrays(file, {name: getattr(self, f"_{name}") for name in _ARRAYS})

    @classmethod
    def load(cls, file: Path) -> "Chooser":
        """Read back what `save` wrote.

        Raises:
            ModelError: The file is missing or not such a chooser.
        """
        return cls(*load_arrays(file, _ARRAYS, "chooser"))


def _likeliest_weights(contrasts: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]]) -> NDArray[np.float64]:
    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Negative log likelihood that a right draft is chosen, and its gradient."""
        total, gradient = _STRENGTH * float(weights @ weights), 2 * _STRENGTH * weights
        for rows, right in contrasts:
            chances = np.exp(rows @ weights - (rows @ weights).max())
            chances /= chances.sum()
            hit = float(chances[right].sum()) + 1e-12
            total -= float(np.log(hit))
            gradient = gradient - rows.T @ (chances * right / hit - chances)
        return total, gradient

    found: NDArray[np.float64] = minimize(loss, np.zeros(contrasts[0][0].shape[1]), jac=True, method="L-BFGS-B").x
    return found
