"""Letters and journal entries become requests and calls, in the letter's own words, or nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import NotFound
from core.types.principal import Principal
from core.types.tool import Toolset, read_toolset
from tools.history.pairing import Pairs, pair
from tools.history.records import Entry, Letter, read_records
from tools.history.wording import Wording
from tools.importers.jsonl import RowError

_TEXT = {"type": "string"}
TOOLS: list[dict[str, Any]] = [
    {
        "name": "order",
        "parameters": {
            "type": "object",
            "properties": {
                "customer": {**_TEXT, "x-kind": "customer"},
                "lines": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"item": {**_TEXT, "x-kind": "product"}, "qty": {"type": "number"}},
                        "required": ["item", "qty"],
                    },
                },
                "date": {**_TEXT, "x-kind": "date"},
                "note": {**_TEXT, "x-kind": "text"},
                "channel": {"enum": ["mail", "phone"]},
            },
            "required": ["customer", "lines"],
        },
    },
    {
        "name": "cancel",
        "parameters": {"type": "object", "properties": {"order": {**_TEXT, "x-kind": "order_id"}}, "required": ["order"]},
    },
]
VOCABULARY = {
    "customer": {"names": ["Harlow & Sons", "Orion Lab Ltd", "Orion Labs GmbH"], "partial": True},
    "product": {"names": ["oak chairs", "desk lamps"], "partial": True},
    "order_id": {"patterns": ["SO[- ]?\\d{1,8}"], "bare": True},
}
MONDAY = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def toolset() -> Toolset:
    return read_toolset("shop", TOOLS, VOCABULARY)


@pytest.fixture(scope="module")
def wording(toolset: Toolset) -> Wording:
    return Wording(toolset)


def letter(text: str, minutes: int = 0, handler: str = "ada", identity: str = "") -> Letter:
    return Letter(at=MONDAY + timedelta(minutes=minutes), text=text, handler=handler, id=identity)


def ordered(customer: str, *lines: tuple[str, float], minutes: int = 30, author: str = "ada", **more: Any) -> Entry:
    known = {"reversed": more.pop("reversed", False), "letter": more.pop("letter", "")}
    arguments = {"customer": customer, "lines": [{"item": item, "qty": qty} for item, qty in lines], **more}
    return Entry(at=MONDAY + timedelta(minutes=minutes), author=author, tool="order", arguments=arguments, **known)


def cancelled(number: str, minutes: int = 30, author: str = "ada", **known: Any) -> Entry:
    return Entry(at=MONDAY + timedelta(minutes=minutes), author=author, tool="cancel", arguments={"order": number}, **known)


def paired(letters: list[Letter], entries: list[Entry], toolset: Toolset, wording: Wording, **how: Any) -> Pairs:
    return pair(letters, entries, toolset, wording, Principal(tenant="default", person=""), **how)


def calls(pairs: Pairs) -> list[list[tuple[str, dict[str, Any]]]]:
    return [[(call.name, call.arguments) for call in trace.messages[1].tool_calls] for trace in pairs.traces]


def test_a_call_is_put_in_the_letters_words(toolset: Toolset, wording: Wording) -> None:
    text = "harlow would like a dozen oak chair and 3 lamps, for next Friday please. Gate code 12."
    entry = ordered(
        "Harlow & Sons", ("oak chairs", 12), ("desk lamps", 3), date="2026-06-12", note="gate code 12", channel="mail"
    )
    pairs = paired([letter(text)], [entry], toolset, wording)
    lines = [{"item": "oak chair", "qty": 12}, {"item": "lamps", "qty": 3}]
    said = {"customer": "harlow", "lines": lines, "date": "next Friday", "note": "Gate code 12", "channel": "mail"}
    assert calls(pairs) == [[("order", said)]]
    trace = pairs.traces[0]
    assert trace.outcome == "calls" and trace.source == "history" and trace.principal.person == "ada"
    assert trace.schema_hashes == {"order": toolset.schema_hashes["order"]}


def test_what_nobody_said_is_left_out_and_what_must_be_said_is_missed(toolset: Toolset, wording: Wording) -> None:
    told = paired(
        [letter("5 oak chairs to Harlow")], [ordered("Harlow & Sons", ("oak chairs", 5), date="2026-06-30")], toolset, wording
    )
    assert calls(told) == [[("order", {"customer": "Harlow", "lines": [{"item": "oak chairs", "qty": 5}]})]]
    for text in ("some oak chairs to Harlow", "5 oak chairs please", "5 things to Harlow", "good morning"):
        pairs = paired([letter(text)], [ordered("Harlow & Sons", ("oak chairs", 5))], toolset, wording)
        assert pairs.traces == [] and pairs.left_out["no letter asks for it"] == pairs.left_out["letters nothing answers"] == 1


def test_a_name_that_fits_two_records_stands_for_neither(toolset: Toolset, wording: Wording) -> None:
    assert paired([letter("5 oak chairs to orion")], [ordered("Orion Lab Ltd", ("oak chairs", 5))], toolset, wording).traces == []
    assert wording.is_meant("customer", "orion lab ltd", "Orion Lab Ltd")


@pytest.mark.parametrize(
    ("said", "held", "meant"),
    [
        ("so 298", "SO-00298", True), ("298", "SO-00298", True), ("SO-00298", "SO-00298", True), ("so-2980", "SO-00298", False),
        ("po 298", "SO-00298", False), ("SO", "SO-00298", False),
    ],
)  # fmt: skip
def test_numbers_are_known_however_they_are_written(wording: Wording, said: str, held: str, meant: bool) -> None:
    assert wording.is_meant("order_id", said, held) is meant


def test_the_letter_that_says_most_is_answered_if_its_author_worked_on_it_in_time(toolset: Toolset, wording: Wording) -> None:
    entry = ordered("Harlow & Sons", ("oak chairs", 5), date="2026-06-12", minutes=60)
    most = letter("5 oak chairs to Harlow for next Friday")
    less = letter("Harlow again, 5 oak chairs", 30)
    assert [t.messages[0].content for t in paired([less, most], [entry], toolset, wording).traces] == [most.text]
    others = [letter(most.text, handler="bob"), letter(most.text, minutes=90), letter(most.text, minutes=-600)]
    for other in others:
        assert paired([other], [entry], toolset, wording).traces == []
    assert len(paired([letter(most.text, handler="")], [entry], toolset, wording).traces) == 1
    numbered = ordered("Harlow & Sons", ("oak chairs", 5), minutes=6000, author="bob", letter="T-7")
    assert len(paired([letter(most.text, identity="T-7")], [numbered], toolset, wording).traces) == 1


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        ("cancel so 298 and so 301, the goods leave next Friday", 1), ("by next month cancel so 298 and so 301", 1),
        ("before next Friday cancel so 298 and so 301", 1), ("cancel so 298 and next so 301", 0),
        ("cancel so 298 and, before you do, so 301", 0), ("next Friday cancel so 298, next so 301", 0),
    ],
)  # fmt: skip
def test_until_when_it_is_wanted_says_nothing_of_what_comes_first(
    toolset: Toolset, wording: Wording, text: str, gives: int
) -> None:
    pairs = paired([letter(text)], [cancelled("SO-00298"), cancelled("SO-00301")], toolset, wording)
    assert len(pairs.traces) == gives, dict(pairs.left_out)


def test_several_entries_answer_one_letter_unless_it_asks_for_them_in_turn(toolset: Toolset, wording: Wording) -> None:
    entries = [cancelled("SO-00298"), cancelled("SO-00301", 31)]
    both = paired([letter("cancel 298 and so 301, both are wrong")], entries, toolset, wording)
    assert calls(both) == [[("cancel", {"order": "298"}), ("cancel", {"order": "so 301"})]]
    for text, why in (("cancel so 298, then so 301", "one after the other"), ("if it is open, cancel so 298", "on a condition")):
        pairs = paired([letter(text)], entries, toolset, wording)
        assert pairs.traces == [] and any(why in reason for reason in pairs.left_out)
    five = [cancelled(f"SO-{number}") for number in range(11, 16)]
    many = paired([letter("cancel so 11, so 12, so 13, so 14, so 15")], five, toolset, wording)
    assert many.traces == [] and many.left_out["more than 4 entries answer one letter"] == 1


def test_what_was_reversed_teaches_nothing_nor_does_who_reverses_much(toolset: Toolset, wording: Wording) -> None:
    undone = paired([letter("cancel so 298")], [cancelled("SO-00298", reversed=True)], toolset, wording)
    assert undone.traces == [] and undone.left_out["was reversed"] == 1 and undone.left_out["letters nothing answers"] == 0
    letters, entries = [], []
    for number in range(40):
        author = "bob" if number % 2 else "ada"
        letters.append(letter(f"cancel so {number + 100}", number, author))
        entries.append(cancelled(f"SO-{number + 100}", number + 1, author, reversed=author == "bob" and number % 4 == 1))
    pairs = paired(letters, entries, toolset, wording)
    assert {trace.principal.person for trace in pairs.traces} == {"ada"} and len(pairs.traces) == 20
    assert pairs.left_out["its author reverses more than others"] == 10 and pairs.left_out["was reversed"] == 10


def test_where_few_are_wanted_they_are_of_who_reverses_least(toolset: Toolset, wording: Wording) -> None:
    letters = [letter(f"cancel so {number}", number, "ada" if number % 2 else "bob") for number in range(10, 20)]
    entries = [
        cancelled(f"SO-{number}", number + 1, "ada" if number % 2 else "bob", reversed=number == 10) for number in range(10, 20)
    ]
    pairs = paired(letters, entries, toolset, wording, most=4)
    assert [trace.principal.person for trace in pairs.traces] == ["ada"] * 4
    assert [trace.messages[0].content for trace in pairs.traces] == [f"cancel so {number}" for number in (11, 13, 15, 17)]


def test_bad_rows_are_named_by_line_and_field(tmp_path: Path) -> None:
    rows = [
        json.dumps({"at": "2026-06-01T09:00:00Z", "text": "cancel so 1"}), "{", json.dumps({"at": "yesterday", "text": "x"}),
        json.dumps({"at": "2026-06-01T09:00:00", "text": "no zone"}), json.dumps({"at": "2026-06-01T09:00:00Z", "text": ""}),
        json.dumps({"at": "0001-01-01T00:00:00Z", "text": "no date"}), json.dumps({"at": "2026-06-01T09:00:00Z", "text": "\u0000 \ud800 {}"}),
    ]  # fmt: skip
    file = tmp_path / "letters.jsonl"
    file.write_text("\n".join(rows))
    found = list(read_records(file, Letter))
    errors = [one for one in found if isinstance(one, RowError)]
    assert [error.line for error in errors[:5]] == [2, 3, 4, 5, 6] and "letters.jsonl:3: at:" in errors[1].message
    with pytest.raises(NotFound):
        list(read_records(tmp_path / "none.jsonl", Entry))


def test_words_are_taken_as_they_stand_and_whole(toolset: Toolset, wording: Wording) -> None:
    text = "Grüße aus der Straße: 5 oak chairs to Harlow, große Bitte: Call back soon"
    told = paired([letter(text)], [ordered("Harlow & Sons", ("oak chairs", 5), note="call back")], toolset, wording)
    assert calls(told)[0][0][1]["note"] == "Call back"
    part = paired([letter(text)], [ordered("Harlow & Sons", ("oak chairs", 5), note="all back")], toolset, wording)
    assert "note" not in calls(part)[0][0][1]
    huge = ordered("Harlow & Sons", ("oak chairs", 10**400))
    assert paired([letter(text)], [huge], toolset, wording).traces == []


def test_entries_nobody_can_use_harm_nothing(toolset: Toolset, wording: Wording) -> None:
    odd: list[dict[str, Any]] = [
        {},
        {"order": None},
        {"order": ["SO-298"]},
        {"order": {"a": 1}},
        {"order": 298},
        {"order": ""},
        {"x": 1},
    ]
    entries = [Entry(at=MONDAY + timedelta(minutes=1), author="ada", tool="cancel", arguments=arguments) for arguments in odd]
    entries.append(Entry(at=MONDAY, author="ada", tool="unheard", arguments={}))
    pairs = paired([letter("cancel so 298"), letter("x" * 50_000)], entries, toolset, wording)
    assert pairs.traces == [] and pairs.left_out["no tool 'unheard'"] == 1
