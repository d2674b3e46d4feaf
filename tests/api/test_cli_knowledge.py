"""`nightschool knowledge` and `router` on a home without model files, with a hashed encoder in place of MiniLM."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.home import Home


@pytest.fixture(autouse=True)
def _encoder(hashed_words: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Home, "embedder", hashed_words)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages" / "sales"
    folder.mkdir(parents=True)
    (folder / "returns.md").write_text("# Returns\n\nGoods come back within thirty days.\n")
    (folder / "freight.md").write_text("# Freight\n\nA pallet costs forty euros.\n")
    return tmp_path / "pages"


def test_pages_are_added_found_listed_and_removed(run: Callable[..., Any], pages: Path) -> None:
    added = run("knowledge", "add", str(pages), "--json").document
    assert added["added"] == ["sales/freight.md", "sales/returns.md"]
    results = run("knowledge", "search", "when do goods come back", "-k", "1", "--json").document["results"]
    assert [(hit["document"], hit["text"]) for hit in results] == [("sales/returns.md", "Goods come back within thirty days.")]
    assert 0 < results[0]["score"] <= 1
    assert run("knowledge", "list", "--json").document["pages"] == ["sales/freight.md", "sales/returns.md"]
    assert run("knowledge", "remove", "sales/returns.md").code == 0
    missing = run("knowledge", "remove", "sales/returns.md")
    assert missing.code == 2 and "knowledge list" in missing.stderr
    assert "Nothing" not in run("knowledge", "search", "pallet").stdout


def test_files_that_cannot_be_read_are_listed(run: Callable[..., Any], pages: Path) -> None:
    (pages / "empty.md").write_text("")
    added = run("knowledge", "add", str(pages), "--json")
    assert added.code == 4 and list(added.document["refused"]) == ["empty.md"] and len(added.document["added"]) == 2
    nowhere = run("knowledge", "add", str(pages / "nowhere"))
    assert nowhere.code == 2 and "not a folder" in nowhere.stderr


def test_a_second_folder_leaves_the_pages_of_the_first_alone(run: Callable[..., Any], pages: Path, tmp_path: Path) -> None:
    run("knowledge", "add", str(pages))
    (tmp_path / "other" / "sales").mkdir(parents=True)
    (tmp_path / "other" / "sales" / "returns.md").write_text("# Returns\n\nNothing comes back.\n")
    (tmp_path / "other" / "prices.md").write_text("# Prices\n\nA chair costs ninety euros.\n")
    added = run("knowledge", "add", str(tmp_path / "other"), "--prune")
    assert added.code == 4 and "1 new, 0 changed, 0 as before, 0 removed" in added.stdout and str(pages) in added.stdout
    assert run("knowledge", "list", "--json").document["pages"] == ["prices.md", "sales/freight.md", "sales/returns.md"]


def test_questions_that_were_answered_are_brought(run: Callable[..., Any], pages: Path, tmp_path: Path) -> None:
    run("knowledge", "add", str(pages))
    rows: list[Any] = [
        {
            "question": "can a client ship stuff home",
            "document": "sales/returns.md",
            "passage": "Goods come back within thirty days.",
        },
        {"question": "who pays", "document": "sales/returns.md", "passage": "Nobody pays."},
        {"question": "who pays"},
        "who",
    ]
    file = tmp_path / "asked.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
    brought = run("knowledge", "asked", str(file), "--json")
    assert brought.code == 4 and (brought.document["questions"], brought.document["new"]) == (2, 1)
    assert len(brought.document["refused"]) == 4 and "does not say 'Nobody pays.'" in brought.document["refused"][-1]
    assert brought.document["refused"][2].startswith("asked.jsonl:5: not JSON")
    found = run("knowledge", "search", "can a client ship stuff home", "-k", "1", "--json").document["results"]
    assert found[0]["document"] == "sales/returns.md"
    assert run("knowledge", "asked", str(tmp_path / "nowhere")).code == 2


def test_a_router_is_fitted_and_answers_in_order(run: Callable[..., Any], tmp_path: Path) -> None:
    rows = [{"text": f"{word} please {number}", "label": word} for word in ("stock", "money") for number in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fitted = run("router", "fit", "mine", "rows.jsonl", "--json").document
    assert fitted["labels"] == ["money", "stock"] and fitted["rows"] == 40
    (tmp_path / "in.jsonl").write_text('{"text": "stock please"}\n{"nothing": 1}\n{"text": "money please"}\n')
    routed = run("router", "predict", "mine", "in.jsonl", "--out", "out.jsonl", "--json")
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert routed.code == 4 and routed.document["errors"] == 1
    assert [answer.get("label") for answer in answers] == ["stock", None, "money"] and "in.jsonl:2" in answers[1]["error"][
        "message"
    ]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["router", "predict", "nobody", "in.jsonl", "--out", "o"], "no router"),
        (["router", "fit", "../x", "in.jsonl"], "letters"),
        (["router", "fit", "mine"], "FILE"),
        (["router", "fit", "mine", "in.jsonl"], "at least two"),
    ],
)
def test_what_is_missing_is_named(run: Callable[..., Any], tmp_path: Path, arguments: list[str], word: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a", "label": "b"}\n')
    done = run(*arguments)
    assert done.code == 2 and word in done.stderr
