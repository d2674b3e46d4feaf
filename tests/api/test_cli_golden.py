"""`nightschool golden`: proposed, verified by people, frozen, and never trained on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.home import Home
from agents.serving import Loader
from core.settings import Settings
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.release import Release
from core.types.trace import THREAD

TOOLS = [
    {"name": "move", "parameters": {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}},
    {"name": "look", "x-risk": "read", "parameters": {"type": "object", "properties": {"what": {"type": "string"}}}},
]
WORDS = "chairs tables lamps rugs shelves mirrors vases clocks stools beds desks sofas benches racks trays cups"


def called(said: str, tool: str, **arguments: Any) -> dict[str, Any]:
    call = {"id": "c", "type": "function", "function": {"name": tool, "arguments": json.dumps(arguments)}}
    return {"messages": [{"role": "user", "content": said}, {"role": "assistant", "tool_calls": [call]}]}


@pytest.fixture
def shop(run: Any) -> Any:
    """Sixteen moves, sixteen looks, two that call nothing, one that went wrong."""
    Path("tools.json").write_text(json.dumps(TOOLS))
    run("toolset", "add", "shop", "tools.json")
    rows = [called(f"please take {number} of the {word} away", "move", count=number) for number, word in enumerate(WORDS.split())]
    rows += [called(f"what about our {word}, have we got any", "look", what=word) for word in WORDS.split()]
    for said in ("good morning to all of you", "who won the match last night"):
        rows.append({"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": "-"}], "outcome": "none"})
    Path("traces.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert run("traces", "import", "shop", "traces.jsonl").code == 0
    home = Home(Settings())
    (first, *_) = home.traces.all("shop")
    said = first.messages[0].model_copy(update={"content": "get rid of seven broken parasols"})
    failed = {"messages": (said, *first.messages[1:]), "accepted": False, "source": THREAD + "t"}
    home.traces.add([first.model_copy(update=failed)])
    home.database.dispose()
    return run


def by_stratum(run: Any) -> dict[str, str]:
    """The first proposal of each stratum."""
    found = run("golden", "list", "shop", "--json").document
    return {proposal["stratum"]: proposal["id"] for proposal in reversed(found)}


def test_proposals_are_of_every_sort_and_teach_nothing_from_then_on(shop: Any) -> None:
    proposed = shop("golden", "propose", "shop", "-n", "8", "--json").document
    assert proposed["proposed"] == 8 and set(proposed["strata"]) == {"move", "look", "none", "wrong: move"}
    assert max(proposed["strata"].values()) <= 3, "in turn from every sort"
    again = shop("golden", "propose", "shop", "-n", "4", "--json").document
    assert again["proposed"] == 4 and "wrong: move" not in again["strata"]
    traces = {proposal["trace"] for proposal in shop("golden", "list", "shop", "--json").document}
    manifest = shop("dataset", "show", shop("dataset", "build", "shop", "--json").document["id"], "--json").document["manifest"]
    taught = {row["trace"] for rows in manifest["rows"].values() for row in rows}
    assert len(traces) == 12 and taught and not traces & taught


def test_what_a_release_has_met_is_never_proposed(shop: Any) -> None:
    home = Home(Settings())
    met = [trace.id for trace in home.traces.all("shop") if trace.accepted]
    release = Release(
        id="r-1", toolset="shop", toolset_version="1", schema_hashes={}, base="small", format_hash="f", dataset="d", seed=0,
        status="refused",
    )  # fmt: skip
    home.releases.add(release)
    home.releases.path("r-1").mkdir(parents=True)
    rows = {"writer": [{"trace": trace} for trace in met[:20]], "exam": [{"trace": trace} for trace in met[20:]]}
    (home.releases.path("r-1") / "dataset.json").write_text(json.dumps({"rows": rows}))
    home.database.dispose()
    proposed = shop("golden", "propose", "shop", "--json").document
    assert (proposed["proposed"], proposed["strata"]) == (1, {"wrong: move": 1})


def test_what_is_like_what_a_release_has_met_is_not_proposed(shop: Any) -> None:
    home = Home(Settings())
    first, *others = home.traces.all("shop")
    release = Release(
        id="r-1", toolset="shop", toolset_version="1", schema_hashes={}, base="small", format_hash="f", dataset="d", seed=0,
        status="passed",
    )  # fmt: skip
    home.releases.add(release)
    home.releases.path("r-1").mkdir(parents=True)
    met = {"rows": {"writer": [{"trace": trace.id} for trace in (first, *others)]}}
    (home.releases.path("r-1") / "dataset.json").write_text(json.dumps(met))
    for text in ("please take 77 of the chairs away", "burn all the old invoices in the yard"):
        said = first.messages[0].model_copy(update={"content": text})
        home.traces.add([first.model_copy(update={"messages": (said, *first.messages[1:])})])
    home.database.dispose()
    shop("golden", "propose", "shop")
    proposed = [one["case"]["messages"][0]["content"] for one in shop("golden", "list", "shop", "--json").document]
    assert proposed == ["burn all the old invoices in the yard"]


def test_a_write_needs_two_who_say_the_same_and_a_read_one(shop: Any) -> None:
    shop("golden", "propose", "shop", "-n", "8")
    first = by_stratum(shop)

    def state(stratum: str, person: str, *more: str) -> str:
        return str(shop("golden", "verify", "shop", first[stratum], "--as", person, *more, "--json").document["state"])

    assert state("look", "ada") == "verified" and state("none", "ada", "--reject") == "rejected"
    assert state("move", "ada") == "proposed" and state("move", "ada") == "proposed", "one voice a person"
    other = '{"outcome": "calls", "expected": [{"name": "move", "arguments": {"count": 70}}]}'
    assert state("move", "eve", "--case", other) == "disputed"
    assert state("move", "bob") == "verified" and state("move", "bob", "--case", other) == "verified"
    assert shop("golden", "list", "shop", "--state", "disputed").stdout == "Nothing is proposed.\n"
    seven = '{"outcome": "calls", "expected": [{"name": "move", "arguments": {"count": 7}}]}'
    assert (state("wrong: move", "ada", "--case", seven), state("wrong: move", "bob", "--case", seven)) == (
        "proposed",
        "verified",
    )
    assert shop("golden", "verify", "shop", first["look"], "--case", "[]").stderr.endswith("expected a JSON object\n")
    assert "bad_outcome" not in shop("golden", "verify", "shop", first["look"], "--case", '{"outcome": "x"}').stdout
    frozen = shop("golden", "freeze", "shop", "--json").document
    assert (frozen["version"], frozen["cases"], frozen["new"]) == (1, 3, 3)
    status = shop("golden", "status", "shop", "--json").document
    assert status["parts"] == {"gate": 2, "report": 1} and status["slices"] == {"move": 2, "look": 1}
    assert status["lacking"] == ["move", "look"] and status["proposals"]["frozen"] == 3
    rows = [json.loads(line) for line in Path("home/golden/shop.jsonl").read_text().splitlines()]
    assert [
        call["arguments"] for row in rows for call in row["expected"] if row["messages"][0]["content"].startswith("get rid")
    ] == [{"count": 7}], "as people said, not as it was done"
    nothing = shop("golden", "freeze", "shop")
    assert nothing.code == 2 and "nothing is verified" in nothing.stderr


def test_a_rejected_proposal_teaches_again_and_a_frozen_one_never(shop: Any) -> None:
    shop("golden", "propose", "shop", "-n", "8")
    first = by_stratum(shop)
    traces = {proposal["id"]: proposal["trace"] for proposal in shop("golden", "list", "shop", "--json").document}
    shop("golden", "verify", "shop", first["look"])
    shop("golden", "verify", "shop", first["none"], "--reject")
    shop("golden", "freeze", "shop")
    shop("dataset", "build", "shop")
    (built,) = shop("dataset", "list", "--json").document
    manifest = shop("dataset", "show", built["id"], "--json").document["manifest"]
    taught = {row["trace"] for rows in manifest["rows"].values() for row in rows}
    assert traces[first["none"]] in taught and traces[first["look"]] not in taught


def test_every_version_is_kept(shop: Any) -> None:
    case = {"messages": [{"role": "user", "content": "hello"}], "outcome": "none", "part": "report"}
    Path("g.jsonl").write_text(json.dumps(case) + "\n")
    assert shop("golden", "add", "shop", "g.jsonl").code == 0 and shop("golden", "add", "shop", "g.jsonl").code == 0
    assert len(shop("golden", "status", "shop", "--json").document["versions"]) == 1, "the same is no new version"
    shop("golden", "propose", "shop", "-n", "4")
    shop("golden", "verify", "shop", by_stratum(shop)["look"])
    shop("golden", "freeze", "shop")
    versions = shop("golden", "status", "shop", "--json").document["versions"]
    assert [(version["version"], version["cases"]) for version in versions] == [(1, 1), (2, 2)]
    kept = [Path(f"home/golden/shop.{number}.jsonl").read_text().splitlines() for number in (1, 2)]
    assert kept[1][:1] == kept[0] and len(kept[1]) == 2
    Path("g.jsonl").write_text(json.dumps({**case, "part": "both"}) + "\n")
    assert "g.jsonl:1: part: expected one of gate, report" in shop("golden", "add", "shop", "g.jsonl").stderr


MOVING = {"messages": [{"role": "user", "content": "move 3 of them"}], "expected": [{"name": "move", "arguments": {"count": 3}}]}


def golden_file(*cases: dict[str, Any], name: str = "g.jsonl") -> str:
    Path(name).write_text("".join(json.dumps(case) + "\n" for case in cases))
    return name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"expected": [{"name": "zzz", "arguments": {}}]}, "expected[0]: unknown tool 'zzz'; the toolset has look, move"),
        ({"expected": [{"name": "move", "arguments": {"n": 3}}]}, "expected[0]: move: unknown argument 'n'"),
        ({"expected": [{"name": "move", "arguments": {}}]}, "expected[0]: move: arguments: 'count' is a required property"),
        ({"expected": [], "outcome": "ask", "ask": {"tool": "zzz", "missing": "count"}}, "ask: unknown tool 'zzz'"),
        ({"expected": [], "outcome": "ask", "ask": {"tool": "move", "missing": "n"}}, "ask: move: missing 'n' is no argument"),
        ({"outcome": "none"}, "expected: calls, but where the outcome is 'none' nothing is called"),
        ({"expected": [], "outcome": "calls"}, "expected: no call, but the outcome is 'calls'"),
    ],
)
def test_a_case_that_can_never_be_right_is_refused_by_line(shop: Any, wrong: dict[str, Any], said: str) -> None:
    ran = shop("golden", "add", "shop", golden_file(MOVING, {**MOVING, **wrong}))
    assert ran.code == 2 and f"g.jsonl:2: {said}" in ran.stderr
    assert shop("golden", "status", "shop", "--json").document["cases"] == 0


def test_an_empty_file_replaces_no_exam(shop: Any) -> None:
    assert shop("golden", "add", "shop", golden_file(MOVING)).code == 0
    empty = shop("golden", "add", "shop", golden_file(name="empty.jsonl"))
    assert empty.code == 2 and "empty.jsonl: holds no case" in empty.stderr
    assert shop("golden", "status", "shop", "--json").document["cases"] == 1


def test_a_verdict_that_cannot_be_one_is_refused(shop: Any) -> None:
    shop("golden", "propose", "shop", "-n", "8")
    first = by_stratum(shop)

    def refused(*more: str) -> str:
        ran = shop("golden", "verify", "shop", first["look"], *more)
        assert ran.code == 2
        return str(ran.stderr)

    assert "--case: expected[0]: unknown tool 'zzz'" in refused("--case", '{"expected": [{"name": "zzz", "arguments": {}}]}')
    assert "--case and --reject" in refused("--case", json.dumps({"outcome": "none"}), "--reject")
    shop("golden", "verify", "shop", first["look"])
    shop("golden", "freeze", "shop")
    for more in ((), ("--reject",)):
        assert "is frozen in version 1" in refused(*more)
    unknown = shop("golden", "list", "shop", "--state", "foo")
    assert unknown.code == 2 and "state 'foo': expected one of proposed, disputed" in unknown.stderr


def rename_count(run: Any) -> None:
    renamed = {"type": "object", "properties": {"quantity": {"type": "integer"}}, "required": ["quantity"]}
    Path("tools.json").write_text(json.dumps([{"name": "move", "parameters": renamed}, TOOLS[1]]))
    assert run("toolset", "add", "shop", "tools.json").code == 0


def test_golden_cases_follow_a_renamed_argument_once_it_is_declared(shop: Any) -> None:
    looking = {**MOVING, "expected": [{"name": "look", "arguments": {"what": "them"}}]}
    assert shop("golden", "add", "shop", golden_file(MOVING, looking)).code == 0
    rename_count(shop)
    told = shop("golden", "status", "shop", "--json").document
    assert (told["cases"], told["left_out"]) == (2, ["move: called by a schema of another time"])
    assert told["slices"] == {"look": 1} and told["parts"]["gate"] == 1
    warned = shop("golden", "status", "shop").stdout
    assert "warning: 1 golden cases fit no tool of now and are left out (1 move: called by" in warned
    assert shop("toolset", "migrate", "shop", "--yes").code == 0
    told = shop("golden", "status", "shop", "--json").document
    assert (told["cases"], told["left_out"], told["slices"]) == (2, [], {"move": 1, "look": 1})


def test_what_was_verified_before_a_change_is_frozen_as_it_is_said_now(shop: Any) -> None:
    shop("golden", "propose", "shop", "-n", "8")
    move = by_stratum(shop)["move"]
    shop("golden", "verify", "shop", move, "--as", "ada")
    rename_count(shop)
    assert "called by a schema of another time; say with --case" in shop("golden", "verify", "shop", move, "--as", "bob").stderr
    assert shop("toolset", "migrate", "shop", "--yes").code == 0
    assert shop("golden", "verify", "shop", move, "--as", "bob", "--json").document["state"] == "verified"
    assert shop("golden", "freeze", "shop", "--json").document["new"] == 1
    (row,) = map(json.loads, Path("home/golden/shop.jsonl").read_text().splitlines())
    assert list(row["expected"][0]["arguments"]) == ["quantity"] and list(row["schemas"]) == ["move"]


def test_what_was_verified_and_fits_no_tool_of_now_waits_for_a_migration(shop: Any) -> None:
    shop("golden", "propose", "shop", "-n", "8")
    first = by_stratum(shop)
    for person in ("ada", "bob"):
        shop("golden", "verify", "shop", first["move"], "--as", person)
    rename_count(shop)
    refused = shop("golden", "freeze", "shop")
    assert refused.code == 2 and "toolset migrate shop" in refused.stderr
    shop("golden", "verify", "shop", first["look"])
    frozen = shop("golden", "freeze", "shop", "--json").document
    assert (frozen["new"], frozen["left_out"]) == (1, ["move: called by a schema of another time"])


class Looking:
    """A release that looks for whatever it is told."""

    def predict(self, messages: Sequence[Message]) -> Prediction:
        call = ToolCall(name="look", arguments={"what": messages[-1].content})
        return Prediction(outcome="calls", tool_calls=(call,), confidence=0.5, latency_ms=1.0)

    def close(self) -> None: ...


def test_procedures_become_proposals_that_people_verify(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loader, "load", lambda *_: Looking())
    pages = Path("pages")
    pages.mkdir()
    (pages / "stock.md").write_text("# Stock\n1. Look for the vases.\n2. Then `move` what is left.\n")
    (pages / "old.md").write_text("# Old\nSuperseded by: stock.md\n\n1. Ask Eve.\n2. Ask her again.\n")
    (pages / "broken.md").write_bytes(b"1. a\x00b")
    ran = shop("history", "procedures", "shop", "pages", "--json")
    assert ran.code == 4 and "broken.md: not a text" in ran.document["errors"][0]
    assert (ran.document["pages"], ran.document["procedures"], ran.document["proposed"]) == (2, 1, 2)
    waiting = by_stratum(shop)
    assert set(waiting) == {"procedure: look", "procedure: ask"}
    assert shop("golden", "verify", "shop", waiting["procedure: look"], "--as", "ada", "--json").document["state"] == "verified"
    frozen = shop("golden", "freeze", "shop", "--json").document
    assert frozen["new"] == 1 and shop("history", "procedures", "shop", "pages/stock.md", "--json").document["proposed"] == 0


def test_where_no_page_has_steps_no_release_is_needed(shop: Any) -> None:
    Path("page.md").write_text("# Nothing to do\n")
    ran = shop("history", "procedures", "shop", "page.md", "--json")
    assert ran.code == 0 and ran.document["cases"] == 0
    missing = shop("history", "procedures", "shop", "nowhere")
    assert missing.code == 2 and "nowhere: no such page or folder" in missing.stderr
