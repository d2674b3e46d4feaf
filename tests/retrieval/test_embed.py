"""The sentence encoder itself: its sentences against published figures, its words where they stand."""

import numpy as np
import pytest

from agents.home import Home
from core.settings import Settings
from retrieval.embed import Embedder


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Home(Settings()).embedder


def test_cosines_are_those_of_the_sentence_transformers_manual(embedder: Embedder) -> None:
    vectors = embedder.embed(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])
    assert np.round(vectors @ vectors.T, 4) == pytest.approx(
        np.array([[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]), abs=2e-3
    )


def test_like_words_have_like_vectors_where_they_stand(embedder: Embedder) -> None:
    texts = ("the lamp in the attic", "the lamp in the kitchen", "the lamp in the meantime")
    attic, kitchen, meantime = (words[0] for words in embedder.embed_words([(text, ((16, len(text)),)) for text in texts]))
    near, far = (float(attic @ other / np.linalg.norm(attic) / np.linalg.norm(other)) for other in (kitchen, meantime))
    assert near > far + 0.05


def test_words_are_found_by_their_places_alone_or_in_company(embedder: Embedder) -> None:
    long = ("word " * 2_000, ((0, 4), (5, 9), (9_990, 9_994)))
    alone, beyond = embedder.embed_words([("Grüße, Jörg", ((0, 5), (7, 11))), long])
    assert alone.shape == (2, 384) and np.abs(alone).sum(axis=1).min() > 0
    assert np.abs(beyond[:2]).sum(axis=1).min() > 0 and not beyond[2].any(), "what is too far on is nothing"
    assert np.allclose(embedder.embed_words([("Grüße, Jörg", ((7, 11),))])[0][0], alone[1], atol=1e-4)
    assert [found.shape for found in embedder.embed_words([("", ()), (" ", ())])] == [(0, 384), (0, 384)]


def test_a_text_read_layer_by_layer_is_not_read_again(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["the lamp in the garage", "", "two lamps for the garage, and one more for the shed behind it"]
    alone = Home(Settings()).embedder.embed(texts)
    layers = embedder.embed_layers(texts)
    assert layers.shape == (3, 7 * 384)
    monkeypatch.setattr(embedder, "_encode", None)
    assert embedder.embed(texts) == pytest.approx(alone, abs=1e-5)
