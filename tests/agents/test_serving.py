"""Serving: which engine a release is loaded into."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import agents.engines.remote
from agents.home import Home
from agents.serving import open_release_engine
from core.settings import Settings


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
