"""`/v1/plans`, the page's table of rows, and the command line: one operation over many records."""

import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from agents.home import Home
from core.types.principal import Principal

_ROWS = [{"customer": one, "subject": "new hours"} for one in ("C0003", "C0004", "nobody at all", "C0005")]
_PLAN = {"tool": "create_ticket", "rows": _ROWS, "why": "we open later"}


@pytest.fixture
def keys(home: Home) -> dict[str, str]:
    roles = {"op": "operator", "eve": "viewer", "other": "operator"}
    return {person: home.keys.create(Principal(person=person, role=role)) for person, role in roles.items()}


def _as(keys: dict[str, str], person: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys[person]}"}


def test_a_plan_is_made_looked_at_and_decided_with_a_row_left_out(client: TestClient, keys: Any, home: Home) -> None:
    made = client.post("/v1/plans", json=_PLAN, headers=_as(keys, "op"))
    assert made.status_code == 202 and made.json()["size"] == 4
    identity = made.json()["id"]
    assert [row["state"] for row in made.json()["rows"]] == ["waiting", "waiting", "cannot", "waiting"]
    assert client.get("/v1/approvals", headers=_as(keys, "op")).json()["waiting"] == []  # its rows wait with it
    assert [one["id"] for one in client.get("/v1/plans", headers=_as(keys, "op")).json()["plans"]] == [identity]
    assert client.get(f"/v1/plans/{identity}", headers=_as(keys, "eve")).status_code == 404
    assert home.ledger.newest() == []
    answer = {"approve": True, "leave_out": [1]}
    done = client.post(f"/v1/plans/{identity}", json=answer, headers=_as(keys, "op"))
    assert [row["state"] for row in done.json()["rows"]] == ["done", "left out", "cannot", "done"] and done.json()["finished"]
    assert len(home.ledger.newest()) == 2 and home.audit.verify() == []
    assert client.post(f"/v1/plans/{identity}", json={"approve": False}, headers=_as(keys, "op")).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"tool": "create_ticket"}, 400),
        ({**_PLAN, "over": {"tool": "list_overdue", "arguments": {}, "rows": "invoices", "take": {}}}, 400),
        ({**_PLAN, "rows": [1]}, 400),
        ({**_PLAN, "rows": _ROWS[:1] * 501}, 400),
        ({**_PLAN, "tool": "launch"}, 404),
        ({"tool": "send_reminder", "over": {"tool": "send_reminder", "arguments": {}, "rows": "x", "take": {}}}, 400),
        ({"tool": "send_reminder", "over": {"tool": "list_overdue", "arguments": {"customer": "no such"}, "rows": "invoices",
                                            "take": {"invoice": "invoice"}}}, 422),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(client: TestClient, keys: Any, home: Home, body: dict[str, Any], status: int) -> None:
    refused = client.post("/v1/plans", json=body, headers=_as(keys, "op"))
    assert refused.status_code == status, refused.text
    assert home.plans.newest() == [] and home.ledger.newest() == []


def test_who_may_not_write_makes_a_plan_of_nothing(client: TestClient, keys: Any, home: Home) -> None:
    made = client.post("/v1/plans", json=_PLAN, headers=_as(keys, "eve"))
    assert {row["state"] for row in made.json()["rows"]} == {"cannot"} and "not allowed" in made.json()["rows"][0]["text"]
    assert client.post("/v1/plans", json=_PLAN).status_code == 401


def test_the_page_shows_one_table_and_does_what_is_ticked(client: TestClient, keys: Any, home: Home) -> None:
    identity = client.post("/v1/plans", json=_PLAN, headers=_as(keys, "op")).json()["id"]
    client.post("/console/login", data={"key": keys["op"]})
    page = client.get("/console/approvals").text
    assert len(re.findall(r'type="checkbox"', page)) == 3 and "we open later" in page and "nobody at all" in page
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert token is not None
    form = {"csrf": token[1], "approve": "yes", "row0": "do", "row3": "do"}
    assert client.post(f"/console/plans/{identity}", data={**form, "csrf": "x"}).status_code == 403
    done = client.post(f"/console/plans/{identity}", data=form)
    assert "2 done" in done.text and "1 left out" in done.text and "1 cannot" in done.text
    assert len(home.ledger.newest()) == 2


def test_the_command_line_plans_over_a_read(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from api.cli.main import app

    monkeypatch.setenv("NIGHTSCHOOL_HOME", str(home.settings.home))
    run = CliRunner().invoke
    made = run(app, ["plans", "make", "cancel_order", "--over", "find_order", "--rows", "orders", "--take", "order", "--json"])
    plan = json.loads(made.stdout)
    shown = run(app, ["plans", "show", plan["id"], "--json"])
    assert json.loads(shown.stdout)["rows"] == plan["rows"]
    assert plan["id"] in run(app, ["plans", "list"]).stdout
    assert json.loads(run(app, ["plans", "reject", plan["id"], "--json"]).stdout)["state"] == "rejected"
    assert run(app, ["plans", "approve", plan["id"], "--leave-out", "x"]).exit_code != 0
