"""Tags: which argument each word of a request belongs to, judged by what the word means where it stands.

Words that no training row has are like words that some have: "attic" stands where "kitchen" stood. A linear model reads the
encoder's vectors of a word and its neighbours; as in Devlin et al. 2019, "BERT", section 5.3, the encoder stays as it is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import logsumexp

from agents.linear import LinearClassifier, hashed
from retrieval.embed import Places

Vectors: TypeAlias = NDArray[np.float32]
"""(words, width)."""
NO_ARGUMENT = ""
_TOOLS = 64
_WEIGHT, _TOOL_WEIGHT, _STRENGTH = 0.2, 1.0, 1.0
_MOST_WORDS = 40_000
_LEAST_CHANCE = 1e-6


class WordEmbedder(Protocol):
    """What turns words into vectors, each where it stands."""

    def embed_words(self, texts: Sequence[tuple[str, Places]]) -> list[NDArray[np.float32]]:
        """Embed the words at these places of each text, (places, width) each."""
        ...


class Tagged(NamedTuple):
    """What a request and a tool called for it teach."""

    text: str
    places: Places
    """Of its words."""
    tool: str
    arguments: tuple[str, ...]
    """Of the tool, one a word; `NO_ARGUMENT` for what fills none."""


class Tags:
    """A linear classifier over words; without one it says nothing."""

    def __init__(self, classifier: LinearClassifier | None, embedder: WordEmbedder) -> None:
        self._classifier, self._embedder = classifier, embedder

    @classmethod
    def fit(cls, rows: Sequence[Tagged], embedder: WordEmbedder, start: "Tags | None" = None) -> "Tags":
        """Fit on words of training rows, some of them where there are very many; on from `start`, if given, which stays without
        where it has none: the few rows of a day are no words to begin with."""
        known = start._classifier if start else None
        if start is not None and known is None:
            return start
        words = sum(len(row.places) for row in rows)
        some = rows[:: 1 + words // _MOST_WORDS]
        labels = [argument for row in some for argument in row.arguments]
        if not labels:
            return cls(known, embedder)
        vectors = embedder.embed_words([(row.text, row.places) for row in some])
        features = np.concatenate([_features(found, row.tool) for found, row in zip(vectors, some, strict=True)])
        seen = features if known is None else csr_matrix(features)
        return cls(LinearClassifier.fit(seen, labels, _STRENGTH, start=known), embedder)

    @property
    def is_fitted(self) -> bool:
        """Whether it says anything."""
        return self._classifier is not None

    def embed(self, texts: Sequence[tuple[str, Places]]) -> list[Vectors]:
        """The vectors that `odds` reads, of the words of each text; none where nothing was learned."""
        if not self.is_fitted:
            return [np.zeros((len(places), 0), np.float32) for _, places in texts]
        return self._embedder.embed_words(texts)

    def odds(self, words: Vectors, tool: str, arguments: Sequence[str]) -> Mapping[str, list[float]]:
        """For those of a tool's arguments that training rows know, the log odds of each word to be its."""
        if self._classifier is None or not len(words):
            return {}
        labels = self._classifier.labels
        known = [name for name in arguments if name in labels]
        columns = [labels.index(name) for name in (*known, NO_ARGUMENT) if name in labels]
        chances = self._classifier.probabilities(_features(words, tool))[:, columns].astype(np.float64)
        chances = np.clip(chances / chances.sum(axis=1, keepdims=True), _LEAST_CHANCE, 1 - _LEAST_CHANCE)
        return dict(zip(known, (np.log(chances) - np.log1p(-chances)).T.tolist(), strict=False))

    def save(self, file: Path) -> None:
        """Write the classifier, if there is one."""
        if self._classifier is not None:
            self._classifier.save(file)

    @classmethod
    def load(cls, file: Path, embedder: WordEmbedder) -> "Tags":
        """Read back what `save` wrote; a release older than tags has none."""
        return cls(LinearClassifier.load(file) if file.is_file() else None, embedder)


def any_run(odds: Sequence[float]) -> float:
    """The log odds that some run of words belongs, against none: the sum over all runs, word by word from the one before."""
    ending: list[float] = []
    for own in odds:
        ending.append(own + (np.logaddexp(0.0, ending[-1]) if ending else 0.0))
    return float(logsumexp(ending))


def best_runs(odds: Sequence[float]) -> list[float]:
    """For each word the log odds of the likeliest run that starts there, against none."""
    starting: list[float] = []
    for own in reversed(odds):
        starting.append(own + max(0.0, starting[-1] if starting else 0.0))
    return starting[::-1]


def _features(words: Vectors, tool: str) -> NDArray[np.float32]:
    """(words, 3 x width + tools): each word, the one before, the one after."""
    none = np.zeros((1, words.shape[1]), np.float32)
    around = np.concatenate([words, np.concatenate([none, words[:-1]]), np.concatenate([words[1:], none])], axis=1)
    called = np.repeat(hashed([[tool]], _TOOLS).toarray().astype(np.float32), len(words), axis=0)
    return np.concatenate([around * _WEIGHT, called * _TOOL_WEIGHT], axis=1)
