"""Latency over HTTP: what is counted, and that the service and its key are gone afterwards."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import api.latency
from agents.caller import Steps
from agents.home import Home
from core.settings import Settings
from core.types.message import Message
from core.types.prediction import Prediction, Written
from core.types.tool import read_toolset


class FakeLoaded:
    """Two drafts for questions when drafts are judged, one for all else; longer texts need more tokens."""

    release_id = "r-1"
    toolset = read_toolset("shop", [{"name": "move", "parameters": {"type": "object", "properties": {}}}])

    def __init__(self, steps: Steps) -> None:
        self.steps, self.closed = steps, False

    def predict(self, messages: Sequence[Message]) -> Prediction:
        said = messages[-1].content
        tokens = ("x",) * len(said)
        drafts = 2 if self.steps.reviewer and "?" in said else 1
        written = Written(tokens=tokens, logprobs=(0.0,) * len(tokens), prompt_tokens=1, drafts=drafts)
        return Prediction(outcome="none", confidence=0.5, latency_ms=1.0, written=written)

    def close(self) -> None:
        self.closed = True


def test_every_request_is_sent_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[FakeLoaded] = []

    class FakeLoader:
        def __init__(self, home: Home) -> None:
            """Needs nothing of it."""

        def load(self, toolset: str, release: str, steps: Steps) -> FakeLoaded:
            loaded.append(FakeLoaded(steps))
            return loaded[-1]

    monkeypatch.setattr(api.latency, "Loader", FakeLoader)
    home = Home(Settings(home=tmp_path))
    said = [(Message(role="user", content=text),) for text in ("short?", "short", "a rather longer request")]
    document = api.latency.measure_latency(home, "shop", "champion", said, lambda done, of: None)
    whole, first = document["whole caller"], document["first draft only"]
    assert (whole["n"], whole["short"]["n"], first["n"]) == (3, 2, 3)
    assert (whole["needed_more"], first["needed_more"]) == (0.333, 0.0)
    assert 0 < whole["p50_ms"] <= whole["p95_ms"] and document["peak_mib"] > 0
    assert all(one.closed for one in loaded) and all(key.revoked_at for key in home.keys.list())
