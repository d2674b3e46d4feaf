"""Rules a bookkeeper would insist on, each by a call that would break it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count
from typing import Any

import pytest
from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.soundness import faults
from tools.erp.sandbox.tables.company import Period
from tools.erp.sandbox.tables.invoicing import Invoice
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.stock import StockLevel

_KEYS = count()


def _do(company: Sandbox, operation: str, /, **arguments: Any) -> dict[str, Any]:
    return company.execute(operation, arguments, f"test-{next(_KEYS)}").result


@pytest.fixture
def customer(company: Sandbox) -> str:
    """Somebody with room on their account, in the company's currency, at list prices."""
    with company.books() as books:
        rows = books.session.exec(select(Customer).where(Customer.currency == "EUR", Customer.price_list == "standard")).all()
    number = next(row.number for row in rows if not row.on_hold)
    _do(company, "set_credit_limit", customer=number, amount=900_000)
    return number


def _product(company: Sandbox, least: int, after: str = "") -> tuple[str, int]:
    """A product with at least so much free in the main warehouse, and how much it is; one after another."""
    with company.books() as books:
        rows = books.session.exec(select(StockLevel).where(StockLevel.warehouse == "MAIN").order_by(col(StockLevel.sku))).all()
        row = next(row for row in rows if row.free >= least and row.sku > after)
        return row.sku, int(row.free)


def _invoice(company: Sandbox, customer: str, price: float = 100) -> dict[str, Any]:
    sku, _ = _product(company, 1)
    draft = _do(company, "draft_invoice", customer=customer, lines=[{"item": sku, "qty": 1, "price": price}])
    return _do(company, "post_invoice", invoice=draft["invoice"])


def test_a_whole_task_from_quote_to_reconciled_payment(company: Sandbox, customer: str) -> None:
    sku, free = _product(company, 4)
    order = _do(company, "create_quote", customer=customer, lines=[{"item": sku, "qty": free + 3}])["order"]
    assert _do(company, "confirm_order", order=order)["backordered"] == 3
    part = _do(company, "deliver_order", order=order, lines=[{"item": sku, "qty": 2}])
    assert (part["shipped"], part["backordered"], part["state"]) == (2, free + 1, "confirmed")
    first = _do(company, "draft_invoice", order=order)
    posted = _do(company, "post_invoice", invoice=first["invoice"])
    assert posted["state"] == "posted" and posted["open"] == posted["total"]
    advance = _do(company, "record_advance", customer=customer, amount=posted["total"] + 5)
    settled = _do(company, "reconcile_payment", payment=advance["payment"], invoice=first["invoice"])
    assert (settled["residual"], settled["unallocated"], settled["state"]) == (0, 5, "paid")
    rest = _do(company, "deliver_order", order=order)
    assert (rest["shipped"], rest["backordered"]) == (free - 2, 3)
    with company.books() as books:
        assert faults(books.session) == []


def test_stock_is_never_promised_twice(company: Sandbox, customer: str) -> None:
    sku, free = _product(company, 2)
    first = _do(company, "create_quote", customer=customer, lines=[{"item": sku, "qty": free}])["order"]
    second = _do(company, "create_quote", customer=customer, lines=[{"item": sku, "qty": 1}])["order"]
    assert _do(company, "confirm_order", order=first)["backordered"] == 0
    assert _do(company, "confirm_order", order=second)["backordered"] == 1
    with pytest.raises(ToolError, match="nothing of it is in MAIN"):
        _do(company, "deliver_order", order=second)
    with pytest.raises(ToolError, match=r"qty 1: only 0 .* are free"):
        _do(company, "adjust_stock", item=sku, qty=1, warehouse="MAIN")
    with pytest.raises(ToolError, match="are promised to orders"):
        _do(company, "count_stock", item=sku, counted=free - 1, warehouse="MAIN")


def test_a_posted_invoice_stays_as_it_is(company: Sandbox, customer: str) -> None:
    posted = _invoice(company, customer)
    with pytest.raises(ToolError, match="is posted already"):
        _do(company, "post_invoice", invoice=posted["invoice"])


def test_a_payment_settles_at_most_what_is_open(company: Sandbox, customer: str) -> None:
    posted = _invoice(company, customer)
    paid = _do(company, "register_payment", invoice=posted["invoice"], amount=posted["total"] + 30)
    assert (paid["residual"], paid["unallocated"]) == (0, 30)
    with pytest.raises(ToolError, match="is paid already"):
        _do(company, "reconcile_payment", payment=paid["payment"], invoice=posted["invoice"])
    with pytest.raises(ToolError, match="is paid already"):
        _do(company, "register_payment", invoice=posted["invoice"], amount=1)


