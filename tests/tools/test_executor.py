"""The write path: one ledger row for every write, one effect for every key, and no doubt left after a crash."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.database import open_database
from core.errors import NotFound, StoreError, ToolError
from core.settings import Settings
from core.types.effect import Change, Effect
from core.types.principal import Principal
from core.types.tool import Risk
from tools.executor import Executor
from tools.ledger import Ledger

_WHO = Principal(person="ada")


class _Till:
    """A business system with one drawer, that can be made to die before or after it acts."""

    def __init__(self) -> None:
        self.done: dict[str, Effect] = {}
        self.dies = ""

    def risk(self, tool: str) -> Risk:
        return "read" if tool == "look" else "write"

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        if arguments.get("amount", 1) < 0:
            raise ToolError("amount: negative", field="amount")
        return Effect(tool=tool, result={"amount": arguments.get("amount")})

    def execute(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        if self.dies == "before":
            raise KeyboardInterrupt
        effect = self.done.setdefault(key, self.propose(tool, arguments))
        if self.dies == "after":
            raise KeyboardInterrupt
        return effect

    def find(self, key: str) -> Effect | None:
        return self.done.get(key)

    def shows(self, changes: tuple[Change, ...]) -> bool:
        return True

    def undo(self, key: str) -> Effect:
        return self.done.pop(key)


@pytest.fixture
def till() -> _Till:
    return _Till()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(open_database(Settings(home=tmp_path)), "default")


@pytest.fixture
def executor(ledger: Ledger, till: _Till) -> Executor:
    return Executor(ledger, till)


def test_a_read_leaves_no_row(executor: Executor, ledger: Ledger) -> None:
    executor.execute("look", {}, _WHO, "k")
    assert ledger.newest() == []


def test_a_write_is_done_once_for_each_key(executor: Executor, ledger: Ledger, till: _Till) -> None:
    first = executor.execute("put", {"amount": 5}, _WHO, "k")
    assert executor.execute("put", {"amount": 5}, _WHO, "k") == first
    assert [(entry.key, entry.state, entry.principal.person) for entry in ledger.newest()] == [("k", "done", "ada")]
    with pytest.raises(StoreError, match="stands for another request"):
        executor.execute("put", {"amount": 6}, _WHO, "k")
    assert len(till.done) == 1


def test_what_breaks_a_rule_is_refused_before_it_is_entered(executor: Executor, ledger: Ledger) -> None:
    with pytest.raises(ToolError, match="negative"):
        executor.execute("put", {"amount": -5}, _WHO, "k")
    assert ledger.newest() == []


@pytest.mark.parametrize(("dies", "state"), [("before", "failed"), ("after", "done")])
def test_after_a_crash_the_system_is_asked_by_key(executor: Executor, ledger: Ledger, till: _Till, dies: str, state: str) -> None:
    till.dies = dies
    with pytest.raises(KeyboardInterrupt):
        executor.execute("put", {"amount": 5}, _WHO, "k")
    assert [entry.state for entry in ledger.pending()] == ["pending"]
    till.dies = ""
    assert executor.reconcile() == ["k"]
    assert [entry.state for entry in ledger.newest()] == [state]
    executor.execute("put", {"amount": 5}, _WHO, "k")
    assert len(till.done) == 1


def test_a_write_can_be_taken_back_once(executor: Executor, till: _Till) -> None:
    executor.execute("put", {"amount": 5}, _WHO, "k")
    executor.undo("k")
    assert till.done == {}
    with pytest.raises(ToolError, match="was taken back"):
        executor.execute("put", {"amount": 5}, _WHO, "k")
    with pytest.raises(NotFound, match="not in the ledger"):
        executor.undo("other")
