"""The command line as its users meet it: exit codes, one JSON document on stdout, everything else on stderr."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import api.cli.night
import api.cli.predict
from agents.home import Home
from core.errors import BadInput
from core.settings import Settings
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.release import Release
from core.types.tool import Toolset, read_toolset
from core.types.trace import THREAD, Trace

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "move",
            "parameters": {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]},
        },
    }
]
CALL = {"id": "c", "type": "function", "function": {"name": "move", "arguments": '{"count": 3}'}}
TRACE = {"messages": [{"role": "user", "content": "move three"}, {"role": "assistant", "tool_calls": [CALL]}]}
REQUEST = {"messages": [{"role": "user", "content": "move three"}]}


Run = Any
"""What the fixture `run` gives: calls the console script, returns code, stdout, stderr and the JSON document."""


def write(name: str, *rows: Any) -> str:
    Path(name).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return name


@pytest.fixture
def shop(run: Run) -> Run:
    """A home with a toolset."""
    assert run("toolset", "add", "shop", write("tools.json", TOOLS)).code == 0
    return run


# toolsets


def test_a_changed_tool_is_told_and_its_traces_go_on_teaching_once_a_migration_is_declared(shop: Run) -> None:
    assert shop("toolset", "diff", "shop").stderr == "nightschool: toolset 'shop': no earlier version with other tools\n"
    assert shop("traces", "import", "shop", write("traces.jsonl", TRACE)).code == 0
    text = json.dumps(TOOLS).replace('"count"', '"quantity"').replace('"move"', '"shift"')
    assert shop("toolset", "add", "shop", write("tools.json", json.loads(text.replace('"shift"', '"move"')))).code == 0
    diff = shop("toolset", "diff", "shop")
    assert "move.count: argument renamed: count → quantity" in diff.stdout
    assert "move: 1 traces teach nothing until a migration is declared" in diff.stdout
    assert shop("toolset", "diff", "shop", "--was", "nope").stderr.endswith("no version 'nope' with other tools\n")
    wrong = shop("toolset", "migrate", "shop", write("m.json", {"move": {"becomes": "move", "arguments": {"size": "x"}}}))
    assert wrong.code == 2 and wrong.stderr == "nightschool: m.json: move: no argument 'size' then; there were count\n"
    proposed = shop("toolset", "migrate", "shop", "--json").document
    assert proposed["declared"] is False and proposed["traces"] == [{"tool": "move", "traces": 1, "standing": "lost"}]
    declared = shop("toolset", "migrate", "shop", "--yes", "--json").document
    assert declared["migrations"]["move"]["arguments"] == {"count": "quantity"}
    assert declared["traces"] == [{"tool": "move", "traces": 1, "standing": "migrated"}]
    assert shop("toolset", "migrate", "shop", "--withdraw", "--json").document["withdrawn"] == 1
    assert shop("toolset", "diff", "shop", "--json").document["traces"][0]["standing"] == "lost"
    assert shop("toolset", "migrate", "shop", "--yes").code == 0
    assert shop("toolset", "add", "shop", write("tools.json", json.loads(text))).code == 0
    assert "move → shift: as they are" in shop("toolset", "migrate", "shop", "--yes").stdout
    assert shop("toolset", "diff", "shop", "--json").document["traces"] == [{"tool": "move", "traces": 0, "standing": "migrated"}]


def test_a_harvest_is_inspected_without_a_model(shop: Run) -> None:
    nothing = {
        "messages": [{"role": "user", "content": "hello there"}, {"role": "assistant", "content": "hello"}],
        "outcome": "none",
    }
    shop("traces", "import", "shop", write("traces.jsonl", TRACE, nothing))
    text = json.dumps(TOOLS).replace("integer", "string")
    shop("toolset", "add", "shop", write("tools.json", json.loads(text)))
    found = shop("harvest", "inspect", "shop", "--json").document
    assert (found["traces"], found["harvested"], found["kept"], found["new"]) == (2, 2, 1, 1)
    assert found["filters"][:2] == [
        {"filter": "room", "before": 2, "dropped": 0, "not_applicable": ""},
        {"filter": "schema of now", "before": 2, "dropped": 1, "not_applicable": ""},
    ]
    assert found["taught_before"] == {"move": 1, "(none)": 1} and found["taught"] == {"move": 0, "(none)": 1}
    assert list(found["reasons"]) == ["move: called by a schema of another time"] and found["lacking"] == ["move"]
    told = shop("harvest", "inspect", "shop").stdout
    assert "near-duplicates" in told and "not applicable: no golden requests" in told


def test_letters_and_a_journal_become_traces(shop: Run) -> None:
    letters = write("letters.jsonl", {"at": "2026-06-01T09:00:00Z", "text": "please move three", "handler": "ada"}, "{")
    entry = {"at": "2026-06-01T10:00:00Z", "author": "ada", "tool": "move", "arguments": {"count": 3}}
    journal = write("journal.jsonl", entry, {**entry, "tool": "lift"}, {**entry, "at": "noon"})
    found = shop("history", "import", "shop", "--letters", letters, "--journal", journal, "--json")
    assert found.code == 4
    assert {name: found.document[name] for name in ("letters", "entries", "pairs", "added", "bad")} == {
        "letters": 1, "entries": 2, "pairs": 1, "added": 1, "bad": 2,
    }  # fmt: skip
    assert found.document["left_out"]["no tool 'lift'"] == 1 and "journal.jsonl:3: at:" in found.document["errors"][1]["message"]
    assert found.document["errors"][0]["message"].startswith("letters.jsonl:2: not JSON")
    again = shop("history", "import", "shop", "--letters", letters, "--journal", journal)
    assert "1 pairs, 0 of them new" in again.stdout
    assert shop("harvest", "inspect", "shop", "--json").document["kept"] == 1
    assert shop("history", "import", "shop", "--letters", "none.jsonl", "--journal", journal).code == 2


def test_accepted_turns_are_judged_anew_by_who_has_not_seen_them(shop: Run) -> None:
    home = Home(Settings())
    call = ToolCall(name="move", arguments={"count": 3}, id="c1")
    turns = [
        Trace(
            toolset="shop",
            messages=(Message(role="user", content=f"move three to {number}"), Message(role="assistant", tool_calls=(call,))),
            outcome="calls",
            source=f"{THREAD}{number}",
        )
        for number in range(300)
    ]
    home.traces.add(turns)
    waiting = shop("harvest", "sample", "shop", "--json").document
    assert len(waiting) >= 2 and all([said["role"] for said in one["messages"]] == ["user"] for one in waiting)
    right, wrong = '{"expected": [{"name": "move", "arguments": {"count": 3}}]}', '{"outcome": "none"}'
    first, second = waiting[0]["trace"], waiting[1]["trace"]
    assert shop("harvest", "judge", "shop", first, "--case", right, "--as", "ada", "--json").document["right"] is True
    assert "does not teach" in shop("harvest", "judge", "shop", second, "--case", wrong).stdout
    assert "judged already" in shop("harvest", "judge", "shop", second, "--case", right).stderr
    assert shop("harvest", "judge", "shop", "nope", "--case", right).code == 2
    assert shop("harvest", "judge", "shop", waiting[-1]["trace"], "--case", "{").code == 2
    found = shop("harvest", "inspect", "shop", "--json").document
    assert found["audit"]["false"]["n"] == 2 and found["audit"]["waiting"] == len(waiting) - 2
    assert found["reasons"]["judged otherwise in the audit sample"] == 1
    assert "1 of 2 accepted turns that were judged anew were wrong" in shop("harvest", "inspect", "shop").stdout


@pytest.mark.parametrize("form", ["nightschool", "openai", "trl", "langfuse", "langsmith", "otlp"])
def test_what_is_exported_is_known_when_it_is_imported_again(shop: Run, form: str) -> None:
    shop("traces", "import", "shop", write("t.jsonl", TRACE))
    exported = shop("traces", "export", "shop", "out.jsonl", "--format", form, "--raw", "--json").document
    assert exported == {"toolset": "shop", "traces": 1, "file": "out.jsonl", "format": form, "left_out": {}}
    again = shop("traces", "import", "shop", "out.jsonl", "--format", form, "--json").document
    assert (again["rows"], again["added"], again["duplicates"]) == (1, 0, 1)
    assert shop("traces", "import", "shop", "out.jsonl", "--format", "csv").stderr.startswith(
        "nightschool: --format 'csv': known are"
    )


@pytest.mark.parametrize("form", ["nightschool", "openai", "trl", "langfuse", "langsmith", "otlp"])
def test_personal_data_leaves_the_house_only_where_that_is_asked_for(run: Run, form: str) -> None:
    run(
        "toolset",
        "add",
        "shop",
        write("tools.json", TOOLS),
        "--vocabulary",
        write("v.json", {"customer": {"names": ["Orion Lab"]}}),
    )
    said, *rest = TRACE["messages"]
    asked = {**said, "content": said["content"] + " for Orion Lab, mail nora@hus.no, account GB33BUKB20201555555555"}
    run("traces", "import", "shop", write("t.jsonl", {**TRACE, "messages": [asked, *rest]}))
    raw = ("Orion", "nora@hus.no", "GB33BUKB20201555555555")
    for option, there in (((), False), (("--raw",), True)):
        assert run("traces", "export", "shop", "out.jsonl", "--format", form, *option).code == 0
        text = Path("out.jsonl").read_text()
        assert [one in text for one in raw] == [there] * 3
        assert run("traces", "import", "shop", "out.jsonl", "--format", form).code == 0


def test_a_customer_of_another_time_is_no_more_exported_than_one_of_now(run: Run) -> None:
    for name in ("Orion Lab", "Harlow"):
        vocabulary = write("v.json", {"customer": {"names": [name]}})
        run("toolset", "add", "shop", write("tools.json", TOOLS), "--vocabulary", vocabulary)
    said, *rest = TRACE["messages"]
    asked = {**said, "content": said["content"] + " for Orion Lab and Harlow"}
    run("traces", "import", "shop", write("t.jsonl", {**TRACE, "messages": [asked, *rest]}))
    assert run("traces", "export", "shop", "out.jsonl").code == 0
    assert not any(name in Path("out.jsonl").read_text() for name in ("Orion", "Lab", "Harlow"))


def test_traces_are_exported_as_the_tools_of_now_have_them_or_counted(shop: Run) -> None:
    unanswered = {"messages": [{"role": "user", "content": "hello"}]}
    shop("traces", "import", "shop", write("t.jsonl", TRACE, unanswered))
    shop("toolset", "add", "shop", write("tools.json", json.loads(json.dumps(TOOLS).replace('"count"', '"quantity"'))))
    before = shop("traces", "export", "shop", "out.jsonl", "--format", "openai", "--json")
    lost, open_end = "move: said to a tool of another time, and no migration leads here", "ends without an answer, which openai does not take"  # fmt: skip
    assert before.code == 0 and before.document["traces"] == 0 and before.document["left_out"] == {lost: 1, open_end: 1}
    assert f"warning: 1 left out: {lost}\n" in before.stderr and f"warning: 1 left out: {open_end}\n" in before.stderr
    assert shop("toolset", "migrate", "shop", "--yes").code == 0
    assert shop("traces", "export", "shop", "out.jsonl", "--json").document["left_out"] == {}
    again = shop("traces", "import", "shop", "out.jsonl", "--json").document
    assert (again["rows"], again["bad"], again["added"]) == (2, 0, 1) and '"quantity\\": 3' in Path("out.jsonl").read_text()
    Path("folder").mkdir()
    assert shop("traces", "export", "shop", "folder").code == 2 and not list(Path().glob("*.partial"))


def test_a_toolset_is_added_once_and_listed(run: Run) -> None:
    write("vocabulary.json", {"place": {"names": ["yard"]}})
    added = run("toolset", "add", "shop", write("tools.json", TOOLS), "--vocabulary", "vocabulary.json", "--json")
    assert added.code == 0 and added.document["new"] is True and added.document["tools"] == 1
    again = run("toolset", "add", "shop", "tools.json", "--vocabulary", "vocabulary.json")
    assert again.code == 0 and "(unchanged)" in again.stdout
    listed = run("toolset", "list", "--json").document
    assert listed == [{"toolset": "shop", "version": added.document["version"], "tools": ["move"]}]


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ("[", "tools.json:2:1: not JSON"),
        ([], "non-empty array"),
        ([{"name": "a", "parameters": {"type": "object", "properties": {"x": {"type": "string", "enum": 5}}}}], "tool a: schema"),
    ],
)
def test_a_toolset_that_cannot_be_used_is_refused_in_one_line(run: Run, tools: Any, said: str) -> None:
    ran = run("toolset", "add", "shop", write("tools.json", tools))
    assert ran.code == 2 and ran.stdout == "" and said in ran.stderr and ran.stderr.count("\n") == 1
    assert run("toolset", "add", "shop", "gone.json").stderr == "nightschool: gone.json: no such file\n"


# traces


def test_traces_are_imported_once_listed_and_shown(shop: Run) -> None:
    unlabelled = {"messages": [{"role": "user", "content": "hello"}]}
    report = shop("traces", "import", "shop", write("t.jsonl", TRACE, unlabelled, "", TRACE), "--json")
    assert report.code == 0
    assert {name: report.document[name] for name in ("rows", "added", "duplicates", "unlabelled")} == {
        "rows": 3, "added": 2, "duplicates": 1, "unlabelled": 1,
    }  # fmt: skip
    assert shop("traces", "import", "shop", "t.jsonl", "--json").document["added"] == 0
    listed = shop("traces", "list", "--json").document
    assert [(row["outcome"], row["says"]) for row in listed] == [("calls", "move three"), (None, "hello")]
    shown = shop("traces", "show", listed[0]["id"], "--json").document
    assert shown["id"] == listed[0]["id"] and shown["messages"][1]["tool_calls"][0]["arguments"] == {"count": 3}
    assert shop("traces", "show", "gone").code == 2
    assert "hello" in shop("traces", "list", "--limit", "1", "--offset", "1").stdout


def test_bad_trace_rows_are_listed_and_good_ones_go_in(shop: Run) -> None:
    ran = shop("traces", "import", "shop", write("t.jsonl", "{", {"messages": []}, TRACE), "--json")
    assert ran.code == 4 and ran.document["added"] == 1
    assert [error["line"] for error in ran.document["errors"]] == [1, 2]
    assert all(error["message"].startswith("t.jsonl:") for error in ran.document["errors"])


@pytest.mark.parametrize("command", [("traces", "import", "gone", "t.jsonl"), ("night", "gone"), ("predict", "gone", "t.jsonl", "--out", "o")])  # fmt: skip
def test_an_unknown_toolset_is_named_with_the_command_that_adds_it(run: Run, command: Sequence[str]) -> None:
    write("t.jsonl", TRACE)
    ran = run(*command)
    assert ran.code == 2 and "gone" in ran.stderr and "nightschool" in ran.stderr and ran.stdout == ""


# keys


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(run: Run) -> None:
    secret = run("keys", "create", "--person", "anna", "--json").document["api_key"]
    listed = run("keys", "list", "--json")
    assert listed.document[0]["principal"]["person"] == "anna" and secret not in listed.stdout
    prefix = listed.document[0]["prefix"]
    assert run("keys", "revoke", prefix).code == 0
    assert run("keys", "revoke", prefix).code == 2
    assert "revoked" in run("keys", "list").stdout


def test_keys_of_another_tenant_are_neither_shown_nor_revoked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSCHOOL_TENANT", "elsewhere")
    secret = run("keys", "create", "--json").document["api_key"]
    monkeypatch.delenv("NIGHTSCHOOL_TENANT")
    assert run("keys", "list", "--json").document == [] and run("keys", "revoke", secret).code == 2
    monkeypatch.setenv("NIGHTSCHOOL_TENANT", "elsewhere")
    assert run("keys", "revoke", secret).code == 0


# releases


def release(name: str) -> Release:
    return Release(
        id=name, toolset="shop", toolset_version="v", schema_hashes={}, base="small", format_hash="f", dataset="d", seed=0,
        status="passed",
    )  # fmt: skip


def test_releases_are_listed_promoted_and_rolled_back(shop: Run) -> None:
    assert shop("releases", "list").stdout == "No releases.\n"
    home = Home(Settings())
    for name in ("r-1", "r-2"):
        home.releases.add(release(name))
    home.database.dispose()
    for name in ("r-1", "r-2"):
        assert shop("releases", "promote", name, "--json").document == {"champion": name, "toolset": "shop"}
    listed = shop("releases", "list", "--json").document
    assert [(row["id"], row["champion"]) for row in listed] == [("r-1", False), ("r-2", True)]
    assert shop("releases", "show", "r-1", "--json").document["id"] == "r-1"
    assert shop("releases", "rollback", "shop", "--json").document["champion"] == "r-1"
    assert shop("releases", "rollback", "shop").code == 2
    assert shop("releases", "promote", "r-9").code == 2


# golden sets


def test_golden_cases_are_added_counted_and_bad_ones_refused_by_line(shop: Run) -> None:
    case = {**REQUEST, "expected": [{"name": "move", "arguments": {"count": 3}}]}
    assert shop("golden", "status", "shop", "--json").document["cases"] == 0
    assert shop("golden", "add", "shop", write("g.jsonl", case, case), "--json").document["cases"] == 2
    assert shop("golden", "add", "shop", write("bad.jsonl", case, {"expected": 5})).code == 2
    assert "bad.jsonl:2" in shop("golden", "add", "shop", "bad.jsonl").stderr
    assert shop("golden", "status", "shop", "--json").document["cases"] == 2


# nights and predictions


def test_predicting_before_the_first_night_names_it(shop: Run) -> None:
    ran = shop("predict", "shop", write("in.jsonl", REQUEST), "--out", "out.jsonl", "--json")
    assert ran.code == 2 and "nightschool night shop" in ran.stderr and ran.stdout == ""
    assert not Path("out.jsonl").exists()


def test_a_night_without_its_base_says_what_to_run(shop: Run) -> None:
    shop("traces", "import", "shop", write("t.jsonl", TRACE))
    ran = shop("night", "shop", "--json")
    assert ran.code == 2 and "nightschool init" in ran.stderr and ran.stdout == ""


@pytest.mark.parametrize(
    ("setting", "value"),
    [("NIGHT_ZONE", "Foo/Bar"), ("THREADS", "x"), ("RAW_EGRESS", "https://host/v1"), ("DATABASE_URL", "foo"), ("HOME", "a-file")],
)
def test_settings_that_do_not_fit_are_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, setting: str, value: str) -> None:
    Path("a-file").write_text("")
    monkeypatch.setenv(f"NIGHTSCHOOL_{setting}", value)
    ran = run("toolset", "list")
    assert ran.code == 2 and ran.stderr.startswith("nightschool: ") and ran.stderr.count("\n") == 1


@pytest.mark.parametrize("home", ["a-file", "a-file/below"])
def test_the_doctor_says_calmly_that_a_file_is_no_home(run: Run, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    Path("a-file").write_text("")
    monkeypatch.setenv("NIGHTSCHOOL_HOME", home)
    ran = run("doctor", "--json")
    told = {finding["name"]: finding for finding in ran.document}
    assert ran.code == 2 and not told["database"]["ok"] and "GB free" in told["disk"]["detail"]
    assert f"{home} is no home" in told["database"]["detail"] and "set NIGHTSCHOOL_HOME" in told["database"]["detail"]


def test_files_that_cannot_be_written_and_numbers_beyond_all_are_one_line(shop: Run) -> None:
    for arguments in (
        ("traces", "export", "shop", "/proc/nowhere/out.jsonl"),
        ("toolset", "add", "deep", write("deep.json", "[" * 20_000)),
        ("toolset", "add", "long", write("long.json", '{"n": ' + "9" * 5_000 + "}")),
        ("traces", "list", "--limit", "99999999999999999999"),
    ):
        ran = shop(*arguments)
        assert ran.code == 2 and "Traceback" not in ran.stderr, arguments


def test_nobody_says_it_in_other_words_where_no_teacher_is_named(shop: Run) -> None:
    ran = shop("night", "shop", "--paraphrases", "5")
    assert ran.code == 2 and "--paraphrases: nobody to ask" in ran.stderr


def test_a_night_that_goes_on_is_not_given_another_rank(shop: Run) -> None:
    ran = shop("night", "shop", "--continue", "--rank", "8")
    assert ran.code == 2 and ran.stderr.startswith("nightschool: --rank: ") and ran.stdout == ""


def test_a_teacher_that_is_away_is_told_and_the_night_comes_nevertheless(shop: Run) -> None:
    shop("traces", "import", "shop", write("t.jsonl", TRACE, {"messages": [{"role": "user", "content": "move some"}]}))
    ran = shop("night", "shop", "--teacher", "http://127.0.0.1:1/v1")
    assert "warning: teacher default at http://127.0.0.1:1/v1 failed" in ran.stderr
    assert ran.code == 2 and "nightschool init" in ran.stderr  # there is no base to train


def test_a_teacher_is_not_told_names_of_another_time(shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Orion Lab", "Harlow"):
        vocabulary = write("v.json", {"customer": {"names": [name]}})
        shop("toolset", "add", "shop", "tools.json", "--vocabulary", vocabulary)
    shown = list[str]()

    def listening(home: Home, toolset: Toolset, teacher: Any, bars: Any) -> Any:
        shown.append(teacher._surrogates.hide("for Orion Lab and Harlow"))
        raise BadInput("heard")

    monkeypatch.setattr(api.cli.night, "ask_teacher", listening)
    assert "heard" in shop("night", "shop", "--teacher", "http://127.0.0.1:1/v1").stderr
    assert not any(name in shown[0] for name in ("Orion", "Lab", "Harlow"))


class FakeLoaded:
    """Always moves three, and cannot read "bad"."""

    release_id = "r-1"

    def __init__(self) -> None:
        self.toolset: Toolset = read_toolset("shop", TOOLS)

    def predict(self, messages: Sequence[Message]) -> Prediction:
        if messages[-1].content == "bad":
            raise BadInput("messages: bad", code="bad_messages")
        call = ToolCall(name="move", arguments={"count": 3})
        return Prediction(outcome="calls", tool_calls=(call,), confidence=0.5, latency_ms=1)

    def close(self) -> None:
        """Nothing to free."""


class FakeLoader:
    """Loads it."""

    def __init__(self, home: Home) -> None:
        home.database.dispose()

    def load(self, *_: Any) -> FakeLoaded:
        return FakeLoaded()


@pytest.fixture
def predicting(shop: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A home with something that predicts."""
    monkeypatch.setattr(api.cli.predict, "Loader", FakeLoader)
    return shop