def test_one_payment_pays_several_invoices(company: Sandbox, customer: str) -> None:
    invoices = [_invoice(company, customer, price) for price in (100, 50, 25)]
    advance = _do(company, "record_advance", customer=customer, amount=200)
    spread = _do(company, "allocate_payment", payment=advance["payment"], invoices=[i["invoice"] for i in invoices])
    assert (spread["amount"], spread["unallocated"]) == (200, 0)
    assert _do(company, "find_invoice", invoice=invoices[2]["invoice"])["invoices"][0]["open"] == 10


def test_nothing_is_booked_into_a_closed_period_or_ahead_of_today(company: Sandbox, customer: str) -> None:
    posted = _invoice(company, customer)
    with company.books() as books:
        closed = books.session.exec(select(Period).where(Period.closed)).first()
    assert closed is not None
    with pytest.raises(ToolError, match=f"the period {closed.month} is closed"):
        _do(company, "register_payment", invoice=posted["invoice"], amount=1, date=f"{closed.month}-11")
    with pytest.raises(ToolError, match="nothing is booked ahead of today"):
        _do(company, "register_payment", invoice=posted["invoice"], amount=1, date=date(2026, 6, 1).isoformat())


def test_credit_limit_and_hold_stop_orders(company: Sandbox, customer: str) -> None:
    sku, _ = _product(company, 1)
    order = _do(company, "create_quote", customer=customer, lines=[{"item": sku, "qty": 1, "price": 5000}])["order"]
    _do(company, "set_credit_limit", customer=customer, amount=10)
    with pytest.raises(ToolError, match="would pass the credit limit"):
        _do(company, "confirm_order", order=order)
    _do(company, "hold_customer", customer=customer)
    with pytest.raises(ToolError, match="is on credit hold"):
        _do(company, "confirm_order", order=order)


def test_a_bill_above_what_was_received_is_blocked_until_it_is_received(company: Sandbox) -> None:
    sku, _ = _product(company, 1)
    purchase = _do(company, "create_purchase", supplier="V001", lines=[{"item": sku, "qty": 10, "price": 5}])
    _do(company, "receive_goods", purchase=purchase["purchase"], lines=[{"item": sku, "qty": 6}])
    bill = _do(company, "record_bill", purchase=purchase["purchase"], amount=60, reference="R-1")
    blocked = _do(company, "match_bill", bill=bill["bill"])
    assert (blocked["state"], blocked["difference"]) == ("blocked", 24)
    with pytest.raises(ToolError, match="only approved ones are paid"):
        _do(company, "pay_bill", bill=bill["bill"])
    _do(company, "receive_goods", purchase=purchase["purchase"])
    assert _do(company, "match_bill", bill=bill["bill"])["state"] == "approved"
    assert _do(company, "pay_bill", bill=bill["bill"])["state"] == "paid"
    with pytest.raises(ToolError, match=r"is BILL-.* already"):
        _do(company, "record_bill", purchase=purchase["purchase"], amount=60, reference="R-1")


def test_two_calls_at_once_on_one_invoice_post_it_once(company: Sandbox, customer: str) -> None:
    sku, _ = _product(company, 1)
    draft = _do(company, "draft_invoice", customer=customer, lines=[{"item": sku, "qty": 1}])["invoice"]

    def post(number: int) -> str:
        try:
            return str(company.execute("post_invoice", {"invoice": draft}, f"race-{number}").result["state"])
        except ToolError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(post, range(8)))
    assert outcomes.count("posted") == 1
    assert sum("is posted already" in outcome for outcome in outcomes) == 7


def test_the_same_key_is_the_same_action(company: Sandbox, customer: str) -> None:
    first = company.execute("record_advance", {"customer": customer, "amount": 10}, "k1")
    assert company.execute("record_advance", {"customer": customer, "amount": 10}, "k1") == first
    with pytest.raises(ToolError, match="was used for another call"):
        company.execute("record_advance", {"customer": customer, "amount": 11}, "k1")
    assert company.undo("k1") == company.undo("k1"), "an interrupted undo is asked for again"
    with pytest.raises(ToolError, match="was undone"):
        company.execute("record_advance", {"customer": customer, "amount": 10}, "k1")


def test_a_line_that_leaves_a_confirmed_order_comes_back_with_what_was_reserved(company: Sandbox, customer: str) -> None:
    one, _ = _product(company, 1)
    other, _ = _product(company, 1, after=one)
    lines = [{"item": one, "qty": 1}, {"item": other, "qty": 1}]
    order = company.execute("create_quote", {"customer": customer, "lines": lines}, "quote").result["order"]
    company.execute("confirm_order", {"order": order}, "confirm")
    before = company.rows()
    left = company.execute("change_order", {"order": order, "item": other, "qty": 0}, "change")
    (gone,) = [change for change in left.changes if change.after is None]
    assert gone.before is not None and gone.before["reserved"] == "1", "the diff shows what it was"
    company.undo("change")
    assert company.rows() == before


