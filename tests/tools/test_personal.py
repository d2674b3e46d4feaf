"""Personal data is found by its form and by the names that are known; what is none is let alone."""

import json
import socket
from typing import Any

import pytest

from core.types.message import Message, ToolCall
from core.types.principal import IMPORTER
from core.types.tool import Toolset, Vocabulary, read_toolset
from core.types.trace import Trace
from tools.personal import PersonalData, names_ever
from tools.surrogates import Surrogates

VOCABULARY = {
    "customer": Vocabulary(
        names=("Harlow & Sons", "Orion Lab Ltd", "Café Lumen", "Stone Bridge Pumps"), patterns=(r"C\d{4}",), partial=True
    ),
    "product": Vocabulary(names=("sump pumps", "laptops"), patterns=(r"P\d{4}",), partial=True),
    "invoice_id": Vocabulary(patterns=(r"INV-\d+",)),
    "iban": Vocabulary(patterns=(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}",)),
}


@pytest.fixture(scope="module")
def personal() -> PersonalData:
    return PersonalData(VOCABULARY)


@pytest.fixture
def surrogates(personal: PersonalData) -> Surrogates:
    return Surrogates(personal, b"secret")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("write to petra.k+erp@kontor.de please", ["petra.k+erp@kontor.de"]),
        ("the IBAN is DE89 3704 0044 0532 0130 00, thanks", ["DE89 3704 0044 0532 0130 00"]),
        ("pay to GB33BUKB20201555555555", ["GB33BUKB20201555555555"]),
        ("card 4111-1111-1111-1111", ["4111-1111-1111-1111"]),
        ("card 2223 0000 4841 0010", ["2223 0000 4841 0010"]),
        ("ring me on +44 7400 123456", ["+44 7400 123456"]),
        ("it came from 192.0.2.17", ["192.0.2.17"]),
        ("invoice harlow, then orion lab", ["harlow", "orion lab"]),
        ("invoice Harlw & Sons for 20 sump pumps", ["Harlw & Sons"]),
        ("Orion Lab Ltd's payment", ["Orion Lab Ltd"]),
    ],
)
def test_personal_data_is_found(personal: PersonalData, text: str, said: list[str]) -> None:
    assert [text[found.start : found.end] for found in personal.find(text)] == said


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "20 sump pumps and 3 laptops to the yard", "INV-20231 of C1002 for 1,250.00 on 2026-03-14", "they gave me the file",
        "P1004 4111 1111 1111 1112", "order 4411 is gone", "next Friday at noon", "\ud800 \x00 {not json", "[",
    ],
)  # fmt: skip
def test_what_is_none_is_let_alone(surrogates: Surrogates, text: str) -> None:
    assert surrogates.hide(text) == text


def test_the_same_has_one_surrogate_and_another_key_gives_another(personal: PersonalData) -> None:
    one, other = Surrogates(personal, b"one"), Surrogates(personal, b"other")
    text = "Orion Lab Ltd, write to nora@orion.example"
    assert one.hide(text) == one.hide(text) == Surrogates(personal, b"one").hide(text) != other.hide(text)
    hidden = one.hide(text)
    assert "Orion" not in hidden and "nora" not in hidden and " Ltd" in hidden
    assert one.hide("orion lab") in hidden.casefold() or one.hide("orion lab").casefold() in hidden.casefold()


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("ping dead::beef now", ["dead", "beef"]), ("from 2001:db8:abcd::ffff", ["2001", "db8", "abcd", "ffff"]),
        ("call 447400123456", ["447400123456"]), ('{"phone": 447400123456}', ["447400123456"]), ('{"Orion Lab Ltd": 5}', ["Orion", "Lab"]),
        ('{"customers": [{"name": "Stone Bridge Pumps"}]}', ["Stone", "Bridge", "Pumps"]), ("bill café lumen", ["café", "lumen"]),
    ],
)  # fmt: skip
def test_nothing_is_left_of_what_is_hidden(surrogates: Surrogates, text: str, gone: list[str]) -> None:
    shown = surrogates.hide(text)
    assert [part for part in gone if part in shown] == []
    assert surrogates.restore(shown) == text or "447400123456" in text


def test_short_words_figures_and_first_words_of_a_name_are_hidden(personal: PersonalData) -> None:
    names = ("Bo Ek Nilsson", "Asa Berg", "3M Deutschland", "Studio 54")
    known = Surrogates(PersonalData({"customer": Vocabulary(names=names)}), b"secret")
    for name in names:
        shown = known.hide(f"bill {name} today")
        assert not {*name.split()} & {*shown.split()} and known.restore(shown) == f"bill {name} today"


def test_two_spellings_of_a_number_have_one_surrogate(surrogates: Surrogates) -> None:
    for one, other in (("GB33 BUKB 2020 1555 5555 55", "GB33BUKB20201555555555"), ("+44 7400 123456", "+447400123456")):
        assert surrogates.hide(one).replace(" ", "") == surrogates.hide(other)


def test_a_document_in_which_nothing_is_hidden_stays_to_the_letter(surrogates: Surrogates) -> None:
    for text in ('{"a": 1, "a": 2}', "[1.50, 2]", '{"total":12.0}'):
        assert surrogates.hide(text) == text
    assert surrogates.hide("std::string a::b").startswith("std")


def test_what_returns_says_what_was_meant(surrogates: Surrogates) -> None:
    text = "invoice Harlow & Sons, copy to nora@hus.no, account GB33BUKB20201555555555"
    hidden = surrogates.hide_value({"note": text, "lines": [{"name": "Café Lumen", "quantity": 3}], "sent": True})
    assert surrogates.restore(hidden) == {"note": text, "lines": [{"name": "Café Lumen", "quantity": 3}], "sent": True}
    assert surrogates.restore("nothing of it") == "nothing of it"


