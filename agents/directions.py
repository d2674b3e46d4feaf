"""What the layers of the sentence encoder say of a text, in the directions in which texts differ most.

The last layer was trained to tell what texts are about; those below it also keep how they are put: a question, an order, a
remark (Tenney et al. 2019, "BERT Rediscovers the Classical NLP Pipeline"). Each number of each layer is standardised over the
rows learned from, and all are turned to their principal directions, which a classifier learns from in a third of the time.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import PCA

from core.errors import ModelError
from retrieval.knowledge import Encoder

_MOST = 768
_LEAST_SPREAD = 1e-3
"""A number that hardly differs from text to text says nothing, and is not to be blown up."""
_FILE = "directions.safetensors"


class LayerEncoder(Encoder, Protocol):
    """What makes vectors of texts, layer by layer too."""

    def embed_layers(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), layers * width)."""
        ...


class Directions:
    """Turns what layers say into fewer numbers."""

    def __init__(self, centre: NDArray[np.float32], turn: NDArray[np.float32]) -> None:
        """Shapes: centre (width,), turn (width, directions)."""
        self._centre, self._turn = centre, turn

    @classmethod
    def fit(cls, layers: NDArray[np.float32], seed: int) -> "Directions":
        """From (texts, width), at least two texts."""
        centre, spread = layers.mean(axis=0), layers.std(axis=0) + _LEAST_SPREAD
        standard = (layers - centre) / spread
        found = PCA(min(_MOST, *standard.shape), svd_solver="auto", random_state=seed).fit(standard)
        turn = found.components_.T / spread[:, None] / np.sqrt(layers.shape[1])
        return cls(centre.astype(np.float32), np.ascontiguousarray(turn, np.float32))

    def of(self, layers: NDArray[np.float32]) -> NDArray[np.float32]:
        """(texts, directions), rows of a length near one."""
        return np.asarray((layers - self._centre) @ self._turn, np.float32)

    def save(self, folder: Path) -> None:
        """Write into a folder."""
        save_file({"centre": self._centre, "turn": self._turn}, folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> "Directions":
        """Read back what `save` wrote.

        Raises:
            ModelError: The file is missing or damaged.
        """
        file = folder / _FILE
        try:
            arrays = load_file(file)
            return cls(arrays["centre"], arrays["turn"])
        except (OSError, SafetensorError, KeyError) as error:
            raise ModelError(f"{file}: missing or damaged: {error}") from error
