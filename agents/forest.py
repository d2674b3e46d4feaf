"""A forest of decision trees as plain arrays: grown by scikit-learn at night, served without it.

Extremely randomised trees (Geurts, Ernst, Wehenkel 2006); a probability is the mean over the trees of the share of right
rows in the leaf reached. Stored in safetensors: nothing that is loaded can run code.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from agents.arrays import load_arrays, save_arrays

_TREES, _MIN_LEAF, _FEATURES = 300, 5, 0.4
_ARRAYS = ("feature", "threshold", "left", "right", "share", "width")


class Forest:
    """The probability of one answer out of two."""

    def __init__(
        self,
        feature: NDArray[np.int32],
        threshold: NDArray[np.float64],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        share: NDArray[np.float32],
        width: NDArray[np.int32],
    ) -> None:
        """All but the last of shape (trees, nodes), a tree's root at node 0.

        Args:
            feature: Which feature a node asks for; a leaf asks for feature 0 and leads to itself.
            threshold: Up to it the way goes left.
            left: The node to the left.
            right: The node to the right.
            share: Share of right rows at a node, in [0, 1].
            width: (1,), how many features a row has.
        """
        self._feature, self._threshold, self._left, self._right = feature, threshold, left, right
        self._share, self._width = share, width

    @property
    def width(self) -> int:
        """How many features a row has."""
        return int(self._width[0])

    @classmethod
    def fit(cls, rows: NDArray[np.float32], right: Sequence[bool], seed: int = 0) -> "Forest":
        """Grow a forest on rows (rows, features) and their answers; the same seed gives the same forest."""
        width = np.asarray(rows.shape[1:], np.int32)
        if len(set(right)) < 2:
            nothing = np.zeros((1, 1), np.int32)
            share = np.full((1, 1), float(bool(right and right[0])), np.float32)
            return cls(nothing, np.zeros((1, 1)), nothing, nothing, share, width)
        grown = ExtraTreesClassifier(_TREES, min_samples_leaf=_MIN_LEAF, max_features=_FEATURES, random_state=seed)
        trees = [estimator.tree_ for estimator in grown.fit(rows, right).estimators_]
        shape = (len(trees), max(tree.node_count for tree in trees))
        kinds = {"threshold": np.float64, "share": np.float32}
        arrays: dict[str, NDArray[Any]] = {name: np.zeros(shape, kinds.get(name, np.int32)) for name in _ARRAYS[:-1]}
        for number, tree in enumerate(trees):
            nodes = np.arange(tree.node_count)
            leaf = tree.children_left < 0
            arrays["feature"][number, nodes] = np.where(leaf, 0, tree.feature)
            arrays["threshold"][number, nodes] = np.where(leaf, 0, tree.threshold)
            arrays["left"][number, nodes] = np.where(leaf, nodes, tree.children_left)
            arrays["right"][number, nodes] = np.where(leaf, nodes, tree.children_right)
            votes = tree.value[:, 0, :]
            arrays["share"][number, nodes] = votes[:, 1] / votes.sum(axis=1)
        return cls(**arrays, width=width)

    def probability(self, row: NDArray[np.float32]) -> float:
        """Probability in [0, 1] that the answer for `row` (features,) is yes."""
        trees = np.arange(len(self._feature))
        node = np.zeros(len(trees), np.int32)
        while True:
            goes_left = row[self._feature[trees, node]] <= self._threshold[trees, node]
            following = np.where(goes_left, self._left[trees, node], self._right[trees, node])
            if np.array_equal(following, node):
                return float(self._share[trees, node].mean())
            node = following

    def save(self, file: Path) -> None:
        """Write to a safetensors file."""
        save_arrays(file, {name: getattr(self, f"_{name}") for name in _ARRAYS})

    @classmethod
    def load(cls, file: Path) -> "Forest":
        """Read back what `save` wrote.

        Raises:
            ModelError: The file is missing or not such a forest.
        """
        return cls(*load_arrays(file, _ARRAYS, "forest"))
