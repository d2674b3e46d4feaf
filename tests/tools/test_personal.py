"""Personal data is found by its form and by the names that are known; what is none is let alone."""

import json
import socket

import pytest

from core.types.message import Message, ToolCall
from core.types.principal import IMPORTER
from core.types.tool import Vocabulary
from core.types.trace import Trace
from tools.personal import PersonalData
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
