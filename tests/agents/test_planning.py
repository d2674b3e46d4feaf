"""One operation over many records: shown at once, rows left out, what fails said, and gone on with after a crash."""

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from agents.actions import Actions
from agents.home import Home
from agents.planning import Planning, Source
from core import failpoints
from core.errors import BadInput, ContactLost, Denied, NotFound, StoreError
from core.types.principal import Principal
from tools.erp.sandbox.sandbox import Sandbox
from tools.executor import Executor

_OP = Principal(person="op", role="operator")
_BEA = Principal(person="bea", role="controlling")
_EVE = Principal(person="eve", role="viewer")
_CUSTOMERS = ("C0003", "C0004", "C0005", "C0006")


class _Crash(BaseException):
    """The process has died."""


@pytest.fixture
def planning(home: Home) -> Iterator[Planning]:
    with closing(sqlite3.connect(home.company)) as company, company:
        company.execute("UPDATE company SET today = '2026-12-01'")  # by then what was invoiced is late
    actions = Actions(home)
    yield Planning(actions, home.plans)
    actions.close()


def _tickets(*customers: str) -> list[dict[str, str]]:
    return [{"customer": customer, "subject": "new opening hours"} for customer in customers]


def _states(planning: Planning, plan: str) -> list[str]:
    return [row.state for row in planning.table(plan, _OP)]


def test_all_overdue_are_reminded_but_the_one_left_out(home: Home, planning: Planning) -> None:
    source = Source(tool="list_overdue", arguments={}, rows="invoices", take={"invoice": "invoice"})
    found = planning.over(source, _OP)
    assert len(found) >= 2
    plan = planning.make("send_reminder", found, _OP, "remind everybody who is late")
    table = planning.table(plan.id, _OP)
    assert [row.state for row in table] == ["waiting"] * len(found) and all(row.changes for row in table)
    assert home.ledger.newest() == []  # nothing is done before it is decided
    done = planning.approve(plan.id, _OP, left_out=[1])
    assert done.finished and _states(planning, plan.id) == ["done", "left out", *["done"] * (len(found) - 2)]
    assert len(home.ledger.newest(200)) == len(found) - 1 and home.audit.verify() == []
    assert planning.approve(plan.id, _OP, left_out=[1]).finished  # the same decision again does nothing twice
    assert len(home.ledger.newest(200)) == len(found) - 1
    with pytest.raises(Denied, match="rows left out"):
        planning.approve(plan.id, _OP)


def test_what_cannot_be_done_is_said_and_stops_nothing(home: Home, planning: Planning) -> None:
    plan = planning.make("create_ticket", [*_tickets("C0003"), *_tickets("nobody at all"), *_tickets("C0004")], _OP)
    assert _states(planning, plan.id) == ["waiting", "cannot", "waiting"]
    assert "nobody at all" in planning.table(plan.id, _OP)[1].text
    planning.approve(plan.id, _OP)
    assert _states(planning, plan.id) == ["done", "cannot", "done"]


def test_what_fails_when_it_is_tried_is_said_and_the_rest_is_done(home: Home, planning: Planning) -> None:
    plan = planning.make("hold_customer", [{"customer": one, "reason": "late"} for one in _CUSTOMERS[:3]], _OP)
    planning._actions.act("hold_customer", {"customer": _CUSTOMERS[1], "reason": "fraud"}, _OP)  # meanwhile, by another way
    planning.approve(plan.id, _OP)
    table = planning.table(plan.id, _OP)
    assert [row.state for row in table] == ["done", "failed", "done"] and table[1].text


def test_a_crash_in_the_middle_is_gone_on_with(home: Home, planning: Planning) -> None:
    plan = planning.make("create_ticket", _tickets(*_CUSTOMERS), _OP)
    done = 0

    def die(name: str) -> None:
        nonlocal done
        done += name == "executor.checked"
        if done == 2 and name == "executor.checked":
            raise _Crash

    failpoints.watch(die)
    with pytest.raises(_Crash):
        planning.approve(plan.id, _OP)
    failpoints.unwatch(die)
    assert planning.resume() == []  # this very process is alive
    _abandon(home)
    planning._executor.reconcile()
    assert [one.id for one in planning.resume()] == [plan.id]
    assert _states(planning, plan.id) == ["done"] * 4 and len(home.ledger.newest()) == 4 and home.ledger.faults() == []
    assert planning.resume() == []


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="nobody says here when a process began")
def test_a_plan_goes_on_where_its_process_is_gone_and_another_has_its_number(home: Home, planning: Planning) -> None:
    plan = planning.make("create_ticket", _tickets(*_CUSTOMERS), _OP)
    home.plans.decide(plan.id, "approved", _OP, (), "")
    assert planning.resume() == []
    with home.database.begin() as connection:
        before = {"gone": f"{socket.gethostname()}:{os.getpid()}:1:1"}  # a container started again: the same host and number
        connection.execute(text("UPDATE plans SET owner = :gone"), before)
    assert [one.finished for one in planning.resume()] == [True] and _states(planning, plan.id) == ["done"] * 4


