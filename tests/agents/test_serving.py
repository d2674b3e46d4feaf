"""Serving: which engine a release is loaded into, and which releases stay loaded."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import agents.engines.remote
import agents.serving
from agents.home import Home
from agents.serving import Fleet, open_release_engine
from core.chat import FORMAT_HASH
from core.errors import NotFound
from core.settings import Settings
from core.types.release import Release


@pytest.mark.parametrize("dialect", ["llamacpp", "vllm"])
def test_a_remote_server_is_told_the_grammar_in_its_dialect(
    dialect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents.engines.remote, "RemoteEngine", lambda *arguments: arguments)
    remote = {"remote_url": "http://host/v1", "remote_key": SecretStr("k"), "remote_dialect": dialect}
    home = Home(Settings(home=tmp_path, **remote))
    assert open_release_engine(home, "small", "r-1") == ("http://host/v1", "r-1", "k", dialect)
    home.database.dispose()


def test_an_unknown_dialect_is_refused_when_settings_are_read(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="remote_dialect"):
        Settings(home=tmp_path, remote_dialect="other")  # type: ignore[arg-type]


# which stay loaded


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Releases in the order they are loaded; there are no files behind them."""
    loads: list[str] = []

    def opened(home: Home, base: str, release: str) -> Any:
        loads.append(release)
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(agents.serving, "check_files", lambda folder: None)
    monkeypatch.setattr(agents.serving, "open_release_engine", opened)
    monkeypatch.setattr(agents.serving, "load_caller", lambda *_: SimpleNamespace(toolset=None))
    monkeypatch.setattr(Home, "embedder", None)
    return loads


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Home]:
    """A home where `shop` has three releases, the first of them its champion, and `farm` has one."""
    home = Home(Settings(home=tmp_path))
    for name, toolset in (("r-1", "shop"), ("r-2", "shop"), ("r-3", "shop"), ("r-4", "farm")):
        home.releases.add(
            Release(
                id=name,
                toolset=toolset,
                toolset_version="v",
                schema_hashes={},
                base="small",
                format_hash=FORMAT_HASH,
                dataset="d",
                seed=0,
                status="passed",
            )
        )
    home.releases.promote("r-1", home.principal, "person")
    yield home
    home.database.dispose()


@pytest.mark.parametrize(("toolset", "release"), [("nowhere", "r-1"), ("farm", "r-1"), ("shop", "r-4"), ("shop", "r-9")])
def test_a_release_of_another_toolset_is_not_loaded(served: Home, loads: list[str], toolset: str, release: str) -> None:
    with pytest.raises(NotFound, match=release):
        Fleet(served).get(toolset, release)
    assert loads == []


def test_the_champion_by_name_is_the_one_there_is_now(served: Home, loads: list[str]) -> None:
    fleet = Fleet(served)
    first = fleet.get("shop", "champion")
    assert fleet.get("shop", None) is first and fleet.get("shop", "r-1") is first
    served.releases.promote("r-2", served.principal, "person")
    assert fleet.get("shop", "champion").release_id == "r-2" and loads == ["r-1", "r-2"]


def test_a_named_release_does_not_push_the_champion_out(served: Home, loads: list[str]) -> None:
    fleet = Fleet(served)
    for release in (None, "r-2", None, "r-2", None):
        fleet.get("shop", release)
    assert loads == ["r-1", "r-2"]
    fleet.get("shop", "r-3")
    fleet.get("shop", None)
    assert loads == ["r-1", "r-2", "r-3"]
    fleet.get("shop", "r-2")
    assert loads == ["r-1", "r-2", "r-3", "r-2"], "one other is kept, the last that was named"
