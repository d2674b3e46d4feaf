"""Sentence embeddings on the CPU: MiniLM by transformers, mean pooling, unit length.

Source: the model card of sentence-transformers/all-MiniLM-L6-v2; checked against it by cosine in the tests. Words where
they stand are taken from the layer in the middle, which says more of them than the last one does (Tenney et al. 2019, "BERT
Rediscovers the Classical NLP Pipeline").
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError

Places: TypeAlias = tuple[tuple[int, int], ...]
"""Where words start and end in a text, in characters."""
_BATCH = 64
_MAX_TOKENS = 128
_CACHE_SIZE = 50_000
_MAX_TOKENS_OF_WORDS = 512
_WORDS_CACHE_SIZE = 1_000
_MIDDLE, _LAYERS = 3, 7


class Embedder:
    """Texts to vectors, with a memory of texts seen."""

    def __init__(self, folder: Path) -> None:
        """Load the encoder from a folder in transformers format; about two seconds.

        Raises:
            ModelError: The folder does not hold a loadable encoder.
        """
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._torch = torch
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
            self._model: Any = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
        except (OSError, ValueError) as error:
            raise ModelError(f"{folder}: cannot load the sentence encoder: {error}") from error
        self._cache: dict[str, NDArray[np.float32]] = {}
        self._words: dict[tuple[str, Places], NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts.

        Returns:
            (len(texts), 384) float32, each row of length 1: the dot product of two rows is their cosine.
        """
        missing = sorted({text for text in texts if text not in self._cache}, key=lambda t: (len(t), t))
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            for text, vector in zip(batch, self._encode(batch), strict=True):
                self._cache[text] = vector
        vectors = [self._cache[text] for text in texts]
        if len(self._cache) > _CACHE_SIZE:
            self._cache.clear()
        return np.stack(vectors) if vectors else np.zeros((0, 384), dtype=np.float32)

    def embed_layers(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), 7 * 384) float32: the mean over a text's tokens in the input and in each of the six layers."""
        order = sorted(range(len(texts)), key=lambda at: (len(texts[at]), texts[at]))
        vectors = np.zeros((len(texts), _LAYERS * 384), np.float32)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            vectors[batch] = self._encode_layers([texts[at] for at in batch])
        # The last layer is what `embed` gives: a request that was routed is looked up without being read again.
        last = vectors[:, -384:]
        self._cache.update(zip(texts, last / np.linalg.norm(last, axis=1, keepdims=True), strict=True))
        return vectors

    def embed_words(self, texts: Sequence[tuple[str, Places]]) -> list[NDArray[np.float32]]:
        """Embed words where they stand.

        Args:
            texts: Each with the places of its words, from character to character.

        Returns:
            (places, 384) float32 for each text; zeros for what stands beyond 512 tokens.
        """
        missing = sorted({text for text in texts if text not in self._words}, key=lambda text: (len(text[0]), text))
        found = dict[tuple[str, Places], NDArray[np.float32]]()
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            found.update(zip(batch, self._encode_words(batch), strict=True))
        vectors = [found[text] if text in found else self._words[text] for text in texts]
        if len(self._words) + len(found) > _WORDS_CACHE_SIZE:
            self._words.clear()
        self._words.update(list(found.items())[-_WORDS_CACHE_SIZE:])
        return vectors

    def _encode_words(self, texts: Sequence[tuple[str, Places]]) -> list[NDArray[np.float32]]:
        inputs = self._tokenizer(
            [text for text, _ in texts],
            padding=True,
            truncation=True,
            max_length=_MAX_TOKENS_OF_WORDS,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        pieces = inputs.pop("offset_mapping").numpy()
        with self._torch.inference_mode():
            hidden = self._model(**inputs, output_hidden_states=True).hidden_states[_MIDDLE].numpy()
        return [_means(row, own, places) for row, own, (_, places) in zip(hidden, pieces, texts, strict=True)]

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        inputs = self._read(texts)
        with self._torch.inference_mode():
            mean = _mean_of_tokens(self._model(**inputs).last_hidden_state, inputs["attention_mask"])
        vectors: NDArray[np.float32] = self._torch.nn.functional.normalize(mean, dim=1).numpy()
        return vectors

    def _encode_layers(self, texts: Sequence[str]) -> NDArray[np.float32]:
        inputs = self._read(texts)
        with self._torch.inference_mode():
            layers = self._model(**inputs, output_hidden_states=True).hidden_states
            means = [_mean_of_tokens(hidden, inputs["attention_mask"]) for hidden in layers]
        vectors: NDArray[np.float32] = self._torch.cat(means, dim=1).numpy()
        return vectors

    def _read(self, texts: Sequence[str]) -> Any:
        return self._tokenizer(list(texts), padding=True, truncation=True, max_length=_MAX_TOKENS, return_tensors="pt")


def _mean_of_tokens(hidden: Any, attention_mask: Any) -> Any:
    """(texts, width) of (texts, tokens, width): the mean over what is no padding."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def _means(hidden: NDArray[np.float32], pieces: NDArray[np.int64], places: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """(places, width): the mean of a word's pieces."""
    vectors = np.zeros((len(places), hidden.shape[1]), np.float32)
    for number, (start, end) in enumerate(places):
        own = (pieces[:, 0] < end) & (pieces[:, 1] > start)
        if own.any():
            vectors[number] = hidden[own].mean(axis=0)
    return vectors
