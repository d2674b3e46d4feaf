"""Tags: words are told by what they mean, and runs of them by all of their words."""

from itertools import combinations_with_replacement
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.tags import NO_ARGUMENT, Tagged, Tags, any_run, best_runs
from retrieval.embed import Places

ROOMS = ("kitchen", "hall", "bath", "cellar")
UNSEEN = "attic"


class Meanings:
    """An encoder that knows rooms from other words, and nothing else."""

    def embed_words(self, texts: list[tuple[str, Places]]) -> list[NDArray[np.float32]]:
        """(places, 2) for each text."""
        rooms = {*ROOMS, UNSEEN}
        return [
            np.array([[text[a:b] in rooms, text[a:b] not in rooms] for a, b in places], np.float32).reshape(-1, 2) * 4
            for text, places in texts
        ]


def tagged(text: str, tool: str = "light", argument: str = "room") -> Tagged:
    ends = [end for end in range(len(text) + 1) if end == len(text) or text[end] == " "]
    places = tuple(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))
    words = [text[a:b] for a, b in places]
    return Tagged(text, places, tool, tuple(argument if word in ROOMS else NO_ARGUMENT for word in words))


@pytest.fixture
def tags() -> Tags:
    return Tags.fit([tagged(f"lights on in the {room} now please") for room in ROOMS * 3], Meanings())


def test_a_word_that_no_row_has_is_known_by_its_meaning(tags: Tags) -> None:
    row = tagged(f"dim the {UNSEEN} please")
    (words,) = tags.embed([(row.text, row.places)])
    (odds,) = tags.odds(words, "light", ["room", "colour"]).values()
    assert int(np.argmax(odds)) == 2 and odds[2] > 0 > max(odds[:2] + odds[3:])
    assert any_run(odds) > 0 and any_run(odds[:2]) < 0


def test_without_rows_nothing_is_said() -> None:
    nothing = Tags.fit([], Meanings())
    assert not nothing.is_fitted and nothing.odds(nothing.embed([("the hall", ((0, 3), (4, 8)))])[0], "light", ["room"]) == {}


def test_what_has_none_goes_on_without() -> None:
    older = Tags.fit([], Meanings())
    assert not Tags.fit([tagged("lights on in the hall")], Meanings(), older).is_fitted


def test_tags_survive_their_file_and_go_on(tags: Tags, tmp_path: Path) -> None:
    tags.save(tmp_path / "tags.safetensors")
    loaded = Tags.load(tmp_path / "tags.safetensors", Meanings())
    later = Tags.fit([tagged(f"paint the {room}", argument="wall") for room in ROOMS], Meanings(), loaded)
    row = tagged("lights on in the hall")
    (words,) = tags.embed([(row.text, row.places)])
    before, read, after = (each.odds(words, "light", ["room"])["room"] for each in (tags, loaded, later))
    assert np.allclose(read, before, atol=0.05), "kept in half precision"
    assert after[4] > max(after[:4])
    assert "wall" in later.odds(words, "light", ["room", "wall"])
    assert not Tags.load(tmp_path / "older.safetensors", Meanings()).is_fitted


def test_runs_are_all_that_begin_and_end_somewhere() -> None:
    odds = [-1.0, 0.5, 2.0, -0.2, 0.7]
    runs = {(a, b): sum(odds[a : b + 1]) for a, b in combinations_with_replacement(range(5), 2)}
    assert any_run(odds) == pytest.approx(log(sum(map(exp, runs.values()))))
    assert best_runs(odds) == pytest.approx([max(v for (a, _), v in runs.items() if a == first) for first in range(5)])