def test_each_request_has_its_line_and_bad_ones_an_error_in_their_place(predicting: Run) -> None:
    bad = {"messages": [{"role": "user", "content": "bad"}]}
    ran = predicting(
        "predict", "shop", write("in.jsonl", REQUEST, "{", bad, [], "", REQUEST, " "), "--out", "out.jsonl", "--json"
    )
    assert ran.code == 4
    assert ran.document == {"rows": 7, "errors": 5, "release": "r-1", "out": "out.jsonl"}
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["error"]["code"] if "error" in row else row["outcome"] for row in rows] == [
        "calls", "bad_json", "bad_messages", "bad_row", "bad_json", "calls", "bad_json",
    ]  # fmt: skip
    assert rows[1]["error"]["message"].startswith("in.jsonl:2")
    assert rows[0]["tool_calls"] == [{"name": "move", "arguments": {"count": 3}}]


def test_good_requests_end_with_zero_and_unsure_writes_become_questions(predicting: Run) -> None:
    assert predicting("predict", "shop", write("in.jsonl", REQUEST), "--out", "out.jsonl").code == 0
    assert predicting("predict", "shop", "in.jsonl", "--out", "out.jsonl", "--threshold", "0.6").code == 0
    row = json.loads(Path("out.jsonl").read_text())
    assert row["outcome"] == "ask" and row["tool_calls"] == []


def test_an_unknown_step_or_option_is_wrong_usage(predicting: Run) -> None:
    ran = predicting("predict", "shop", write("in.jsonl", REQUEST), "--out", "out.jsonl", "--without", "magic")
    assert ran.code == 2 and "unknown step 'magic'" in ran.stderr
    assert predicting("predict", "shop", "in.jsonl", "--out", "o", "--threshold", "2").code == 2
    assert predicting("night", "shop", "--epochs", "0").code == 2
