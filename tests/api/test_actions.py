"""`/v1/actions` and `/v1/approvals`, over the real company."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from agents.home import Home
from api.app import create_app
from api.counter import Counter
from core.types.principal import Principal
from tools.policy import DEFAULT_POLICY

_HOLD = {"tool": "hold_customer", "arguments": {"customer": "orchid nursery", "reason": "pays late"}}
_BANK = {"tool": "change_bank_details", "arguments": {"supplier": "Alpha Bearings Co", "iban": "DE89370400440532013000"}}


@pytest.fixture
def people(home: Home) -> dict[str, dict[str, str]]:
    """Headers by person."""
    roles = {"op": "operator", "bea": "controlling", "eve": "viewer", "acc": "accounting"}
    return {
        person: {"Authorization": f"Bearer {home.keys.create(Principal(person=person, role=role))}"}
        for person, role in roles.items()
    }


def test_a_call_is_proposed_done_and_the_same_again(client: TestClient, people: Any, home: Home) -> None:
    op = people["op"]
    proposed = client.post("/v1/actions", json={**_HOLD, "dry_run": True}, headers=op)
    assert proposed.status_code == 200 and proposed.json()["status"] == "proposed" and proposed.json()["key"] is None
    first = client.post("/v1/actions", json=_HOLD, headers={**op, "Idempotency-Key": "k1"})
    again = client.post("/v1/actions", json=_HOLD, headers={**op, "Idempotency-Key": "k1"})
    assert (
        first.json()["status"] == "done"
        and first.json()["changes"] == proposed.json()["changes"]
        and again.json() == first.json()
    )
    assert client.get("/v1/actions/k1", headers=op).json()["state"] == "done"
    assert [entry.key for entry in home.ledger.newest()] == ["k1"] and home.audit.verify() == []


@pytest.mark.parametrize(
    ("body", "key", "status", "code", "param"),
    [
        ({"tool": "launch", "arguments": {}}, None, 404, "not_found", None),
        ({"tool": "hold_customer", "arguments": {"customer": "nobody at all"}}, None, 422, "tool", "customer"),
        ({"tool": "hold_customer", "arguments": []}, None, 400, "bad_input", "arguments"),
        ({"tool": "hold_customer", "argumnets": {}}, None, 400, "bad_input", "argumnets"),
        ({"tool": "set_credit_limit", "arguments": {"customer": "orchid nursery", "amount": -5}}, None, 422, "tool", "amount"),
        (_HOLD, "k" * 256, 400, "bad_input", None),
    ],
)
def test_what_cannot_be_done_is_named(
    client: TestClient, people: Any, body: Any, key: str | None, status: int, code: str, param: str | None
) -> None:
    answer = client.post("/v1/actions", json=body, headers={**people["op"], **({"Idempotency-Key": key} if key else {})})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert param is None or answer.json()["error"]["param"] == param


def test_the_key_of_another_call_is_refused(client: TestClient, people: Any) -> None:
    headers = {**people["op"], "Idempotency-Key": "k1"}
    client.post("/v1/actions", json=_HOLD, headers=headers)
    other = client.post("/v1/actions", json={"tool": "create_customer", "arguments": {"name": "X"}}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "key_mismatch")


_CALL_THEM = {
    "tool": "schedule_activity",
    "arguments": {"customer": "orchid nursery", "type": "call", "date": "tomorrow", "subject": "late"},
}


def _next_day(home: Home) -> None:
    with closing(sqlite3.connect(home.company)) as company, company:
        company.execute("UPDATE company SET today = date(today, '+1 day')")


def test_the_same_words_under_the_same_key_mean_what_they_meant(client: TestClient, people: Any, home: Home) -> None:
    headers = {**people["op"], "Idempotency-Key": "k1"}
    first = client.post("/v1/actions", json=_CALL_THEM, headers=headers)
    _next_day(home)
    again = client.post("/v1/actions", json=_CALL_THEM, headers=headers)
    assert first.json()["status"] == "done" and again.json() == first.json() and len(home.ledger.newest()) == 1
    other = {**_CALL_THEM, "arguments": {**_CALL_THEM["arguments"], "date": "in two days"}}
    refused = client.post("/v1/actions", json=other, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "key_mismatch")
    second = {"Authorization": f"Bearer {home.keys.create(Principal(person='op2'))}", "Idempotency-Key": "k1"}
    assert client.post("/v1/actions", json=_CALL_THEM, headers=second).status_code == 422
    assert home.ledger.faults() == [] and home.audit.verify() == []
    with home.database.begin() as connection:
        connection.execute(text("UPDATE ledger SET said = 'other words'"))
    assert len(home.ledger.faults()) == 1, "the words are signed, too"


def test_words_that_wait_for_a_person_mean_what_was_shown(client: TestClient, people: Any, home: Home) -> None:
    asks = '[[asks]]\ntools = ["schedule_activity"]\n'
    (home.settings.home / "policy.toml").write_text(DEFAULT_POLICY.read_text() + asks)
    headers = {**people["op"], "Idempotency-Key": "k1"}
    first = client.post("/v1/actions", json=_CALL_THEM, headers=headers)
    _next_day(home)
    again = client.post("/v1/actions", json=_CALL_THEM, headers=headers)
    assert first.status_code == 202 and again.json()["approval"] == first.json()["approval"]
    client.post(f"/v1/approvals/{first.json()['approval']}", json={"approve": True}, headers=people["bea"])
    _next_day(home)
    done = client.post("/v1/actions", json=_CALL_THEM, headers=headers)
    assert done.status_code == 200 and done.json()["arguments"] == first.json()["arguments"]
    assert len(home.ledger.newest()) == 1 and home.ledger.faults() == []


def test_rights_hold_here_too(client: TestClient, people: Any, home: Home) -> None:
    refused = client.post("/v1/actions", json=_HOLD, headers=people["eve"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "denied")
    seen = client.post("/v1/actions", json={"tool": "find_supplier", "arguments": {"query": "alpha"}}, headers=people["eve"])
    assert seen.status_code == 200 and "iban" not in seen.text
    assert client.post("/v1/actions", json=_HOLD).status_code == 401
    assert home.ledger.newest() == []


def test_what_is_destructive_waits_for_a_second_person(client: TestClient, people: Any, home: Home) -> None:
    asked = client.post("/v1/actions", json=_BANK, headers={**people["op"], "Idempotency-Key": "b1"})
    assert asked.status_code == 202 and asked.json()["status"] == "waiting" and asked.json()["changes"]
    identity = asked.json()["approval"]
    assert [one["id"] for one in client.get("/v1/approvals", headers=people["bea"]).json()["waiting"]] == [identity]
    assert client.get("/v1/approvals", headers=people["eve"]).json() == {"waiting": []}
    assert client.get(f"/v1/approvals/{identity}", headers=people["eve"]).status_code == 404
    own = client.post(f"/v1/approvals/{identity}", json={"approve": True}, headers=people["op"])
    assert own.status_code == 403 and "second person" in own.json()["error"]["message"]
    assert home.ledger.newest() == []
    both = [client.post(f"/v1/approvals/{identity}", json={"approve": True}, headers=people["bea"]) for _ in range(2)]
    assert [answer.json()["status"] for answer in both] == ["done", "done"]
    assert [entry.key for entry in home.ledger.newest()] == ["b1"]
    later = client.post("/v1/actions", json=_BANK, headers={**people["op"], "Idempotency-Key": "b1"})
    assert later.status_code == 200 and later.json()["status"] == "done"


def test_what_was_rejected_is_not_done(client: TestClient, people: Any, home: Home) -> None:
    identity = client.post("/v1/actions", json=_BANK, headers=people["op"]).json()["approval"]
    rejected = client.post(
        f"/v1/approvals/{identity}", json={"approve": False, "reason": "call them first"}, headers=people["bea"]
    )
    assert rejected.json()["state"] == "rejected" and rejected.json()["reason"] == "call them first"
    assert client.post(f"/v1/approvals/{identity}", json={"approve": True}, headers=people["bea"]).status_code == 403
    assert home.ledger.newest() == []


@pytest.mark.parametrize("approve", [True, False])
def test_who_decides_sees_no_more_than_they_may(client: TestClient, people: Any, home: Home, approve: bool) -> None:
    (home.settings.home / "policy.toml").write_text(
        DEFAULT_POLICY.read_text().replace("[roles.controlling]", '[roles.controlling]\nhidden = ["iban", "account_ends_in"]')
    )
    identity = client.post("/v1/actions", json=_BANK, headers=people["op"]).json()["approval"]
    decided = client.post(f"/v1/approvals/{identity}", json={"approve": approve}, headers=people["bea"])
    assert decided.status_code == 200 and "iban" not in decided.text.lower()


def test_a_rejected_call_is_not_asked_again_under_its_key(client: TestClient, people: Any) -> None:
    headers = {**people["op"], "Idempotency-Key": "b1"}
    identity = client.post("/v1/actions", json=_BANK, headers=headers).json()["approval"]
    client.post(f"/v1/approvals/{identity}", json={"approve": False, "reason": "call them first"}, headers=people["bea"])
    again = client.post("/v1/actions", json=_BANK, headers=headers)
    assert again.status_code == 403 and "rejected by bea: call them first" in again.json()["error"]["message"]


def test_a_key_is_of_one_person(client: TestClient, people: Any, home: Home) -> None:
    second = {"Authorization": f"Bearer {home.keys.create(Principal(person='op2'))}"}
    assert client.post("/v1/actions", json=_HOLD, headers={**people["op"], "Idempotency-Key": "k"}).status_code == 200
    other = client.post("/v1/actions", json=_HOLD, headers={**second, "Idempotency-Key": "k"})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "key_mismatch")
    assert client.get("/v1/actions/k", headers=second).status_code == 404


def test_a_changed_policy_holds_at_once(client: TestClient, people: Any, home: Home) -> None:
    (home.settings.home / "policy.toml").write_text('panic = true\n[roles.operator]\nmay_read = ["*"]\nmay_write = ["*"]\n')
    refused = client.post("/v1/actions", json=_HOLD, headers=people["op"])
    assert refused.status_code == 403 and "panic" in refused.json()["error"]["message"]
    assert client.post(
        "/v1/actions", json={"tool": "find_customer", "arguments": {"query": "orchid"}}, headers=people["op"]
    ).is_success
    (home.settings.home / "policy.toml").write_text("panic = maybe")
    assert client.post("/v1/actions", json=_HOLD, headers=people["op"]).status_code == 503
    (home.settings.home / "policy.toml").unlink()
    assert client.post("/v1/actions", json=_HOLD, headers=people["op"]).status_code == 200


def test_twins_over_http_have_one_effect(client: TestClient, people: Any, home: Home) -> None:
    body = {"tool": "create_ticket", "arguments": {"customer": "orchid nursery", "subject": "leaks"}}

    def post(number: int) -> int:
        headers = {**people["op"], "Idempotency-Key": f"t{number % 5}"}
        return client.post("/v1/actions", json=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(post, range(40)))
    assert set(codes) == {200} and len(home.ledger.newest(100)) == 5


def test_writes_a_crash_left_open_are_closed_at_the_start(home: Home, people: Any, no_callers: Any) -> None:
    home.ledger.begin("lost", "create_ticket", {"customer": "x", "subject": "y"}, Principal(person="op"), "sandbox")
    with home.database.begin() as connection:
        connection.execute(text("UPDATE ledger SET owner = 'gone:1:1', lease_until = '2020-01-01'"))
    counter = Counter(home)
    with TestClient(create_app(home.keys, no_callers, None, counter)) as client:
        for _ in range(100):
            if client.get("/v1/actions/lost", headers=people["op"]).json()["state"] == "failed":
                break
        else:
            pytest.fail("still open")
    counter.close()


# the page


def _signed_in(client: TestClient, home: Home, person: str, role: str) -> str:
    """Sign in; the page."""
    key = home.keys.create(Principal(person=person, role=role))
    return client.post("/console/login", data={"key": key}).text


def _field(page: str, name: str) -> str:
    return page.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def test_a_person_decides_on_a_page(client: TestClient, people: Any, home: Home) -> None:
    assert "API key" in client.get("/console/approvals").text
    assert client.post("/console/login", data={"key": "ns_wrong"}).status_code == 401
    identity = client.post("/v1/actions", json=_BANK, headers={**people["op"], "Idempotency-Key": "b1"}).json()["approval"]
    page = _signed_in(client, home, "boss", "controlling")
    assert "change_bank_details" in page and "a second person decides" in page and identity in page
    forged = client.post(f"/console/approvals/{identity}", data={"approve": "yes", "csrf": "0" * 64})
    assert forged.status_code == 403 and home.ledger.newest() == []
    done = client.post(f"/console/approvals/{identity}", data={"approve": "yes", "csrf": _field(page, "csrf")})
    assert done.status_code == 200 and "Nothing waits for you" in done.text
    assert [(entry.key, entry.state) for entry in home.ledger.newest()] == [("b1", "done")]
    client.post("/console/logout")
    assert client.post(f"/console/approvals/{identity}", data={"approve": "yes"}).status_code == 401


def test_the_page_shows_only_what_one_may_decide_and_runs_nothing(client: TestClient, people: Any, home: Home) -> None:
    evil = {"tool": "create_ticket", "arguments": {"customer": "orchid nursery", "subject": "<script>alert(1)</script>"}}
    (home.settings.home / "policy.toml").write_text(
        '[roles.operator]\nmay_read = ["*"]\nmay_write = ["*"]\n[roles.controlling]\nmay_approve = ["*"]\n[[asks]]\n'
    )
    asked = client.post("/v1/actions", json=evil, headers=people["op"])
    assert asked.status_code == 202
    assert "Nothing waits for you" in _signed_in(client, home, "joe", "operator")
    page = client.get("/console/approvals")
    assert (
        "script-src" not in page.headers["content-security-policy"]
        and "default-src 'none'" in page.headers["content-security-policy"]
    )
    shown = _signed_in(client, home, "boss", "controlling")
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_what_nobody_vouches_for_is_marked_on_the_page(client: TestClient, people: Any, home: Home) -> None:
    from tools.erp.sandbox.sandbox import Sandbox
    from tools.executor import Call
    from tools.trust import Taint

    executor = home.executor(Sandbox(home.company))
    arguments = {"supplier": "V003", "iban": "DE89370400440532013000"}
    taint = Taint(arguments=("iban",))
    executor.ask(Call(tool="change_bank_details", arguments=arguments, principal=Principal(person="op"), key="k", taint=taint))
    page = _signed_in(client, home, "boss", "controlling")
    marked = [line for line in page.splitlines() if 'class="doubt"' in line]
    assert len(marked) == 2 and "comes from a text nobody vouches for" in page
    assert any("DE89370400440532013000" in line for line in marked)
