"""Linear classifiers as plain arrays: fitted by scikit-learn at night, served as one matrix product.

Stored in safetensors with its labels in the metadata: nothing that is loaded can run code.
"""

import json
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression

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
    def fit(cls, features: Matrix, label_sets: Sequence[Collection[str]], strength: float = 1.0) -> "LabelSetClassifier":
        """Fit one L2-regularised logistic regression a label; labels seen in fewer than three rows are left out."""
        counts = Counter(label for labels in label_sets for label in set(labels))
        known = sorted(label for label, count in counts.items() if _MIN_POSITIVES <= count < len(label_sets))
        weights = np.zeros((features.shape[1], len(known)), np.float32)
        bias = np.zeros(len(known), np.float32)
        for column, label in enumerate(known):
            answers = [label in labels for labels in label_sets]
            model = LogisticRegression(C=strength, solver="liblinear", tol=1e-2).fit(features, answers)
            weights[:, column], bias[column] = model.coef_[0], model.intercept_[0]
        return cls(known, weights, bias)

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
    def fit(cls, features: Matrix, labels: Sequence[str], strength: float = 1.0, quickly: bool = False) -> "LinearClassifier":
        """Fit by L2-regularised logistic regression; `strength` is scikit-learn's C. One label gives a constant.

        `quickly`: by thirty passes of SAGA (Defazio, Bach, Lacoste-Julien 2014), for many rows of small weights; not to the end.
        """
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
