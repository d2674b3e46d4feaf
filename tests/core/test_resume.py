"""An interrupted run of the long tests goes on where it was, and other code starts anew."""

import subprocess
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_TESTS = """
import pathlib
import pytest

SEEN = pathlib.Path(__file__).parent / "seen"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_it(number):
    SEEN.open("a").write(str(number))
    if number == 2 and not (SEEN.parent / "mended").exists():
        raise KeyboardInterrupt
"""


@pytest.fixture
def repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makepyfile(test_long=_TESTS)
    for command in (["init"], ["add", "test_long.py"], ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-m", "m"]):
        subprocess.run(["git", *command], cwd=pytester.path, check=True, capture_output=True)
    return pytester


def run(repository: pytest.Pytester, *options: str) -> str:
    """What was run, since the first time."""
    repository.runpytest_subprocess("-p", "tests.resume", "-p", "no:codspeed", *options)
    return (Path(repository.path) / "seen").read_text()


def test_what_passed_before_an_interruption_is_not_run_again(repository: pytest.Pytester) -> None:
    assert run(repository, "--resume") == "12"
    (repository.path / "mended").touch()
    assert run(repository, "--resume") == "1223"
    assert run(repository, "--resume") == "1223"


def test_without_being_asked_everything_runs(repository: pytest.Pytester) -> None:
    (repository.path / "mended").touch()
    assert run(repository) == "123"
    assert run(repository) == "123123"


def test_other_code_starts_anew(repository: pytest.Pytester) -> None:
    (repository.path / "mended").touch()
    assert run(repository, "--resume") == "123"
    with (repository.path / "test_long.py").open("a") as stream:
        stream.write("\n# other code\n")
    assert run(repository, "--resume") == "123123"
