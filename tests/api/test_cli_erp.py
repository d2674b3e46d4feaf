"""The sandbox company at the command line."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import api.cli.exam
from agents.actions import Actions
from agents.home import Home
from core.settings import Settings
from evals.workday import Outcome
from tools.erp.sandbox.in_use import in_use

_ARGUMENTS = '{"customer": "orchid nursery", "reason": "pays late"}'


@pytest.fixture
def erp(run: Any, quick_company: None) -> Any:
    """A home with a company of a short history."""

    made = run("erp", "reset", "--json")
    assert made.code == 0 and made.document["tools"] >= 40
    return run


def test_without_a_company_the_command_that_makes_one_is_named(run: Any) -> None:
    asked = run("erp", "status")
    assert asked.code == 2 and "nightschool erp reset" in asked.stderr


def test_the_books_of_a_new_company_are_sound(erp: Any) -> None:
    status = erp("erp", "status", "--json").document
    assert status["faults"] == [] and status["today"] == "2026-05-13" and status["rows"]["customer"] >= 120
    assert [toolset["toolset"] for toolset in erp("toolset", "list", "--json").document] == ["company"]


def test_a_dry_run_changes_nothing_and_a_call_can_be_undone(erp: Any) -> None:
    tried = erp("erp", "call", "hold_customer", _ARGUMENTS, "--dry-run", "--json").document
    assert tried["key"] is None and tried["changes"][0]["after"]["on_hold"] is True
    assert erp("erp", "journal", "--json").document == []
    done = erp("erp", "call", "hold_customer", _ARGUMENTS, "--json").document
    assert done["changes"] == tried["changes"]
    assert "hold_customer" in erp("erp", "journal").stdout
    assert erp("erp", "undo", done["key"][:10]).code == 0
    assert [entry["state"] for entry in erp("erp", "journal", "--json").document] == ["undone"]


def test_a_snapshot_brings_back_what_was(erp: Any, tmp_path: Path) -> None:
    assert erp("erp", "snapshot", str(tmp_path / "before.sqlite")).code == 0
    before = erp("erp", "status", "--json").document["rows"]
    assert erp("erp", "call", "create_customer", '{"name": "Zebra Nova"}').code == 0
    assert erp("erp", "status", "--json").document["rows"]["customer"] == before["customer"] + 1
    assert erp("erp", "reset", "--from", str(tmp_path / "before.sqlite")).code == 0
    assert erp("erp", "status", "--json").document["rows"]["customer"] == before["customer"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("hold_everybody", "{}", "known: find_customer"),
        ("hold_customer", "{not json", "not JSON"),
        ("hold_customer", "[]", "expected a JSON object"),
        ("hold_customer", '{"customer": "nobody at all"}', "I do not know customer"),
        ("hold_customer", '{"customer": "brightwater"}', "Which customer do you mean"),
        ("hold_customer", "{}", "customer"),
    ],
)
def test_a_call_that_cannot_be_made_says_why(erp: Any, tool: str, arguments: str, said: str) -> None:
    ran = erp("erp", "call", tool, arguments)
    assert ran.code == 2 and said in ran.stderr


def test_resolve_shows_what_a_text_mentions(erp: Any) -> None:
    found = erp("resolve", "3 labtop stands for orchid nursery", "--json").document
    assert {(row["kind"], row["records"][0]["name"]) for row in found} == {
        ("product", "laptop stands"),
        ("customer", "Orchid Nursery"),
    }


def test_a_reset_looks_before_it_replaces(erp: Any, tmp_path: Path) -> None:
    company = Home(Settings()).company
    before = erp("erp", "status", "--json").document
    (tmp_path / "tools.json").write_text("[]")
    for source in (tmp_path / "tools.json", company):
        assert erp("erp", "reset", "--from", str(source)).code == 2
        assert erp("erp", "status", "--json").document == before
    assert not list(company.parent.glob("*.partial*"))


def test_a_company_that_is_served_is_not_replaced(erp: Any) -> None:
    with in_use(Home(Settings()).company):
        ran = erp("erp", "reset")
    assert ran.code == 2 and "nightschool serve" in ran.stderr
    assert erp("erp", "status").code == 0


def test_a_key_that_begins_another_one_is_taken_back(erp: Any) -> None:
    home = Home(Settings())
    actions = Actions(home)
    for key, tool in (("inv-1", "hold_customer"), ("inv-10", "create_customer")):
        named = {"customer": "orchid nursery", "reason": "x"} if tool == "hold_customer" else {"name": "Zebra Nova"}
        actions.act(tool, named, home.principal, key, False)
    actions.close()
    home.database.dispose()
    ran = erp("erp", "undo", "inv-1", "--json")
    assert ran.code == 0 and ran.document["undone"] == "inv-1"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("chat", "no", "--thread", "t", "--reject"), "TEXT and --reject"),
        (("chat", "--thread", "t", "--approve", "--reject"), "--approve and --reject"),
        (("chat", "--thread", "t", "--reject", "--edit", "{}"), "--edit needs --approve"),
        (("chat", "--json"), "a session is for people"),
        (("erp", "exam", "--phrasings", "--part", "gate"), "--phrasings with --part"),
        (("erp", "exam", "--phrasings", "--most-wrong", "1"), "--phrasings with --part or --most-wrong"),
        (("erp", "exam", "--threshold", "0.9", "--most-wrong", "1"), "--threshold with --most-wrong"),
        (("erp", "exam", "--part", "all", "--most-wrong", "1"), "--most-wrong with part 'all'"),
        (("erp", "exam", "--out", "missing/out.jsonl"), "missing is not a folder"),
        (("erp", "exam", "--out", "."), "it is a folder"),
    ],
)
def test_orders_that_contradict_each_other_are_refused(erp: Any, arguments: tuple[str, ...], word: str) -> None:
    ran = erp(*arguments)
    assert ran.code == 2 and word in ran.stderr


@pytest.fixture
def examined(run: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The exam of a release that brings nine scenarios of ten to a right end, the tenth unsure; the company is left out."""

    def worked(scenarios: Any, *_: Any) -> list[Outcome]:
        unsure = {"end_state": False, "ending": "approval", "least_write": 0.4}
        right = Outcome(end_state=True, ending="finished", deeds=(), confidence=1.0)
        return [right.model_copy(update=unsure if at % 10 == 0 else {}) for at in range(len(scenarios))]

    loaded = SimpleNamespace(release_id="r-1", toolset=None, close=lambda: None)
    monkeypatch.setattr(api.cli.exam, "Loader", lambda _: SimpleNamespace(load=lambda *_: loaded))
    monkeypatch.setattr(api.cli.exam, "fitted_router", lambda *_: None)
    monkeypatch.setattr(api.cli.exam, "build_company", lambda _: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(api.cli.exam, "graph_shifts", lambda *_: nullcontext(None))
    monkeypatch.setattr(api.cli.exam, "work_in_shifts", worked)
    monkeypatch.setattr(api.cli.exam, "work", worked)
    return lambda *more: run("erp", "exam", "--limit", "50", *more)


def test_what_a_threshold_held_back_in_the_graph_is_not_called_unhindered(examined: Any) -> None:
    held = examined("--graph", "--threshold", "0.9", "--json").document
    assert "unhindered" not in held and held["held_back"]["approval_per_1000"] == 100
    assert [row["threshold"] for row in held["risk_coverage"]] == [0.9, 0.95, 0.98, 0.99]
    free = examined("--graph", "--json").document
    assert free["unhindered"] and free["risk_coverage"][0]["threshold"] == 0.0
    assert examined("--threshold", "0.9", "--json").document["unhindered"], "the threshold came after the work"
    assert "end state    0.900" in examined("--graph", "--threshold", "0.9").stdout


def test_the_phrasings_of_a_wish_are_examined_as_one_cluster(examined: Any) -> None:
    end_state = examined("--phrasings", "--json").document["unhindered"]["end_state"]
    assert (end_state["n"], end_state["clusters"]) == (50, 10)
