"""The router: which of a few routes a text takes, or none of them rather than a guess.

Features are meaning (the sentence encoder's layers) and spelling (character and word n-grams, hashed); a logistic regression over
them is fitted once on the whole text and once more on what it says of the text's clauses, which shows a request that wants two
things. The threshold below which it abstains comes from five folds of the training rows.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from agents.directions import Directions, LayerEncoder
from agents.linear import LinearClassifier
from core.errors import BadInput, ModelError
from core.types.value import Value
from core.whole import write_whole

OUT_OF_SCOPE = "out_of_scope"
_FOLDS = 5
_MOST_LOST = 0.015
"""Of the accuracy on rows in scope: what abstaining may cost at most."""
_CALM = 0.03
"""Where no row is out of scope: share of right rows that may be lost to abstaining."""
_STRENGTH = 4.0
_WEIGHT, _MEANING = 3.0, 16.0
"""Of spelling and of meaning: how far apart two rows may lie in each."""
_HASHED = 1 << 13
_CLAUSE = re.compile(r"[.?!;\n]+\s*|,\s+|\s+(?:and|but|or|also|plus|then)\s+", re.IGNORECASE)
_FEWEST_WORDS = 2
_MOST_STACKED = 12
"""Routes, up to which clauses are looked at: many intents are no parts of one another."""
_STRENGTH_OF_MANY = 30.0
_LEAST, _SCALE = 1e-6, 4.0


class Routed(Value):
    """Where a text goes."""

    label: str
    """The route; `out_of_scope` where the router abstains."""
    confidence: float
    """Of the best route, in [0, 1]."""
    best: str
    """The route it would take if it had to."""


class Router:
    """Sends texts where they belong."""

    def __init__(self, whole: LinearClassifier, clauses: LinearClassifier | None, threshold: float, reader: "Reader") -> None:
        """Use `fit` or `load`."""
        self._whole, self._clauses, self.threshold, self._reader = whole, clauses, threshold, reader

    @property
    def labels(self) -> tuple[str, ...]:
        """The routes it knows."""
        return self._whole.labels

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[str], encoder: LayerEncoder, seed: int = 0) -> "Router":
        """Fit on labelled texts; `out_of_scope` may be among the labels.

        Raises:
            BadInput: Fewer than two routes, or fewer than two rows of one.
        """
        counts = {label: list(labels).count(label) for label in sorted(set(labels))}
        rare = [label for label, count in counts.items() if count < 2]
        if len(counts) < 2 or rare:
            found = f"route {rare[0]!r} has a single row" if rare else f"found {len(counts)} route"
            raise BadInput(f"router: at least two routes with at least two rows each are needed; {found}")
        layers = encoder.embed_layers(texts)
        reader = Reader(encoder, Directions.fit(layers, seed))
        matrix, wanted = reader.features(texts, layers), np.array(labels)
        own, parts = reader.clause_rows(texts)
        held_out = np.zeros((len(texts), len(counts)), np.float32)
        stacked = np.zeros((len(texts), 3 * len(counts)), np.float32)
        folds = StratifiedKFold(min(_FOLDS, min(counts.values())), shuffle=True, random_state=seed)
        for seen, unseen in folds.split(matrix, wanted):
            model = _fit(matrix[seen], wanted[seen])
            held_out[unseen] = model.probabilities(matrix[unseen])
            inside = np.isin(own, unseen)
            stacked[unseen] = _stacked(held_out[unseen], model.probabilities(parts[inside]), own[inside], unseen)
        clauses = None
        if len(counts) <= _MOST_STACKED:
            final = np.zeros_like(held_out)
            for seen, unseen in folds.split(stacked, wanted):
                final[unseen] = LinearClassifier.fit(stacked[seen], list(wanted[seen]), _STRENGTH).probabilities(stacked[unseen])
            clauses, held_out = LinearClassifier.fit(stacked, list(labels), _STRENGTH), final
        threshold = _threshold(held_out, sorted(counts), wanted)
        return cls(_fit(matrix, wanted), clauses, threshold, reader)

    def route(self, texts: Sequence[str]) -> list[Routed]:
        """Where each text goes."""
        if not texts:
            return []
        probabilities = self._whole.probabilities(self._reader.features(texts))
        if self._clauses is not None:
            own, parts = self._reader.clause_rows(texts)
            rows = np.arange(len(texts))
            stacked = _stacked(probabilities, self._whole.probabilities(parts), own, rows)
            probabilities = self._clauses.probabilities(stacked)
        return [self._decide(row) for row in probabilities]

    def _decide(self, probabilities: NDArray[np.float32]) -> Routed:
        best = int(np.argmax(probabilities))
        label, confidence = self.labels[best], float(probabilities[best])
        return Routed(label=label if confidence >= self.threshold else OUT_OF_SCOPE, confidence=confidence, best=label)

    def save(self, folder: Path) -> None:
        """Write into a folder; it appears whole or not at all for `load`, which reads `router.json` first."""
        folder.mkdir(parents=True, exist_ok=True)
        self._reader.save(folder)
        self._whole.save(folder / "whole.safetensors")
        if self._clauses is not None:
            self._clauses.save(folder / "clauses.safetensors")
        about = {"threshold": self.threshold, "clauses": self._clauses is not None, "directions": self._reader.has_directions}
        write_whole(folder / "router.json", json.dumps(about))

    @classmethod
    def load(cls, folder: Path, encoder: LayerEncoder) -> "Router":
        """Read back what `save` wrote.

        Raises:
            ModelError: A file is missing or damaged.
        """
        try:
            about = json.loads((folder / "router.json").read_text())
            threshold, stacked, turned = float(about["threshold"]), bool(about["clauses"]), bool(about.get("directions"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder}: holds no router: {error}") from error
        whole = LinearClassifier.load(folder / "whole.safetensors")
        clauses = LinearClassifier.load(folder / "clauses.safetensors") if stacked else None
        return cls(whole, clauses, threshold, Reader(encoder, Directions.load(folder) if turned else None))


class Reader:
    """Makes features of texts. A router without directions was fitted before there were any, on the last layer as it is."""

    def __init__(self, encoder: LayerEncoder, directions: Directions | None) -> None:
        self._encoder, self._directions = encoder, directions

    @property
    def has_directions(self) -> bool:
        """Whether it reads all layers."""
        return self._directions is not None

    def features(self, texts: Sequence[str], layers: NDArray[np.float32] | None = None) -> Any:
        """(texts, directions + hashed characters + hashed words), sparse; `layers` where they are known."""
        characters = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=_HASHED, norm="l2")
        words = HashingVectorizer(analyzer="word", ngram_range=(1, 2), n_features=_HASHED, norm="l2", token_pattern=r"\w+")
        blocks = [csr_matrix(self._meaning(texts, layers)), *(_WEIGHT * each.transform(texts) for each in (characters, words))]
        return hstack(blocks).tocsr()

    def _meaning(self, texts: Sequence[str], layers: NDArray[np.float32] | None) -> NDArray[np.float32]:
        if self._directions is None:
            return _WEIGHT * self._encoder.embed(texts)
        return _MEANING * self._directions.of(self._encoder.embed_layers(texts) if layers is None else layers)

    def clause_rows(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], Any]:
        """(clauses,) which text each clause is of, and their features."""
        pieces = [(at, clause) for at, text in enumerate(texts) for clause in _clauses_of(text)]
        return np.array([at for at, _ in pieces]), self.features([clause for _, clause in pieces])

    def save(self, folder: Path) -> None:
        """Write what it needs beside the encoder."""
        if self._directions is not None:
            self._directions.save(folder)


def _fit(matrix: Any, labels: NDArray[np.str_]) -> LinearClassifier:
    many = len(set(labels)) > _MOST_STACKED
    return LinearClassifier.fit(matrix, list(labels), _STRENGTH_OF_MANY if many else _STRENGTH)


def _clauses_of(text: str) -> list[str]:
    clauses = [clause for clause in _CLAUSE.split(text) if len(clause.split()) >= _FEWEST_WORDS]
    return clauses or [text]


def _stacked(
    whole: NDArray[np.float32], parts: NDArray[np.float32], own: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(rows, 3 labels): log-probability of the whole, highest and mean probability of a clause."""
    highest, mean = np.zeros_like(whole), np.zeros_like(whole)
    for place, row in enumerate(rows):
        inside = parts[own == row]
        highest[place], mean[place] = inside.max(axis=0), inside.mean(axis=0)
    return np.concatenate([np.log(np.maximum(whole, _LEAST)), _SCALE * highest, _SCALE * mean], axis=1)