def test_undo_is_refused_where_something_later_rests_on_it(company: Sandbox, customer: str) -> None:
    sku, _ = _product(company, 1)
    lines = [{"item": sku, "qty": 1}]
    draft = company.execute("draft_invoice", {"customer": customer, "lines": lines}, "draft").result["invoice"]
    company.execute("post_invoice", {"invoice": draft}, "post")
    with pytest.raises(ToolError, match="changed since"):
        company.undo("draft")
    company.undo("post")
    company.undo("draft")


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("check_stock", {"item": "P9999"}, "item 'P9999': no such product"),
        ("check_stock", {}, "check_stock: item: Field required"),
        ("check_stock", {"item": 7}, "check_stock: item 7: Input should be a valid string"),
        ("check_stock", {"item": "P0001", "colour": "red"}, "colour 'red': Extra inputs are not permitted"),
        ("transfer_stock", {"item": "P0001", "qty": -3, "from": "MAIN", "to": "EAST"}, "qty -3: Input should be greater than 0"),
        ("transfer_stock", {"item": "P0001", "qty": 0.5, "from": "MAIN", "to": "EAST"}, "comes in whole pieces only"),
        ("create_quote", {"customer": "C0001", "lines": [{"item": "P0001", "qty": 1, "unit": "pallet"}]}, "is sold by"),
        ("find_customer", {"query": "'; DROP TABLE customer; --"}, None),
        ("find_lead", {"query": "100% 🦄_"}, None),
        ("create_customer", {"name": 'O\'Brien; DROP TABLE x 🦄 "quoted"'}, None),
        ("no_such_tool", {}, "the sandbox has none of that name"),
    ],
)
def test_bad_arguments_are_named_and_change_nothing(
    company: Sandbox, operation: str, arguments: dict[str, Any], message: str | None
) -> None:
    before = company.rows()
    if message is None:
        company.propose(operation, arguments)
    else:
        with pytest.raises(ToolError, match=message.replace("(", r"\(")):
            company.execute(operation, arguments, "bad")
    assert company.rows() == before


def test_a_currency_that_does_not_fit_is_refused(company: Sandbox, customer: str) -> None:
    posted = _invoice(company, customer)
    with company.books() as books:
        foreign = books.session.exec(select(Customer).where(Customer.currency == "USD")).first()
    assert foreign is not None
    advance = _do(company, "record_advance", customer=foreign.number, amount=50)
    with pytest.raises(ToolError, match="the payment is of"):
        _do(company, "reconcile_payment", payment=advance["payment"], invoice=posted["invoice"])


def _faults(company: Sandbox) -> list[str]:
    with company.books() as books:
        return faults(books.session)


def _refuses_undo(company: Sandbox, key: str) -> None:
    before = company.rows()
    with pytest.raises(ToolError, match="something later rests on it"):
        company.undo(key)
    assert company.rows() == before and _faults(company) == []


def test_a_receipt_that_an_approved_bill_rests_on_is_not_undone(company: Sandbox) -> None:
    lines = [{"item": "P0002", "qty": 10, "price": 5}]
    purchase = _do(company, "create_purchase", supplier="V001", lines=lines)["purchase"]
    company.execute("receive_goods", {"purchase": purchase}, "receive")
    bill = _do(company, "record_bill", purchase=purchase, amount=60)["bill"]
    company.execute("match_bill", {"bill": bill}, "match")
    _refuses_undo(company, "receive")
    company.undo("match")
    company.undo("receive")


@pytest.mark.parametrize("what", ["register_payment", "send_invoice", "credit_invoice"])
def test_a_posted_invoice_that_something_rests_on_is_not_made_a_draft_again(company: Sandbox, customer: str, what: str) -> None:
    lines = [{"item": "P0002", "qty": 1, "price": 50}]
    number = _do(company, "draft_invoice", customer=customer, lines=lines)["invoice"]
    company.execute("post_invoice", {"invoice": number}, "post")
    company.execute(what, {"invoice": number, **({"amount": 1} if what == "register_payment" else {})}, "later")
    _refuses_undo(company, "post")
    company.undo("later")
    company.undo("post")


