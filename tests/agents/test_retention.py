"""What is older than it may be is forgotten, class by class; that it was, the audit keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.actions import Actions
from agents.home import Home
from agents.planning import Planning
from agents.retention import forget, forget_threads
from core.errors import BadInput, StoreError
from core.types.message import Message
from core.types.principal import Principal
from core.types.trace import Trace
from tools.policy import DEFAULT_POLICY, read_policy

_OP = Principal(person="op", role="operator")
_LATER = datetime.now(UTC) + timedelta(days=100)
_TICKET = {"customer": "C0003", "subject": "a private matter"}


def _keep(home: Home, **days: int) -> None:
    lines = "\n".join(f"{name} = {kept}" for name, kept in days.items())
    rules = DEFAULT_POLICY.read_text().replace("[retention]", f"[retention]\n{lines}\n")
    (home.settings.home / "policy.toml").write_text(rules)


def _work(home: Home) -> None:
    """A write, one that waited and was rejected, a plan, and a turn."""
    actions = Actions(home)
    actions.act("create_ticket", _TICKET, _OP, "k")
    bank = {"supplier": "V001", "iban": "DE89370400440532013000"}
    waiting = actions.act("change_bank_details", bank, _OP)
    actions.executor.reject(str(waiting.approval), _OP)
    planning = Planning(actions, home.plans)
    planning.reject(planning.make("create_ticket", [_TICKET], _OP).id, _OP)
    home.traces.add([Trace(toolset="company", source="thread t", messages=(Message(role="user", content="a private matter"),))])
    home.traces.add([Trace(toolset="company", messages=(Message(role="user", content="imported"),))])
    actions.close()


def test_by_default_everything_is_kept(home: Home) -> None:
    _work(home)
    assert forget(home, _LATER + timedelta(days=10_000)) == {}


def test_each_class_has_its_days_and_the_audit_stays_whole(home: Home) -> None:
    _work(home)
    _keep(home, traces=30, approvals=30, ledger=90)
    assert forget(home, datetime.now(UTC)) == {"traces": 0, "approvals": 0, "ledger": 0}
    due = {"traces": 1, "approvals": 3, "ledger": 1}
    assert forget(home, _LATER, pretend=True) == due and home.traces.count() == 2
    assert forget(home, _LATER) == due and forget(home, _LATER) == dict.fromkeys(due, 0)
    entry = home.ledger.get("k")
    assert entry is not None and (entry.state, entry.arguments, entry.effect) == ("done", {}, None)
    assert home.traces.count() == 1 and home.plans.newest() == []
    assert home.audit.verify() == [] and home.ledger.faults() == []
    assert "private" not in str([row.body for row in home.audit.rows()])


def test_a_key_that_was_forgotten_does_nothing_again(home: Home) -> None:
    _work(home)
    _keep(home, ledger=90)
    forget(home, _LATER)
    with pytest.raises(StoreError, match="older than what the ledger keeps"):
        Actions(home).act("create_ticket", _TICKET, _OP, "k")


def test_forgetting_hides_no_tampering(home: Home) -> None:
    """A row that says it was forgotten and is not, or was not, is found."""
    from sqlalchemy import text

    _work(home)
    with home.database.begin() as connection:
        connection.execute(text("UPDATE ledger SET arguments = '{}', effect = NULL, detail = 'forgotten'"))
    assert len(home.ledger.faults()) == 1


def test_what_is_open_is_kept(home: Home) -> None:
    actions = Actions(home)
    waiting = actions.act("change_bank_details", {"supplier": "V001", "iban": "DE89370400440532013000"}, _OP)
    _keep(home, approvals=1)
    assert forget(home, _LATER) == {"approvals": 0}
    assert [request.id for request in home.approvals.waiting()] == [waiting.approval]
    actions.close()


def test_where_the_audit_cannot_be_written_nothing_more_is_forgotten(home: Home) -> None:
    _work(home)
    actions = Actions(home)
    actions.act("create_ticket", _TICKET, _OP, "k2")
    actions.close()
    _keep(home, ledger=90)
    anchor = home.settings.home / "audit.anchor"
    anchor.unlink()
    anchor.mkdir()
    with pytest.raises(StoreError):
        forget(home, _LATER)
    assert home.ledger.get("k2").arguments  # type: ignore[union-attr]  # it is there


def test_what_duties_are_kept_apart_by_is_not_forgotten_before(home: Home) -> None:
    _keep(home, ledger=30)
    with pytest.raises(StoreError, match="kept apart for 90"):
        home.policy()


@pytest.mark.parametrize("days", ["ledger = 3", "traces = 0", "letters = 5", 'threads = "long"'])
def test_days_that_make_no_sense_are_refused(tmp_path: Any, days: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(f"[retention]\n{days}\n")
    with pytest.raises(BadInput, match="retention"):
        read_policy(file)


def test_threads_nobody_went_on_with_are_deleted(tmp_path: Any) -> None:
    import sqlite3
    from typing import TypedDict

    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import END, START, StateGraph

    class _State(TypedDict):
        said: str

    file = tmp_path / "threads.sqlite"
    assert forget_threads(file, _LATER, pretend=False) == 0
    connection = sqlite3.connect(file, check_same_thread=False)
    graph = StateGraph(_State)
    graph.add_node("say", lambda state: {"said": state["said"]})
    graph.add_edge(START, "say")
    graph.add_edge("say", END)
    for thread in ("one", "two"):
        graph.compile(SqliteSaver(connection)).invoke({"said": "private"}, {"configurable": {"thread_id": thread}})
    connection.close()
    assert forget_threads(file, datetime.now(UTC) - timedelta(days=1), pretend=False) == 0
    assert forget_threads(file, _LATER, pretend=True) == 2 and forget_threads(file, _LATER, pretend=False) == 2
    assert forget_threads(file, _LATER, pretend=False) == 0