def _threshold(probabilities: NDArray[np.float32], labels: Sequence[str], wanted: NDArray[np.str_]) -> float:
    """The confidence below which abstaining serves best, on rows that the model did not see."""
    best, confidence = np.array(labels)[probabilities.argmax(axis=1)], probabilities.max(axis=1)
    inside = wanted != OUT_OF_SCOPE
    right = inside & (best == wanted)
    if inside.all():
        return float(np.quantile(confidence[right], _CALM)) if right.any() else 0.0
    # Among many intents out of scope is one of a hundred, and what is met when serving is not what was learned from.
    accuracy, balance = right[inside].mean(), _macro_f1(wanted, best) if len(labels) <= _MOST_STACKED else 0.0
    chosen, most = 0.0, -1.0
    for threshold in np.unique(np.quantile(confidence, np.linspace(0, 0.6, 121))):
        routed = np.where(confidence >= threshold, best, OUT_OF_SCOPE)
        kept, caught = (routed == wanted)[inside].mean(), (routed == wanted)[~inside].mean()
        if kept < accuracy - _MOST_LOST or (balance and _macro_f1(wanted, routed) < balance):
            continue
        if kept + caught > most:
            chosen, most = float(threshold), kept + caught
    return chosen


def _macro_f1(wanted: NDArray[np.str_], routed: NDArray[np.str_]) -> float:
    """The mean of the routes' F1: where routes are few, texts in scope that are called out of it cost that route dearly."""
    return float(f1_score(wanted, routed, average="macro", zero_division=0.0))
