"""Linear classifiers as plain arrays: fitted by scikit-learn at night, served as one matrix product.

Stored in safetensors with its labels in the metadata: nothing that is loaded can run code.
"""

import json
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression

from agents.continuing import moved, of_many_labels, of_one_label
from core.errors import ModelError

_MIN_POSITIVES = 3
_PASSES = 30
Matrix: TypeAlias = Any
"""(rows, features): a scipy CSR matrix or an ndarray; scipy has no types to name the union by."""


def hashed(rows: Sequence[Sequence[str]], width: int) -> Matrix:
    """(rows, width): named features by their hashes, as many times as each row has them."""
    return FeatureHasher(width, input_type="string", alternate_sign=False).transform(rows)


class LabelSetClassifier:
    """`sigmoid(x W + b)`: an independent yes or no for each of several labels."""

    def __init__(self, labels: Sequence[str], weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Shapes: weights (features, labels), bias (labels,)."""
        self.labels, self._weights, self._bias = tuple(labels), weights, bias

    @classmethod
    def fit(
        cls,
        features: Matrix,
        label_sets: Sequence[Collection[str]],
        strength: float = 1.0,
        start: "LabelSetClassifier | None" = None,
    ) -> "LabelSetClassifier":
        """Fit one L2-regularised logistic regression a label; labels seen in fewer than three rows are left out.

        `start`: fit on from it; what it knows stays known.
        """
        if start is not None:
            return start.fitted_on(features, label_sets, strength)
        counts = Counter(label for labels in label_sets for label in set(labels))
        known = sorted(label for label, count in counts.items() if _MIN_POSITIVES <= count < len(label_sets))
        weights = np.zeros((features.shape[1], len(known)), np.float32)
        bias = np.zeros(len(known), np.float32)
        for column, label in enumerate(known):
            answers = [label in labels for labels in label_sets]
            model = LogisticRegression(C=strength, solver="liblinear", tol=1e-2).fit(features, answers)
            weights[:, column], bias[column] = model.coef_[0], model.intercept_[0]
        return cls(known, weights, bias)

    def fitted_on(
        self,
        features: Matrix,
        label_sets: Sequence[Collection[str]],
        strength: float,
        says: Callable[[int, str], bool] = lambda row, label: True,
    ) -> "LabelSetClassifier":
        """These weights moved by further rows; a new label is taken in where three rows have it.

        Args:
            features: (rows, features).
            label_sets: Of each row.
            strength: scikit-learn's C.
            says: Whether a row says anything of a label.
        """
        counts = Counter(label for labels in label_sets for label in set(labels))
        new = sorted(label for label, count in counts.items() if count >= _MIN_POSITIVES and label not in self.labels)
        labels, weights, bias = _widened(self.labels, self._weights, self._bias, new)
        truth = np.asarray([[label in row for label in labels] for row in label_sets], np.float64)
        counted = np.asarray([[says(row, label) for label in labels] for row in range(len(label_sets))], np.float64)
        return LabelSetClassifier(labels, *moved(features, weights, bias, of_many_labels(truth, counted), strength))

    def probabilities(self, features: Matrix) -> NDArray[np.float32]:
        """(rows, labels), each in [0, 1]."""
        scores = np.asarray(features @ self._weights, np.float64) + self._bias
        return np.asarray(1 / (1 + np.exp(-scores)), np.float32)

    def save(self, file: Path) -> None:
        """Write to a safetensors file."""
        _save(file, self.labels, self._weights, self._bias)

    @classmethod
    def load(cls, file: Path) -> "LabelSetClassifier":
        """Read back what `save` wrote.

        Raises:
            ModelError: The file is missing or not such a classifier.
        """
        return cls(*_load(file))


class LinearClassifier:
    """`softmax(x W + b)` over named labels."""

    def __init__(self, labels: Sequence[str], weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Shapes: weights (features, labels), bias (labels,)."""
        self.labels, self._weights, self._bias = tuple(labels), weights, bias

    @classmethod
    def fit(
        cls,
        features: Matrix,
        labels: Sequence[str],
        strength: float = 1.0,
        quickly: bool = False,
        start: "LinearClassifier | None" = None,
    ) -> "LinearClassifier":
        """Fit by L2-regularised logistic regression; `strength` is scikit-learn's C. One label gives a constant.

        `quickly`: by thirty passes of SAGA (Defazio, Bach, Lacoste-Julien 2014), for many rows of small weights; not to the end.
        `start`: fit on from it; what it knows stays known.
        """
        if start is not None:
            return start._fitted_on(features, labels, strength)
        known = sorted(set(labels))
        if len(known) == 1:
            return cls(known, np.zeros((features.shape[1], 1), np.float32), np.zeros(1, np.float32))
        if quickly:
            model = LogisticRegression(C=strength, max_iter=_PASSES, tol=1e-2, solver="saga", random_state=0)
        else:
            model = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, labels)
        weights, bias = np.asarray(model.coef_, np.float32).T, np.asarray(model.intercept_, np.float32)
        if len(known) == 2:  # scikit-learn keeps one column for two classes
            weights, bias = np.concatenate([-weights / 2, weights / 2], axis=1), np.concatenate([-bias / 2, bias / 2])
        return cls([str(label) for label in model.classes_], weights, bias)

    def _fitted_on(self, features: Matrix, labels: Sequence[str], strength: float) -> "LinearClassifier":
        known, weights, bias = _widened(self.labels, self._weights, self._bias, sorted({*labels} - {*self.labels}))
        truth = np.asarray([known.index(label) for label in labels])
        return LinearClassifier(known, *moved(features, weights, bias, of_one_label(truth), strength))

    def probabilities(self, features: Matrix) -> NDArray[np.float32]:
        """(rows, labels); each row sums to 1."""
        scores = np.asarray(features @ self._weights, np.float64) + self._bias
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)

    def save(self, file: Path) -> None:
        """Write to a safetensors file."""
        _save(file, self.labels, self._weights, self._bias)

    @classmethod
    def load(cls, file: Path) -> "LinearClassifier":
        """Read back what `save` wrote.

        Raises:
            ModelError: The file is missing or not such a classifier.
        """
        return cls(*_load(file))


def _widened(
    labels: Sequence[str], weights: NDArray[np.float32], bias: NDArray[np.float32], new: Sequence[str]
) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    """With a column of nothing for each new label."""
    more = np.zeros((len(weights), len(new)), np.float32)
    return [*labels, *new], np.concatenate([weights, more], axis=1), np.concatenate([bias, more[0]])


def _save(file: Path, labels: Sequence[str], weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    # float16 halves the file; the classifier's last bits decide nothing
    save_file(
        {"weights": np.ascontiguousarray(weights.astype(np.float16)), "bias": bias},
        file,
        metadata={"labels": json.dumps(labels)},
    )


def _load(file: Path) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    try:
        with safe_open(file, framework="numpy") as stored:
            labels = json.loads(stored.metadata()["labels"])
            return labels, stored.get_tensor("weights").astype(np.float32), stored.get_tensor("bias")
    except Exception as error:  # safetensors raises its own untyped errors
        raise ModelError(f"{file}: cannot read the classifier: {error}") from error
