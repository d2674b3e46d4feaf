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