def test_a_conversation_keeps_its_form_and_its_arguments_match(surrogates: Surrogates) -> None:
    call = ToolCall(
        name="draft_invoice", arguments={"customer": "orion lab", "quantity": 2, "account": "GB33BUKB20201555555555"}, id="1"
    )
    result = json.dumps({"customer": "Orion Lab Ltd", "mail": "nora@hus.no", "total": 12.5})
    trace = Trace(
        messages=(
            Message(role="user", content="bill orion lab for 2, to GB33BUKB20201555555555"),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", content=result, tool_call_id="1"),
        ),
        outcome="calls",
        partial=call,
        query="what did Harlow pay",
        toolset="erp",
        source="test",
        principal=IMPORTER,
    )  # fmt: skip
    hidden = surrogates.hide_trace(trace)
    arguments = hidden.messages[1].tool_calls[0].arguments
    assert arguments["customer"] in hidden.messages[0].content and arguments["account"] in hidden.messages[0].content
    assert arguments["quantity"] == 2 and hidden.partial is not None and hidden.partial.arguments == arguments
    returned = json.loads(hidden.messages[2].content)
    assert returned["total"] == 12.5 and returned["customer"] == surrogates.hide("Orion Lab Ltd")
    raw = hidden.model_dump_json().casefold()
    assert not [said for said in ("orion", "harlow", "bukb2020", "nora@") if said in raw]


def test_nothing_is_asked_of_the_network(personal: PersonalData, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert PersonalData(VOCABULARY).find("nora@some.unheard-of-suffix")


def test_accounts_are_found_in_small_letters_and_before_words_that_could_be_more_of_them(personal: PersonalData) -> None:
    for account in ("de89370400440532013000", "gb29 nwbk 6016 1331 9268 19", "ES91 2100 0418 4502 0005 1332", "No9386011117947"):
        text = f"the street is Hauptstraße, pay so12 {account} from next week"
        assert [text[found.start : found.end] for found in personal.find(text)] == [account]


def test_what_has_check_digits_is_hidden_whatever_an_id_may_look_like() -> None:
    known = PersonalData({"ticket": Vocabulary(patterns=(r"\d+", r"[A-Z]{2}\w+"))})
    text = "ticket 4711, card 4111111111111111, account DE89370400440532013000, ticket 4111111111111112"
    assert [found.entity for found in known.find(text)] == ["CREDIT_CARD", "IBAN_CODE"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"type": "text", "text": json.dumps({"customer": "Bergström & Holm AB"})}]),
        "Result: " + json.dumps({"name": "Bergström & Holm AB", "note": "line one\nBergström", "is": "5 \" wide \\"}),
        "Result: " + json.dumps({"name": "Bergström & Holm AB", "cut": True})[:-3],
        "\n".join(json.dumps({"name": name}) for name in ("Bergström & Holm AB", "Harlow & Sons")),
        str({"name": "Bergström", "note": "called\nHolm\tBergström"}),
        'it said \\u0022\\u00d6hman\\u0022 and \\\\u00d6hman, half \\ud83d of one, whole \\ud83d\\ude00',
        "[" * 700 + '"Bergstr\\u00f6m"' + "]" * 700,
    ],
)  # fmt: skip
def test_names_are_hidden_however_a_result_writes_them(text: str) -> None:
    known = PersonalData({"customer": Vocabulary(names=("Bergström & Holm AB", "Harlow & Sons", "Öhman"), partial=True)})
    hidden = Surrogates(known, b"secret")
    shown = hidden.hide(text)
    for name in ("Bergstr", "Holm", "Harlow", "00f6", "hman"):
        assert name not in shown
    assert json.dumps(hidden.hide_value({"text": text}), ensure_ascii=False).count("Bergstr") == 0
    for was, now in zip(text.split("\n"), shown.split("\n"), strict=True):
        if was.startswith(("[{", "{")) and was.endswith(("}", "]")) and "'" not in was:
            assert type(json.loads(was)) is type(json.loads(now))


def test_a_document_within_a_text_keeps_its_form_and_comes_back() -> None:
    known = Surrogates(PersonalData({"customer": Vocabulary(names=("Bergström & Holm AB",))}), b"secret")
    inner = json.dumps({"customer": "Bergström & Holm AB", "note": 'a "b"\n\\c', "n": 1.5})
    text = f"Found [1] of {{x}}: {inner} and no more."
    shown = known.hide(text)
    start, end = shown.index('{"'), shown.rindex("}") + 1
    assert shown[:start] == "Found [1] of {x}: " and shown[end:] == " and no more."
    assert known.restore(json.loads(shown[start:end])) == json.loads(inner)
    assert known.hide('nothing \\u00f6 of \\n it {"a": "\\u00f6"}') == 'nothing \\u00f6 of \\n it {"a": "\\u00f6"}'


def test_names_of_all_versions_are_known() -> None:
    def version(**vocabulary: Any) -> Toolset:
        return read_toolset("shop", [{"name": "look"}], vocabulary)

    was = version(
        customer={"names": ["Orion Lab Ltd"], "partial": True}, contact={"names": ["Nora Ek"]}, product={"names": ["lamps"]}
    )
    now = version(customer={"names": ["Harlow & Sons"], "patterns": ["C\\d+"]}, product={"names": ["chairs"]})
    known = PersonalData(names_ever([was, now]))
    text = "invoice orion lab and Harlow & Sons, C12, care of Nora Ek, for chairs"
    assert [text[found.start : found.end] for found in known.find(text)] == ["orion lab", "Harlow & Sons", "Nora Ek"]
    assert names_ever([was, now])["product"].names == ("chairs",)
