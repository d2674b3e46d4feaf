"""The console script, run in a home of its own."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

import api.cli.erp
from agents.home import Home
from api.app import create_app
from api.cli.main import main
from api.counter import Counter
from core.errors import NotFound
from tools.erp.sandbox.sandbox import Sandbox


class Ran(NamedTuple):
    """What a command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """All of stdout, which has to be one JSON document."""
        return json.loads(self.stdout)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The console script in a home of its own."""
    monkeypatch.setenv("NIGHTSCHOOL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NIGHTSCHOOL_ARTEFACTS", str(tmp_path / "artefacts"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["nightschool", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return call


class NoCallers:
    """A service where no toolset has a champion."""

    def caller(self, toolset: str, release: str | None) -> Any:
        raise NotFound("none")

    def models(self) -> list[Any]:
        return []


@pytest.fixture
def no_callers() -> NoCallers:
    """Where only the agent and the counter answer."""
    return NoCallers()


@pytest.fixture
def quick_company(short_company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`erp reset` copies a company of a short history instead of living through one."""

    def copied(path: Path, *_: Any, **__: Any) -> Sandbox:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(short_company, path)
        return Sandbox(path)

    monkeypatch.setattr(api.cli.erp, "build_company", copied)


@pytest.fixture
def client(home: Home, no_callers: Any) -> Iterator[TestClient]:
    """The service over the home's company, without a caller."""
    counter = Counter(home)
    with TestClient(create_app(home.keys, no_callers, None, counter)) as client:
        yield client
    counter.close()
