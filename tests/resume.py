"""A pytest plugin: with `--resume`, long tests that have passed on this very code are not run again.

What passed is kept in pytest's cache under a hash of the commit and of what is changed since; other code starts anew.
"""

import hashlib
import subprocess
from pathlib import Path

import pytest

_KEY = "nightschool/passed"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--resume`."""
    parser.addoption("--resume", action="store_true", help="leave out what an interrupted run of the same code has passed")


def pytest_configure(config: pytest.Config) -> None:
    """Remember what passes, where that was asked for."""
    if config.getoption("--resume") and config.cache is not None:
        config.pluginmanager.register(Resumed(config.cache, code_of(config.rootpath)), "nightschool-resumed")


class Resumed:
    """What has passed on one state of the code."""

    def __init__(self, cache: pytest.Cache, code: str) -> None:
        self._cache, self._code = cache, code
        kept = cache.get(_KEY, {})
        self._passed: set[str] = set(kept.get(code, ()))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Take out what has passed."""
        done = [item for item in items if item.nodeid in self._passed]
        items[:] = [item for item in items if item.nodeid not in self._passed]
        config.hook.pytest_deselected(items=done)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep it at once: the next test may be the one that is interrupted."""
        if report.when == "call" and report.passed:
            self._passed.add(report.nodeid)
            self._cache.set(_KEY, {self._code: sorted(self._passed)})


def code_of(root: Path) -> str:
    """A hash of the commit and of all that is changed since, new files aside."""
    said = [
        subprocess.run(["git", *command], cwd=root, capture_output=True, check=True).stdout
        for command in (["rev-parse", "HEAD"], ["diff", "HEAD"])
    ]
    return hashlib.sha256(b"\0".join(said)).hexdigest()[:16]
