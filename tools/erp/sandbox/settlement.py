"""Settlement: what is open on an invoice and left of a payment, and how one settles the other."""

from decimal import Decimal

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from core.errors import ToolError
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.tables.invoicing import Invoice
from tools.erp.sandbox.tables.payments import Allocation, Payment
from tools.erp.sandbox.tables.record import ZERO


def _sum(books: Books, where: ColumnElement[bool]) -> Decimal:
    return sum((row.amount for row in books.session.exec(select(Allocation).where(where)).all()), ZERO)


def open_amount(books: Books, invoice: Invoice) -> Decimal:
    """What is still to be paid; nothing on drafts and credit notes."""
    if invoice.state != "posted" or invoice.kind != "invoice":
        return ZERO
    return invoice.total - _sum(books, col(Allocation.invoice) == invoice.number)


def open_invoices(books: Books, customer: str | None = None) -> list[tuple[Invoice, Decimal]]:
    """Posted invoices with something open, the oldest first."""
    settled = select(Allocation.invoice, func.sum(Allocation.amount).label("amount")).group_by(col(Allocation.invoice)).subquery()
    query = (
        select(Invoice, settled.c.amount)
        .outerjoin(settled, settled.c.invoice == Invoice.number)
        .where(Invoice.state == "posted", Invoice.kind == "invoice")
    )
    if customer is not None:
        query = query.where(Invoice.customer == customer)
    rows = books.session.exec(query.order_by(col(Invoice.date), col(Invoice.number))).all()
    return [(invoice, rest) for invoice, paid in rows if (rest := invoice.total - (paid or ZERO)) > 0]


def unallocated(books: Books, payment: Payment) -> Decimal:
    """What is left of a payment."""
    return payment.amount - _sum(books, col(Allocation.payment) == payment.number)


def state_of(books: Books, invoice: Invoice) -> str:
    """`draft`, `posted`, or `paid` where nothing is open any more."""
    if invoice.state == "posted" and invoice.kind == "invoice" and open_amount(books, invoice) == 0:
        return "paid"
    return invoice.state


def require_open(books: Books, number: str, field: str) -> Invoice:
    """A posted invoice with something open.

    Raises:
        ToolError: It is a draft, a credit note, or paid.
    """
    invoice = books.find(Invoice, number, field)
    if invoice.kind != "invoice":
        raise ToolError(f"{field} {number}: is a credit note", field=field, value=number)
    if invoice.state != "posted":
        raise ToolError(f"{field} {number}: is a {invoice.state}; post it first", field=field, value=number)
    if open_amount(books, invoice) == 0:
        raise ToolError(f"{field} {number}: is paid already", field=field, value=number)
    return invoice


def settle(books: Books, payment: Payment, invoice: Invoice) -> Decimal:
    """Use as much of a payment on an invoice as is left of the one and open on the other; returns how much.

    Raises:
        ToolError: They are of two customers or two currencies, or nothing is left of the payment.
    """
    if payment.customer != invoice.customer:
        raise ToolError(
            f"invoice {invoice.number}: is of {invoice.customer}, the payment is of {payment.customer}",
            field="invoice",
            value=invoice.number,
        )
    if payment.currency != invoice.currency:
        raise ToolError(
            f"invoice {invoice.number}: is in {invoice.currency}, the payment in {payment.currency}",
            field="invoice",
            value=invoice.number,
        )
    left = unallocated(books, payment)
    if left == 0:
        raise ToolError(f"payment {payment.number}: nothing of it is left", field="payment", value=payment.number)
    amount = min(left, open_amount(books, invoice))
    books.add(Allocation(payment=payment.number, invoice=invoice.number, amount=amount))
    return amount