def test_an_order_that_is_invoiced_is_not_made_a_quotation_again(company: Sandbox, customer: str) -> None:
    sku, free = _product(company, 1)
    _do(company, "adjust_stock", item=sku, qty=free, warehouse="MAIN")
    order = _do(company, "create_quote", customer=customer, lines=[{"item": sku, "qty": 2}])["order"]
    company.execute("confirm_order", {"order": order}, "confirm")
    company.execute("draft_invoice", {"order": order}, "draft")
    _refuses_undo(company, "confirm")
    company.undo("draft")
    company.undo("confirm")


def test_drafts_of_orders_count_against_the_credit_limit(company: Sandbox, customer: str) -> None:
    def order() -> str:
        lines = [{"item": "P0002", "qty": 8, "price": 100}]
        return str(_do(company, "create_quote", customer=customer, lines=lines)["order"])

    used = _do(company, "set_credit_limit", customer=customer, amount=900_000)["used"]
    _do(company, "set_credit_limit", customer=customer, amount=round(used + 1_000, 2))
    first, second = order(), order()
    _do(company, "confirm_order", order=first)
    _do(company, "draft_invoice", order=first)
    assert _do(company, "set_credit_limit", customer=customer, amount=round(used + 1_000, 2))["used"] == round(used + 960, 2)
    with pytest.raises(ToolError, match="would pass the credit limit"):
        _do(company, "confirm_order", order=second)


def test_an_order_may_grow_up_to_the_credit_limit(company: Sandbox, customer: str) -> None:
    order = _do(company, "create_quote", customer=customer, lines=[{"item": "P0002", "qty": 4, "price": 100}])["order"]
    used = _do(company, "set_credit_limit", customer=customer, amount=900_000)["used"]
    _do(company, "set_credit_limit", customer=customer, amount=round(used + 1_000, 2))
    _do(company, "confirm_order", order=order)
    assert _do(company, "change_order", order=order, item="P0002", qty=8)["total"] == 960
    with pytest.raises(ToolError, match="would pass the credit limit"):
        _do(company, "change_order", order=order, item="P0002", qty=9)


def _of_two_lines(company: Sandbox, customer: str, quantities: tuple[int, int]) -> tuple[str, str]:
    """A confirmed order with two lines of one item at two prices, and the item."""
    sku, _ = _product(company, 6)
    lines = [{"item": sku, "qty": quantity, "price": price} for quantity, price in zip(quantities, (10, 8), strict=True)]
    order = _do(company, "create_quote", customer=customer, lines=lines)["order"]
    _do(company, "confirm_order", order=order)
    return order, sku


def _found(company: Sandbox, order: str, field: str) -> list[float]:
    return [line[field] for line in _do(company, "find_order", order=order)["orders"][0]["lines"]]


def test_two_lines_of_one_item_are_delivered_and_returned_as_one(company: Sandbox, customer: str) -> None:
    order, sku = _of_two_lines(company, customer, (2, 3))
    with pytest.raises(ToolError, match="qty 6: only 5 are left"):
        _do(company, "deliver_order", order=order, lines=[{"item": sku, "qty": 6}])
    with pytest.raises(ToolError, match="is stated twice"):
        _do(company, "deliver_order", order=order, lines=[{"item": sku, "qty": 1}, {"item": sku, "qty": 1}])
    assert _do(company, "deliver_order", order=order, lines=[{"item": sku, "qty": 4}])["shipped"] == 4
    assert _found(company, order, "delivered") == [2, 2]
    assert _do(company, "deliver_order", order=order)["state"] == "delivered"
    with pytest.raises(ToolError, match="qty 6: only 5 of it were delivered"):
        _do(company, "return_goods", order=order, item=sku, qty=6)
    _do(company, "draft_invoice", order=order)
    assert _do(company, "return_goods", order=order, item=sku, qty=4)["to_credit"] == 4
    assert _faults(company) == []


def test_two_lines_of_one_item_share_what_is_there(company: Sandbox, customer: str) -> None:
    sku, free = _product(company, 6)
    other = _do(company, "create_quote", customer=customer, lines=[{"item": sku, "qty": free}])["order"]
    _do(company, "confirm_order", order=other)
    lines = [{"item": sku, "qty": 4, "price": 10}, {"item": sku, "qty": 4, "price": 8}]
    order = _do(company, "create_quote", customer=customer, lines=lines)["order"]
    assert _do(company, "confirm_order", order=order)["backordered"] == 8
    _do(company, "change_order", order=other, item=sku, qty=free - 5)
    assert _do(company, "deliver_order", order=order)["shipped"] == 5
    assert _found(company, order, "delivered") == [4, 1] and _faults(company) == []


