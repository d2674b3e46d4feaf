"""Invoices: drafted, posted, sent, credited."""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.operations import invoicing as ask
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.areas.sales import lines_of
from tools.erp.sandbox.books import OUTPUT_TAX, RECEIVABLE, REVENUE, Books
from tools.erp.sandbox.prices import priced
from tools.erp.sandbox.settlement import open_amount, state_of
from tools.erp.sandbox.tables.invoicing import Invoice, InvoiceLine, Mail
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.payments import Allocation
from tools.erp.sandbox.tables.record import ZERO, rounded
from tools.erp.sandbox.tables.sales import Order, OrderLine

_FEW = 10


def _state(books: Books, invoice: Invoice) -> ask.InvoiceState:
    return ask.InvoiceState(
        invoice=invoice.number,
        customer=books.find(Customer, invoice.customer, "customer").name,
        order=invoice.order,
        state=state_of(books, invoice),
        total=invoice.total,
        open=open_amount(books, invoice),
        currency=invoice.currency,
        due=invoice.due,
    )


def draft_invoice(books: Books, call: ask.DraftInvoice) -> ask.InvoiceState:
    """Of an order: what was delivered and not invoiced, or the whole order where nothing was delivered yet. Else of lines."""
    if call.order is None:
        return _state(books, _from_lines(books, call))
    if call.lines is not None:
        raise ToolError(f"lines: order {call.order} has its own; leave out one of the two", field="lines", value=call.order)
    order = books.find(Order, call.order, "order")
    if call.customer is not None and books.find(Customer, call.customer, "customer").number != order.customer:
        owner = books.find(Customer, order.customer, "customer").name
        raise ToolError(f"customer {call.customer}: order {order.number} is of {owner}", field="customer", value=call.customer)
    return _state(books, _from_order(books, order))


def _from_order(books: Books, order: Order) -> Invoice:
    if order.state not in ("confirmed", "delivered"):
        raise ToolError(f"order {order.number}: is {order.state}; confirm it first", field="order", value=order.number)
    lines = lines_of(books, order.number)
    by_delivery = any(line.delivered for line in lines)
    parts = [(line, (line.delivered - line.returned if by_delivery else line.quantity) - line.invoiced) for line in lines]
    parts = [(line, quantity) for line, quantity in parts if quantity > 0]
    if not parts:
        raise ToolError(f"order {order.number}: nothing is left to invoice", field="order", value=order.number)
    invoice = _draft(books, order.customer, order.currency, order.number)
    for line, quantity in parts:
        _add_line(books, invoice, line.sku, line.position, quantity, line.price, line.tax_percent)
        line.invoiced += quantity
    return invoice


def _from_lines(books: Books, call: ask.DraftInvoice) -> Invoice:
    customer = books.find(Customer, call.customer or "", "customer")
    lines = [priced(books, line, customer) for line in call.lines or ()]
    invoice = _draft(books, customer.number, customer.currency, None)
    for product, quantity, price in lines:
        _add_line(books, invoice, product.sku, None, quantity, price, product.tax_percent)
    return invoice


def _draft(books: Books, customer: str, currency: str, order: str | None) -> Invoice:
    return books.add(
        Invoice(
            number=books.next_number("invoice"),
            customer=customer,
            order=order,
            date=books.today,
            currency=currency,
            net=ZERO,
            tax=ZERO,
        )
    )


def _add_line(
    books: Books, invoice: Invoice, sku: str, order_position: int | None, quantity: Decimal, price: Decimal, tax_percent: Decimal
) -> None:
    position = len(_lines(books, invoice.number)) + 1
    net = rounded(quantity * price)
    tax = rounded(net * tax_percent / 100)
    books.add(
        InvoiceLine(
            invoice=invoice.number,
            position=position,
            sku=sku,
            order_position=order_position,
            quantity=quantity,
            price=price,
            net=net,
            tax_percent=tax_percent,
            tax=tax,
        )
    )
    invoice.net += net
    invoice.tax += tax


def _lines(books: Books, invoice: str) -> list[InvoiceLine]:
    return list(books.session.exec(select(InvoiceLine).where(InvoiceLine.invoice == invoice)).all())


def post_invoice(books: Books, call: ask.PostInvoice) -> ask.InvoiceState:
    """Into the books, dated today; from then on it stays as it is."""
    invoice = books.find(Invoice, call.invoice, "invoice")
    if invoice.state != "draft":
        raise ToolError(f"invoice {invoice.number}: is {state_of(books, invoice)} already", field="invoice", value=invoice.number)
    customer = books.find(Customer, invoice.customer, "customer")
    invoice.date = books.today
    invoice.due = books.today + timedelta(days=customer.payment_days)
    invoice.state = "posted"
    _book(books, invoice, 1)
    return _state(books, invoice)


