"""From words to records: the model copies, code finds, and asks where two fit."""

from typing import Any

import pytest

from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import OPERATIONS, Sandbox
from tools.resolve import Resolution, resolve


def _resolve(company: Sandbox, tool: str, **arguments: Any) -> Resolution:
    return resolve(OPERATIONS[tool].tool, arguments, Lookup(company))


def test_names_dates_units_and_words_become_what_the_company_knows(company: Sandbox) -> None:
    found = _resolve(
        company,
        "draft_invoice",
        customer="thornbury estate",
        lines=[{"item": "cable tie", "qty": 12, "unit": "boxes"}],
    )
    assert found.questions == ()
    assert found.names == {"customer": "Thornbury Estates", "lines.0.item": "cable ties"}
    assert found.arguments["lines"][0]["unit"] == "box"
    moved = _resolve(company, "update_opportunity", opportunity="ski lift", stage="closed won", close_date="end of Q3")
    assert (moved.arguments["stage"], moved.arguments["close_date"]) == ("won", "2026-09-30")


@pytest.mark.parametrize("said", ["SO-00012", "so 12", "order 12", "#12", "00012"])
def test_a_number_is_found_however_it_is_written(company: Sandbox, said: str) -> None:
    assert _resolve(company, "confirm_order", order=said).arguments == {"order": "SO-00012"}


def test_two_that_fit_are_asked_about(company: Sandbox) -> None:
    found = _resolve(company, "hold_customer", customer="brightwater")
    assert found.arguments == {"customer": "brightwater"}
    assert found.questions[0].choices == ("Brightwater Ltd", "Bright Water Utilities", "Brightwater Marine")
    assert found.questions[0].text.startswith("Which customer do you mean by 'brightwater': Brightwater Ltd, ")


@pytest.mark.parametrize(
    ("said", "is_asked"),
    [
        ("Antwerp Diamonds GmbH", True),
        ("antwerp diamonds nv", False),
        ("antwerp diamonds", False),
        ("Delhi Diagnostics Ltd", False),
        ("Delhi Diagnostics Inc", True),
        ("Thornbury Estates Ltd", False),
    ],
)
def test_a_firm_of_another_form_is_asked_about_though_no_other_is_like_it(company: Sandbox, said: str, is_asked: bool) -> None:
    found = _resolve(company, "hold_customer", customer=said)
    assert [len(question.choices) for question in found.questions] == ([1] if is_asked else [])
    assert is_asked or found.arguments["customer"].startswith("C0")


def test_what_is_not_known_is_asked_about(company: Sandbox) -> None:
    found = _resolve(company, "post_invoice", invoice="INV-99999")
    assert found.questions[0].text == "I do not know invoice 'INV-99999'; which one do you mean?"


def test_a_description_finds_the_one_document_it_fits(company: Sandbox) -> None:
    newest = company.propose("find_invoice", {}).result["invoices"][0]["invoice"]
    assert _resolve(company, "send_invoice", invoice="the latest invoice").arguments == {"invoice": newest}
    many = _resolve(company, "send_invoice", invoice="the April invoice")
    assert len(many.questions[0].choices) > 1


@pytest.mark.parametrize(
    "said",
    ["the first invoice", "the fourth invoice", "the 4th invoice", "the first unpaid invoice", "the first invoice of April"],
)
def test_an_ordinal_before_a_document_is_no_day_and_is_asked_about(company: Sandbox, said: str) -> None:
    assert len(_resolve(company, "send_invoice", invoice=said).questions[0].choices) > 1


def test_an_ordinal_of_the_only_document_is_asked_about_and_behind_it_is_its_day(company: Sandbox) -> None:
    customer = company.execute("create_customer", {"name": "Zebra Nova"}, "new").result["number"]
    lines = [{"item": "P0001", "qty": 1}]
    quote = company.execute("create_quote", {"customer": customer, "lines": lines}, "quote").result["order"]
    for said, found in (
        ("their order", True),
        ("the order of the 13th", True),
        ("their 13th order", False),
        ("their fourth order", False),
    ):
        resolution = _resolve(company, "find_order", customer="zebra nova", order=said)
        assert (resolution.arguments["order"] == quote) == found == (not resolution.questions), said


def test_a_period_where_a_day_is_needed_is_asked_about(company: Sandbox) -> None:
    found = _resolve(company, "schedule_activity", customer="Orchid Nursery", type="phone call", date="next week")
    assert found.arguments["type"] == "call"
    assert [question.field for question in found.questions] == ["date"]


def test_a_record_made_a_second_ago_is_known_at_once(company: Sandbox) -> None:
    lookup = Lookup(company)
    assert lookup.match("customer", "zebra nova", {}) == []
    company.execute("create_customer", {"name": "Zebra Nova Ltd"}, "new")
    found = lookup.match("customer", "zebra nova", {})
    assert found is not None and [match.name for match in found] == ["Zebra Nova Ltd"]
    assert ("customer", "zebra nova") in {(m.kind, m.surface) for m in lookup.directory.find("quote zebra nova twelve chairs")}
    company.undo("new")
    assert lookup.match("customer", "zebra nova", {}) == []