def test_a_plan_that_an_error_stopped_goes_on_and_stops_no_other(
    home: Home, planning: Planning, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (planning.make("create_ticket", _tickets(one), _OP) for one in _CUSTOMERS[:2])
    execute = Executor.execute

    def full(self: Executor, tool: str, arguments: Any, *more: Any) -> Any:
        if more[1] == first.key(0):
            raise RuntimeError("the disk is full")
        return execute(self, tool, arguments, *more)

    monkeypatch.setattr(Executor, "execute", full)
    with pytest.raises(RuntimeError, match="disk"):
        planning.approve(first.id, _OP)
    home.plans.decide(second.id, "approved", _OP, (), "")
    home.plans.let_go(second)
    assert [one.id for one in planning.resume()] == [second.id]
    monkeypatch.setattr(Executor, "execute", execute)
    assert [one.id for one in planning.resume()] == [first.id] and _states(planning, first.id) == ["done"]


def _abandon(home: Home) -> None:
    with home.database.begin() as connection:
        connection.execute(text("UPDATE ledger SET owner = :gone, lease_until = '2020-01-01'"), {"gone": _gone()})
        connection.execute(text("UPDATE plans SET owner = :gone"), {"gone": _gone()})


def _gone() -> str:
    return f"{socket.gethostname()}:4194304:1"  # above the largest process id


def test_who_may_not_decide_a_row_decides_nothing(home: Home, planning: Planning) -> None:
    rows = [{"supplier": "V001", "iban": "DE89370400440532013000"}, {"supplier": "V002", "iban": "DE89370400440532013000"}]
    plan = planning.make("change_bank_details", rows, _OP)
    for person in (_OP, _EVE):
        with pytest.raises(Denied):
            planning.approve(plan.id, person)
    with pytest.raises(Denied):
        planning.reject(plan.id, _EVE)
    assert planning.approve(plan.id, _BEA).finished and _states(planning, plan.id) == ["done", "done"]


def test_a_plan_of_which_nothing_can_be_done_is_its_askers_alone(home: Home, planning: Planning) -> None:
    plan = planning.make("create_ticket", _tickets("nobody at all"), _OP)
    with pytest.raises(Denied, match="nothing of it can be done"):
        planning.approve(plan.id, _BEA)
    assert planning.approve(plan.id, _OP).finished


def test_what_only_reads_is_no_plan(planning: Planning) -> None:
    with pytest.raises(BadInput, match="changes nothing"):
        planning.make("find_order", [{"order": "SO-00001"}], _OP)


def test_where_the_system_does_not_answer_it_stops_and_goes_on_later(
    home: Home, planning: Planning, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planning.make("create_ticket", _tickets(*_CUSTOMERS), _OP)
    propose, calls = Sandbox.propose, [0]

    def mute(sandbox: Sandbox, tool: str, arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] > 2:
            raise ContactLost("no answer")
        return propose(sandbox, tool, arguments)

    monkeypatch.setattr(Sandbox, "propose", mute)
    assert not planning.approve(plan.id, _OP).finished
    monkeypatch.setattr(Sandbox, "propose", propose)
    assert [one.finished for one in planning.resume()] == [True]
    assert _states(planning, plan.id) == ["done"] * 4 and len(home.ledger.newest()) == 4


def test_a_rejected_plan_does_nothing(home: Home, planning: Planning) -> None:
    plan = planning.make("create_ticket", _tickets(*_CUSTOMERS), _OP)
    planning.reject(plan.id, _OP, "no longer")
    assert _states(planning, plan.id) == ["left out"] * 4 and home.ledger.newest() == []
    with pytest.raises(Denied, match="rejected"):
        planning.approve(plan.id, _OP)
    assert home.approvals.waiting() == []


@pytest.mark.parametrize("rows", [[], [{"customer": "C0003", "subject": "x"}] * 501])
def test_a_plan_of_nothing_or_of_too_much_is_refused(planning: Planning, rows: list[dict[str, str]]) -> None:
    with pytest.raises(BadInput, match="1 to 500"):
        planning.make("create_ticket", rows, _OP)


def test_what_is_not_there_is_named(planning: Planning) -> None:
    for call in (lambda: planning.table("p-none", _OP), lambda: planning.approve("p-none", _OP)):
        with pytest.raises(NotFound, match="p-none"):
            call()
    plan = planning.make("create_ticket", _tickets("C0003"), _OP)
    with pytest.raises(BadInput, match="row 7"):
        planning.approve(plan.id, _OP, left_out=[7])
    with pytest.raises(NotFound, match="launch"):
        planning.make("launch", [{}], _OP)
    with pytest.raises(BadInput, match="lists nothing"):
        planning.over(Source(tool="list_overdue", arguments={}, rows="reminders", take={}), _OP)
    with pytest.raises(BadInput, match="nowhere"):
        planning.over(Source(tool="list_overdue", arguments={}, rows="invoices", take={"invoice": "nowhere"}), _OP)
    with pytest.raises(BadInput, match="writes"):
        planning.over(Source(tool="create_ticket", arguments={}, rows="x", take={}), _OP)


def test_where_nothing_can_be_entered_nothing_is_planned(home: Home, planning: Planning) -> None:
    anchor = home.settings.home / "audit.anchor"
    anchor.unlink(missing_ok=True)
    anchor.mkdir()
    with pytest.raises(StoreError):
        planning.make("create_ticket", _tickets("C0003"), _OP)
