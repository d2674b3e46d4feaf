"""The picker: ranks what the next step starts with (a tool, or `!search`, `!done`, `!none`) without running the writer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer

from agents.linear import LinearClassifier
from core.types.message import Message, last_user_text

_HASHED = 2**14
_STATES = 512
_EMBEDDING_WEIGHT, _STATE_WEIGHT = 3.0, 1.5


class TextEmbedder(Protocol):
    """What turns texts into unit vectors, (len(texts), width)."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts."""
        ...


class Picker:
    """A linear classifier over sentence embedding, character n-grams and the state of the conversation."""

    def __init__(self, classifier: LinearClassifier, embedder: TextEmbedder) -> None:
        self._classifier, self._embedder = classifier, embedder

    @classmethod
    def fit(cls, conversations: Sequence[Sequence[Message]], heads: Sequence[str], embedder: TextEmbedder) -> "Picker":
        """Fit on conversations up to a step and what that step starts with."""
        return cls(LinearClassifier.fit(features(conversations, embedder), heads, strength=4.0), embedder)

    def rank(self, messages: Sequence[Message]) -> list[tuple[str, float]]:
        """Heads with probability, most likely first."""
        return self.rank_all([messages])[0]

    def rank_all(self, conversations: Sequence[Sequence[Message]]) -> list[list[tuple[str, float]]]:
        """`rank` for many conversations at once."""
        probabilities = self._classifier.probabilities(features(conversations, self._embedder))
        labels = self._classifier.labels
        return [[(labels[i], float(row[i])) for i in np.argsort(-row, kind="stable")] for row in probabilities]

    def save(self, file: Path) -> None:
        """Write the classifier; the encoder is an artefact of its own."""
        self._classifier.save(file)

    @classmethod
    def load(cls, file: Path, embedder: TextEmbedder) -> "Picker":
        """Read back what `save` wrote."""
        return cls(LinearClassifier.load(file), embedder)


def features(conversations: Sequence[Sequence[Message]], embedder: TextEmbedder) -> csr_matrix:
    """Rows of features, (conversations, 384 + hashed n-grams + hashed state)."""
    texts = [last_user_text(messages) for messages in conversations]
    words = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=_HASHED, norm="l2")
    states = HashingVectorizer(analyzer=str.split, n_features=_STATES, norm=None, alternate_sign=False, binary=True)
    return hstack(
        [
            csr_matrix(embedder.embed(texts) * _EMBEDDING_WEIGHT),
            words.transform(texts) * _EMBEDDING_WEIGHT,
            states.transform([_state(messages) for messages in conversations]) * _STATE_WEIGHT,
        ]
    ).tocsr()


def _state(messages: Sequence[Message]) -> str:
    """Words that say where the conversation stands: who spoke last, what was called in this turn and before."""
    words = [f"last:{messages[-1].role}"]
    this_turn = True
    step = 0
    for message in reversed(messages[:-1] if messages[-1].role == "user" else messages):
        this_turn = this_turn and message.role != "user"
        for call in message.tool_calls:
            step += this_turn
            words.append(f"{'now' if this_turn else 'before'}:{call.name}")
            if step == 1 or (not this_turn and "latest" not in words):
                words.extend(("latest", f"latest:{call.name}"))
        if message.role == "assistant" and not message.tool_calls and message is messages[-2:][0]:
            words.append("asked:" + "".join(char for char in message.content.lower() if char.isalpha())[:40])
    words.append(f"steps:{min(step, 4)}")
    return " ".join(words)