def _book(books: Books, invoice: Invoice, sign: int) -> None:
    books.book(
        invoice.number,
        invoice.date,
        invoice.currency,
        [
            (RECEIVABLE, invoice.customer, sign * invoice.total),
            (REVENUE, "", -sign * invoice.net),
            (OUTPUT_TAX, "", -sign * invoice.tax),
        ],
    )


def send_invoice(books: Books, call: ask.SendInvoice) -> ask.InvoiceSent:
    """By e-mail, to the customer's address or the one stated; sending again is allowed."""
    invoice = books.find(Invoice, call.invoice, "invoice")
    if invoice.state != "posted":
        raise ToolError(f"invoice {invoice.number}: is a {invoice.state}; post it first", field="invoice", value=invoice.number)
    customer = books.find(Customer, invoice.customer, "customer")
    recipient = call.email or customer.email
    if "@" not in recipient:
        raise ToolError(f"email {recipient!r}: {customer.name} has no e-mail address", field="email", value=recipient)
    books.add(Mail(date=books.today, recipient=recipient, subject=f"Invoice {invoice.number}", document=invoice.number))
    invoice.sent = books.today
    return ask.InvoiceSent(invoice=invoice.number, customer=customer.name, sent=True)


def credit_invoice(books: Books, call: ask.CreditInvoice) -> ask.Credited:
    """Take a posted invoice back, whole or in part, by a credit note that settles it as far as it is open."""
    invoice = books.find(Invoice, call.invoice, "invoice")
    if invoice.kind != "invoice" or invoice.state != "posted":
        what = invoice.state if invoice.kind == "invoice" else "credit note"
        raise ToolError(f"invoice {invoice.number}: is a {what}, not a posted invoice", field="invoice", value=invoice.number)
    credited, tax_credited = _credited(books, invoice)
    left = invoice.total - credited
    amount = left if call.amount is None else call.amount
    if amount > left or not amount:
        raise ToolError(f"amount {amount}: only {left} of {invoice.number} can still be credited", field="amount", value=amount)
    # of all that is credited by now, less what was before: parts take back the very tax of the whole
    tax = rounded((credited + amount) * invoice.tax / invoice.total) - tax_credited
    note = _credit_note(books, invoice, amount, tax, call.reason or "")
    settled = min(amount, open_amount(books, invoice))
    if settled:
        books.add(Allocation(credit=note.number, invoice=invoice.number, amount=settled))
    if amount == left:
        _give_back(books, invoice)
    return ask.Credited(
        credit_note=note.number,
        invoice=invoice.number,
        amount=amount,
        open=open_amount(books, invoice),
        currency=invoice.currency,
    )


class _Credited(NamedTuple):
    total: Decimal
    tax: Decimal


def _credited(books: Books, invoice: Invoice) -> _Credited:
    """What was taken back so far."""
    notes = books.session.exec(select(Invoice).where(Invoice.credits == invoice.number)).all()
    return _Credited(sum((note.total for note in notes), ZERO), sum((note.tax for note in notes), ZERO))


def _credit_note(books: Books, invoice: Invoice, amount: Decimal, tax: Decimal, reason: str) -> Invoice:
    note = books.add(
        Invoice(
            number=books.next_number("credit"),
            kind="credit",
            customer=invoice.customer,
            credits=invoice.number,
            state="posted",
            date=books.today,
            currency=invoice.currency,
            net=amount - tax,
            tax=tax,
            reason=reason,
        )
    )
    books.add(
        InvoiceLine(
            invoice=note.number,
            position=1,
            quantity=Decimal(1),
            price=note.net,
            net=note.net,
            tax_percent=ZERO if not note.net else rounded(tax * 100 / note.net),
            tax=tax,
        )
    )
    _book(books, note, -1)
    return note


def _give_back(books: Books, invoice: Invoice) -> None:
    """A wholly credited invoice, at once or in parts, frees its order lines to be invoiced again."""
    for line in _lines(books, invoice.number):
        if invoice.order is not None and line.order_position is not None:
            ordered = books.session.get(OrderLine, (invoice.order, line.order_position))
            if ordered is not None:
                ordered.invoiced -= line.quantity


def find_invoice(books: Books, call: ask.FindInvoice) -> ask.InvoicesFound:
    """One invoice, or a customer's, or the newest."""
    query = select(Invoice)
    if call.invoice is not None:
        query = query.where(Invoice.number == books.find(Invoice, call.invoice, "invoice").number)
    if call.customer is not None:
        query = query.where(Invoice.customer == books.find(Customer, call.customer, "customer").number)
    if call.since is not None:
        query = query.where(Invoice.date >= call.since)
    rows = books.session.exec(query.order_by(col(Invoice.date).desc(), col(Invoice.number).desc()).limit(_FEW)).all()
    return ask.InvoicesFound(invoices=[_state(books, row) for row in rows])


INVOICING: dict[str, Handler] = {
    "draft_invoice": draft_invoice,
    "post_invoice": post_invoice,
    "send_invoice": send_invoice,
    "credit_invoice": credit_invoice,
    "find_invoice": find_invoice,
}
