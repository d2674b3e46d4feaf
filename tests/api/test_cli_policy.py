"""Policy, approvals, audit and open writes at the command line."""

from pathlib import Path
from typing import Any

import pytest

from agents.home import Home
from core.settings import Settings
from core.types.principal import Principal

_BANK = ("change_bank_details", '{"supplier": "Alpha Bearings Co", "iban": "DE89370400440532013000"}')


@pytest.fixture
def erp(run: Any, quick_company: None) -> Any:
    """A home with a company of a short history, and bea, who lets things through."""

    assert run("erp", "reset").code == 0
    assert run("keys", "create", "--person", "bea", "--role", "controlling").code == 0
    return run


def test_explain_shows_every_rule(erp: Any) -> None:
    told = erp("policy", "explain", *_BANK, "--json").document
    assert told["verdict"] == "ask" and told["four_eyes"] and told["role"] == "operator"
    assert [finding["rule"] for finding in told["findings"]] == ["roles.operator.may_write", "destructive"]
    as_stranger = erp("policy", "explain", *_BANK, "--as", "stranger")
    assert "stranger as viewer: refused" in as_stranger.stdout and "viewer may not change_bank_details" in as_stranger.stdout
    assert "[roles.operator]" in erp("policy", "show").stdout


def test_explain_names_what_is_wrong(erp: Any) -> None:
    assert "not JSON" in erp("policy", "explain", "hold_customer", "{").stderr
    assert "known: " in erp("policy", "explain", "launch", "{}").stderr


def test_what_waits_is_shown_approved_and_audited(erp: Any) -> None:
    asked = erp("erp", "call", *_BANK)
    assert asked.code == 0 and "approvals approve a-" in asked.stdout
    (waiting,) = erp("approvals", "list", "--json").document
    assert "operator (operator) asks for change_bank_details" in erp("approvals", "list").stdout
    own = erp("approvals", "approve", waiting["id"])
    assert own.code == 2 and "second person" in own.stderr
    assert erp("approvals", "approve", waiting["id"], "--as", "bea").code == 0
    assert erp("approvals", "list").stdout == "Nothing waits.\n"
    assert [row["event"] for row in erp("audit", "list", "--json").document] == ["done", "pending", "approved", "waiting"]
    assert erp("audit", "verify", "--json").document == {"rows": 4, "faults": []}
    assert erp("actions", "show", waiting["key"], "--json").document["approval"]


def test_a_rejection_needs_no_reason_and_ends_it(erp: Any) -> None:
    erp("erp", "call", *_BANK)
    (waiting,) = erp("approvals", "list", "--json").document
    assert erp("approvals", "reject", waiting["id"], "--as", "bea").stdout == "change_bank_details: not done.\n"
    assert erp("approvals", "approve", waiting["id"], "--as", "bea").code == 2


def test_a_tampered_audit_ends_with_code_3(erp: Any, tmp_path: Path) -> None:
    assert erp("erp", "call", "create_customer", '{"name": "Zebra Nova"}').code == 0
    home = Home(Settings(home=tmp_path / "home"))
    with home.database.begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET event = 'failed' WHERE seq = 2")
    found = erp("audit", "verify")
    assert found.code == 3 and "row 2 is not as it was written" in found.stdout
    assert erp("audit", "rotate").code == 0


def test_open_and_unknown_writes_are_looked_after(erp: Any, tmp_path: Path) -> None:
    assert erp("actions", "reconcile").stdout == "Nothing was open.\n"
    home = Home(Settings(home=tmp_path / "home"))
    for key, state in (("open", None), ("dark", "unknown")):
        home.ledger.begin(key, "create_ticket", {"customer": "x", "subject": "y"}, Principal(), "sandbox")
        if state:
            home.ledger.finish(key, "unknown", detail="no answer")
    with home.database.begin() as connection:
        connection.exec_driver_sql("UPDATE ledger SET owner = 'gone:1:1', lease_until = '2020-01-01' WHERE key = 'open'")
    assert "open  failed   create_ticket" in erp("actions", "reconcile").stdout
    assert "dark  create_ticket" in erp("actions", "unknown").stdout
    assert erp("actions", "settle", "dark", "--not-done", "--note", "looked").stdout == "create_ticket: failed\n"
    assert erp("actions", "settle", "dark", "--done").code == 2
    assert erp("audit", "verify").code == 0