def test_two_lines_of_one_item_are_changed_as_one(company: Sandbox, customer: str) -> None:
    order, sku = _of_two_lines(company, customer, (2, 3))
    _do(company, "change_order", order=order, item=sku, qty=6)
    assert _found(company, order, "qty") == [3, 3]
    _do(company, "deliver_order", order=order, lines=[{"item": sku, "qty": 1}])
    with pytest.raises(ToolError, match="qty 0: 1 of it are delivered or invoiced already"):
        _do(company, "change_order", order=order, item=sku, qty=0)
    _do(company, "change_order", order=order, item=sku, qty=2)
    assert _found(company, order, "qty") == [2] and _faults(company) == []
    quote = _do(company, "create_quote", customer=customer, lines=[{"item": sku, "qty": 1}, {"item": sku, "qty": 1}])["order"]
    with pytest.raises(ToolError, match="would be empty"):
        _do(company, "change_order", order=quote, item=sku, qty=0)


def test_two_lines_of_one_item_are_received_as_one(company: Sandbox) -> None:
    lines = [{"item": "P0002", "qty": 2, "price": 5}, {"item": "P0002", "qty": 3, "price": 4}]
    purchase = _do(company, "create_purchase", supplier="V001", lines=lines)["purchase"]
    assert _do(company, "receive_goods", purchase=purchase, lines=[{"item": "P0002", "qty": 4}])["to_receive"] == 1
    assert _do(company, "receive_goods", purchase=purchase)["state"] == "received"


def test_an_invoice_credited_in_parts_gives_back_its_tax_and_frees_its_order(company: Sandbox, customer: str) -> None:
    order = _do(company, "create_quote", customer=customer, lines=[{"item": "P0002", "qty": 1, "price": 1.01}])["order"]
    _do(company, "confirm_order", order=order)
    invoice = _do(company, "draft_invoice", order=order)["invoice"]
    assert _do(company, "post_invoice", invoice=invoice)["total"] == 1.21
    for amount in (0.4, 0.4):
        _do(company, "credit_invoice", invoice=invoice, amount=amount)
    _do(company, "credit_invoice", invoice=invoice)
    with company.books() as books:
        notes = books.session.exec(select(Invoice).where(Invoice.credits == invoice)).all()
        assert [str(sum(amounts)) for amounts in zip(*((note.net, note.tax) for note in notes), strict=True)] == ["1.01", "0.20"]
    assert _do(company, "draft_invoice", order=order)["total"] == 1.21
    assert _faults(company) == []


def test_a_bill_of_the_whole_fits_what_came_in_parts(company: Sandbox) -> None:
    lines = [{"item": "P0002", "qty": 12, "price": 4.12}]
    purchase = _do(company, "create_purchase", supplier="V001", lines=lines)
    assert purchase["total"] == 59.33
    for _ in range(12):
        _do(company, "receive_goods", purchase=purchase["purchase"], lines=[{"item": "P0002", "qty": 1}])
    bill = _do(company, "record_bill", purchase=purchase["purchase"], amount=59.33)
    assert bill["difference"] == 0
    assert _do(company, "match_bill", bill=bill["bill"])["state"] == "approved"


@pytest.mark.parametrize("day", ["2025-12-01", "2024-10-01", "1900-01-01", "0999-01-01"])
def test_months_before_the_first_are_closed_with_those_after_them(company: Sandbox, customer: str, day: str) -> None:
    with pytest.raises(ToolError, match=f"date {day}: the period .* is closed"):
        _do(company, "record_advance", customer=customer, amount=10, date=day)


@pytest.mark.parametrize(
    ("operation", "party"),
    [
        ("draft_invoice", {"customer": "C0001"}),
        ("create_quote", {"customer": "C0001"}),
        ("create_purchase", {"supplier": "V001"}),
    ],
)
def test_a_line_that_no_amount_can_hold_is_refused(company: Sandbox, operation: str, party: dict[str, str]) -> None:
    line = {"item": "P0002", "qty": 999_999_999, "price": 9_999_999_999.99}
    with pytest.raises(ToolError, match=r"qty 999999999: at 9999999999.99 each the line comes to more than 9999999999.99"):
        _do(company, operation, lines=[line], **party)


@pytest.mark.parametrize(("name", "twin"), [("Öl Handel", "öl  HANDEL"), ("Acme Foods", "Acme  Foods"), ("🦄", "🦄")])
def test_two_customers_never_have_one_name(company: Sandbox, name: str, twin: str) -> None:
    _do(company, "create_customer", name=name)
    for again in (name, twin):
        with pytest.raises(ToolError, match="a customer of that name exists"):
            _do(company, "create_customer", name=again)
    _do(company, "create_customer", name="🐎")
