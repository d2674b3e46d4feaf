"""An encoder that needs no model."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.embed import Places


class HashedWords:
    """Words hashed to a unit vector, in place of the sentence encoder."""

    def __init__(self, width: int = 64) -> None:
        self.width = width

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), width), rows of unit length."""
        vectors = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for word in ("", *text.lower().split()):
                vectors[row, zlib.crc32(word.encode()) % self.width] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_layers(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`: it has one layer."""
        return self.embed(texts)

    def embed_words(self, texts: Sequence[tuple[str, Places]]) -> list[NDArray[np.float32]]:
        """(places, width) for each text."""
        return [self.embed([text[start:end] for start, end in places]) for text, places in texts]
