"""`nightschool dataset`: built, listed, compared, read."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.home import Home
from core.settings import Settings
from core.types.release import Release

TOOLS = [{"name": "move", "parameters": {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}}]
WORDS = [
    "chairs",
    "tables",
    "lamps",
    "rugs",
    "shelves",
    "mirrors",
    "vases",
    "clocks",
    "stools",
    "beds",
    "desks",
    "sofas",
    "benches",
    "racks",
    "trays",
    "cups",
]


def row(number: int, word: str) -> dict[str, Any]:
    call = {"id": "c", "type": "function", "function": {"name": "move", "arguments": json.dumps({"count": number})}}
    return {"messages": [{"role": "user", "content": f"take {number} {word} away"}, {"role": "assistant", "tool_calls": [call]}]}


@pytest.fixture
def shop(run: Any) -> Any:
    """A home with sixteen conversations and one of them twice."""
    Path("tools.json").write_text(json.dumps(TOOLS))
    assert run("toolset", "add", "shop", "tools.json").code == 0
    imported(run, [row(number, word) for number, word in enumerate(WORDS)])
    return run


def imported(run: Any, rows: list[dict[str, Any]]) -> None:
    Path("traces.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert run("traces", "import", "shop", "traces.jsonl").code == 0


def test_the_same_traces_are_the_same_dataset_and_more_are_another(shop: Any) -> None:
    first = shop("dataset", "build", "shop", "--json").document
    assert first["toolset"] == "shop" and sum(first["rows"].values()) == len(WORDS) and first["releases"] == []
    assert shop("dataset", "build", "shop", "--json").document == first
    assert [found["id"] for found in shop("dataset", "list", "--json").document] == [first["id"]]
    imported(shop, [row(99, "wheelbarrows")])
    second = shop("dataset", "build", "shop", "--json").document
    difference = shop("dataset", "diff", first["id"][:6], second["id"], "--json").document
    assert len(difference["added"]) == 1 and difference["removed"] == []
    added = shop("traces", "show", difference["added"][0]).stdout
    assert "wheelbarrows" in added, "from a row to its trace"
    back = shop("dataset", "diff", second["id"], first["id"])
    assert back.stdout.splitlines()[0].startswith("0 added, 1 removed")


def test_what_a_change_of_tools_costs_a_dataset_is_told(shop: Any) -> None:
    first = shop("dataset", "build", "shop", "--json").document
    Path("tools.json").write_text(json.dumps(TOOLS).replace('"count"', '"quantity"'))
    shop("toolset", "add", "shop", "tools.json")
    assert "no traces that teach" in shop("dataset", "build", "shop").stderr
    shop("toolset", "migrate", "shop", "--yes")
    second = shop("dataset", "build", "shop", "--json").document
    assert sum(second["rows"].values()) == len(WORDS) and second["id"] != first["id"]
    shown = shop("dataset", "review", second["id"], "--limit", "1").stdout
    assert "calls move(quantity=" in shown and "user: take " in shown


def test_filters_and_parts_are_shown_and_a_missing_part_is_named(shop: Any) -> None:
    identity = shop("dataset", "build", "shop", "--json").document["id"]
    shown = shop("dataset", "show", identity).stdout
    assert "near-duplicates" in shown and "not applicable: no golden requests" in shown
    rows = [shop("dataset", "review", identity, "--part", part, "--json").document for part in ("writer", "reserved", "exam")]
    assert sum(map(len, rows)) == len(WORDS) and {r["trace_id"] for part in rows for r in part} == {
        r["trace"] for part in shop("dataset", "show", identity, "--json").document["manifest"]["rows"].values() for r in part
    }
    assert shop("dataset", "review", identity, "--part", "all").stderr.endswith("a dataset has writer, stop, reserved, exam\n")
    assert (
        shop("dataset", "show", "ffff").stderr == "nightschool: dataset 'ffff': not found; `nightschool dataset list` shows all\n"
    )


def test_another_tenant_has_nights_datasets_and_golden_sets_of_its_own(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = {"messages": [{"role": "user", "content": f"take 7 {WORDS[0]} away"}], "outcome": "none"}
    Path("golden.jsonl").write_text(json.dumps(case) + "\n")
    shop("golden", "add", "shop", "golden.jsonl")
    shop("dataset", "build", "shop")
    monkeypatch.setenv("NIGHTSCHOOL_TENANT", "../Acme & Co.")
    shop("toolset", "add", "shop", "tools.json")
    imported(shop, [row(number, word) for number, word in enumerate(WORDS[:3])])
    assert shop("dataset", "list", "--json").document == []
    assert shop("golden", "status", "shop", "--json").document["cases"] == 0
    assert sum(shop("dataset", "build", "shop", "--json").document["rows"].values()) == 3, "no other's golden request bars a row"
    assert len(shop("dataset", "list", "--json").document) == 1
    home = Home(Settings())
    assert home.nights.parent == home.folder and home.folder.parent == home.settings.home / "tenants"
    home.database.dispose()
    monkeypatch.delenv("NIGHTSCHOOL_TENANT")
    assert len(shop("dataset", "list", "--json").document) == 1
    assert Path("home/golden/shop.jsonl").is_file() and Path("home/datasets").is_dir(), (
        "the default tenant's stay where they were"
    )


def test_a_dataset_that_came_with_a_release_is_known_by_name(shop: Any) -> None:
    home = Home(Settings())
    release = Release(
        id="r-1", toolset="shop", toolset_version="1", schema_hashes={}, base="small", format_hash="f", dataset="d1", seed=0,
        status="passed",
    )  # fmt: skip
    home.releases.add(release)
    home.releases.path("r-1").mkdir(parents=True)
    document = {"dataset": "d1", "rows": {"writer": [{"example": "e", "trace": "t", "cluster": "c"}]}, "dropped": {}}
    (home.releases.path("r-1") / "dataset.json").write_text(json.dumps(document))
    home.database.dispose()
    shown = shop("dataset", "show", "r-1", "--json").document
    assert (shown["id"], shown["toolset"], shown["releases"], shown["has_rows"]) == ("d1", "shop", ["r-1"], False)
    assert "does not hold them" in shop("dataset", "review", "d1").stderr
