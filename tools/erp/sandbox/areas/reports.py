"""Reports: one declared view each, with the same few parameters; nobody's SQL."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from sqlmodel import col, select

from tools.erp.operations import reports as ask
from tools.erp.sandbox.areas.crm import one_of
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.areas.sales import lines_of, total_of
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.tables.books import Account, Entry, EntryLine
from tools.erp.sandbox.tables.catalogue import Product
from tools.erp.sandbox.tables.invoicing import Invoice, InvoiceLine
from tools.erp.sandbox.tables.parties import Customer, Supplier
from tools.erp.sandbox.tables.payments import Payment
from tools.erp.sandbox.tables.purchasing import Purchase, Receipt
from tools.erp.sandbox.tables.record import ZERO, rounded
from tools.erp.sandbox.tables.sales import Order
from tools.erp.sandbox.tables.stock import StockLevel

_MANY = 30


class _Figure(NamedTuple):
    label: str
    currency: str
    value: Decimal


def _sold(books: Books, call: ask.RunReport) -> Iterable[tuple[InvoiceLine, Invoice, int]]:
    """Lines of posted invoices, and of credit notes with a minus."""
    query = select(InvoiceLine, Invoice).join(Invoice).where(Invoice.state == "posted")
    if call.since is not None:
        query = query.where(Invoice.date >= call.since)
    if call.until is not None:
        query = query.where(Invoice.date <= call.until)
    if call.customer is not None:
        query = query.where(Invoice.customer == books.find(Customer, call.customer, "customer").number)
    if call.item is not None:
        query = query.where(InvoiceLine.sku == books.find(Product, call.item, "item").sku)
    for line, invoice in books.session.exec(query).all():
        yield line, invoice, 1 if invoice.kind == "invoice" else -1


def _product(books: Books, sku: str | None) -> str:
    return books.find(Product, sku, "item").name if sku is not None else "credits without item"


def _sales_by_customer(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """Net sales, credits taken off."""
    for line, invoice, sign in _sold(books, call):
        yield _Figure(books.find(Customer, invoice.customer, "customer").name, invoice.currency, sign * line.net)


def _sales_by_product(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """Net sales; credits stand by themselves, as they name no item."""
    for line, invoice, sign in _sold(books, call):
        yield _Figure(_product(books, line.sku), invoice.currency, sign * line.net)


def _margin_by_product(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """Net sales less standard cost, of sales in the company's own currency."""
    for line, invoice, sign in _sold(books, call):
        if invoice.currency == books.company.currency and line.sku is not None:
            cost = rounded(line.quantity * books.find(Product, line.sku, "item").cost)
            yield _Figure(_product(books, line.sku), invoice.currency, sign * (line.net - cost))


def _stock_value(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """On hand at standard cost, as of now."""
    query = select(StockLevel, Product).join(Product)
    if call.item is not None:
        query = query.where(StockLevel.sku == books.find(Product, call.item, "item").sku)
    for level, product in books.session.exec(query).all():
        yield _Figure(product.name, books.company.currency, rounded(level.on_hand * product.cost))


def _open_orders(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """Confirmed and not wholly delivered, tax included."""
    query = select(Order, Customer).join(Customer).where(Order.state == "confirmed")
    if call.customer is not None:
        query = query.where(Order.customer == books.find(Customer, call.customer, "customer").number)
    if call.since is not None:
        query = query.where(Order.date >= call.since)
    if call.until is not None:
        query = query.where(Order.date <= call.until)
    for order, customer in books.session.exec(query).all():
        yield _Figure(customer.name, order.currency, total_of(lines_of(books, order.number)))


def _purchases_by_supplier(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """Received, at the prices ordered, tax included."""
    query = select(Receipt, Supplier).join(Purchase, col(Receipt.purchase) == Purchase.number)
    query = query.join(Supplier, col(Purchase.supplier) == Supplier.number)
    if call.since is not None:
        query = query.where(Receipt.date >= call.since)
    if call.until is not None:
        query = query.where(Receipt.date <= call.until)
    for receipt, supplier in books.session.exec(query).all():
        yield _Figure(supplier.name, books.company.currency, receipt.value)


def _cash_received(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """By way of payment."""
    query = select(Payment)
    if call.customer is not None:
        query = query.where(Payment.customer == books.find(Customer, call.customer, "customer").number)
    if call.since is not None:
        query = query.where(Payment.date >= call.since)
    if call.until is not None:
        query = query.where(Payment.date <= call.until)
    for payment in books.session.exec(query).all():
        yield _Figure(payment.method or "not stated", payment.currency, payment.amount)


def _trial_balance(books: Books, call: ask.RunReport) -> Iterable[_Figure]:
    """Debit less credit of each account; the totals are 0."""
    query = select(EntryLine, Account, Entry)
    query = query.join(Entry, col(EntryLine.entry) == Entry.number).join(Account, col(EntryLine.account) == Account.code)
    if call.since is not None:
        query = query.where(Entry.date >= call.since)
    if call.until is not None:
        query = query.where(Entry.date <= call.until)
    for line, account, entry in books.session.exec(query).all():
        yield _Figure(f"{account.code} {account.name}", entry.currency, line.amount)


_VIEWS: dict[str, Callable[[Books, ask.RunReport], Iterable[_Figure]]] = {
    "sales by customer": _sales_by_customer,
    "sales by product": _sales_by_product,
    "margin by product": _margin_by_product,
    "stock value": _stock_value,
    "open orders": _open_orders,
    "purchases by supplier": _purchases_by_supplier,
    "cash received": _cash_received,
    "trial balance": _trial_balance,
}


def run_report(books: Books, call: ask.RunReport) -> ask.Report:
    """One view; parameters it has no use for are left aside."""
    name = one_of(call.report, _VIEWS, "report")
    sums: dict[tuple[str, str], Decimal] = {}
    totals: dict[str, Decimal] = {}
    for figure in _VIEWS[name](books, call):
        place = (figure.label, figure.currency)
        sums[place] = sums.get(place, ZERO) + figure.value
        totals[figure.currency] = totals.get(figure.currency, ZERO) + figure.value
    rows = sorted(sums.items(), key=lambda entry: (-entry[1], entry[0]))
    return ask.Report(
        report=name,
        rows=[ask.ReportRow(label=label, currency=currency, value=value) for (label, currency), value in rows[:_MANY]],
        totals=[ask.ReportRow(label="total", currency=currency, value=value) for currency, value in sorted(totals.items())],
    )


REPORTS: dict[str, Handler] = {"run_report": run_report}
