"""Routes are learned from labelled texts, and none is taken where none fits."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.linear import LinearClassifier
from agents.router import OUT_OF_SCOPE, Reader, Router, _threshold
from core.errors import BadInput, ModelError

_WORDS = {
    "stock": ["stock", "shelf", "warehouse", "pieces", "boxes"],
    "money": ["invoice", "paid", "bank", "euros", "owed"],
    OUT_OF_SCOPE: ["football", "sunshine", "opera", "recipe", "planet"],
}


def _rows(count: int, labels: Sequence[str], seed: int = 0) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    filling = ["please", "tell", "me", "about", "the", "our", "this", "now"]
    rows = []
    for number in range(count):
        label = labels[number % len(labels)]
        rows.append((" ".join(rng.sample(filling, 3) + rng.sample(_WORDS[label], 2)), label))
    return rows


def _fit(rows: list[tuple[str, str]], encoder: Any) -> Router:
    return Router.fit([text for text, _ in rows], [label for _, label in rows], encoder)


def test_new_texts_take_the_route_of_their_like(hashed_words: Any) -> None:
    router = _fit(_rows(90, ["stock", "money"]), hashed_words)
    new = _rows(40, ["stock", "money"], seed=1)
    routed = router.route([text for text, _ in new])
    assert sum(found.best == label for found, (_, label) in zip(routed, new, strict=True)) >= 38
    assert all(0 < found.confidence <= 1 for found in routed)


def test_what_fits_no_route_is_out_of_scope(hashed_words: Any) -> None:
    router = _fit(_rows(120, ["stock", "money", OUT_OF_SCOPE]), hashed_words)
    other = _rows(30, [OUT_OF_SCOPE], seed=2)
    assert sum(found.label == OUT_OF_SCOPE for found in router.route([text for text, _ in other])) >= 28


def test_without_such_rows_an_unsure_text_is_out_of_scope(hashed_words: Any) -> None:
    router = _fit(_rows(120, ["stock", "money"]), hashed_words)
    assert 0.5 < router.threshold < 1
    assert router.route(["stock invoice shelf bank"])[0].label in ("stock", "money", OUT_OF_SCOPE)
    assert router.route(["zzz qqq"])[0].confidence < router.route(["stock shelf boxes please"])[0].confidence


def test_the_same_rows_make_the_same_router_and_it_comes_back_from_disk(tmp_path: Path, hashed_words: Any) -> None:
    rows = _rows(60, ["stock", "money", OUT_OF_SCOPE])
    router, texts = _fit(rows, hashed_words), ["paid the bank", "boxes on the shelf", "opera", "🙂", "x" * 5_000]
    assert router.route(texts) == _fit(rows, hashed_words).route(texts)
    router.save(tmp_path / "r")
    again = Router.load(tmp_path / "r", hashed_words)
    assert [found.label for found in again.route(texts)] == [found.label for found in router.route(texts)]
    assert again.labels == router.labels and router.route([]) == []
    for file in ("whole.safetensors", "directions.safetensors"):
        kept = (tmp_path / "r" / file).read_bytes()
        (tmp_path / "r" / file).write_bytes(b"nonsense")
        with pytest.raises(ModelError, match=file):
            Router.load(tmp_path / "r", hashed_words)
        (tmp_path / "r" / file).write_bytes(kept)
    with pytest.raises(ModelError, match="no router"):
        Router.load(tmp_path / "nowhere", hashed_words)


def test_a_router_of_before_there_were_directions_goes_on(tmp_path: Path, hashed_words: Any) -> None:
    rows = _rows(60, ["stock", "money"])
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    own = Reader(hashed_words, None)
    whole = LinearClassifier.fit(own.features(texts), labels, 4.0)
    Router(whole, None, 0.0, own).save(tmp_path)
    (tmp_path / "router.json").write_text('{"threshold": 0.0, "clauses": false}')
    assert not (tmp_path / "directions.safetensors").exists()
    assert [found.best for found in Router.load(tmp_path, hashed_words).route(texts)] == labels


def test_what_abstaining_catches_must_be_worth_the_texts_it_turns_away() -> None:
    labels = ["money", OUT_OF_SCOPE, "stock"]
    sure, unsure, out = [0.9, 0.05, 0.05], [0.5, 0.2, 0.3], [0.05, 0.9, 0.05]
    few = [sure] * 985 + [unsure] * 15 + [out] * 8 + [unsure] * 2
    wanted = np.array(["money"] * 1000 + [OUT_OF_SCOPE] * 10)
    assert _threshold(np.array(few, np.float32), labels, wanted) <= 0.5, "two caught for fifteen turned away"
    many = [sure] * 985 + [unsure] * 15 + [out] * 400 + [unsure] * 100
    wanted = np.array(["money"] * 1000 + [OUT_OF_SCOPE] * 500)
    assert _threshold(np.array(many, np.float32), labels, wanted) > 0.5, "a hundred for fifteen"


@pytest.mark.parametrize("rows", [[("a b", "one")] * 3, [("a b", "one"), ("c d", "one"), ("e f", "two")], []])
def test_too_few_rows_are_named(rows: list[tuple[str, str]], hashed_words: Any) -> None:
    with pytest.raises(BadInput, match="router"):
        _fit(rows, hashed_words)
