"""Money received: registered, allocated, matched with the bank's statement."""

from datetime import date
from decimal import Decimal

from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.operations import payments as ask
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.books import BANK, RECEIVABLE, Books
from tools.erp.sandbox.settlement import open_amount, open_invoices, require_open, settle, state_of, unallocated
from tools.erp.sandbox.tables.invoicing import Invoice
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.payments import BankLine, Payment

_SOME = 20
_BY_BANK = "bank transfer"


def _receive(books: Books, customer: str, currency: str, amount: Decimal, day: date | None, method: str | None) -> Payment:
    payment = books.add(
        Payment(
            number=books.next_number("payment"),
            customer=customer,
            date=day or books.today,
            amount=amount,
            currency=currency,
            method=method or "",
        )
    )
    books.book(payment.number, payment.date, currency, [(BANK, "", amount), (RECEIVABLE, customer, -amount)])
    return payment


def _registered(books: Books, payment: Payment, invoice: Invoice) -> ask.PaymentRegistered:
    return ask.PaymentRegistered(
        payment=payment.number,
        invoice=invoice.number,
        amount=payment.amount,
        residual=open_amount(books, invoice),
        unallocated=unallocated(books, payment),
        currency=payment.currency,
    )


def register_payment(books: Books, call: ask.RegisterPayment) -> ask.PaymentRegistered:
    """For an invoice; what is paid too much stays on the customer's account."""
    invoice = require_open(books, call.invoice, "invoice")
    payment = _receive(books, invoice.customer, invoice.currency, call.amount, call.date, call.method)
    settle(books, payment, invoice)
    return _registered(books, payment, invoice)


def record_advance(books: Books, call: ask.RecordAdvance) -> ask.AdvanceRecorded:
    """On account, for no invoice yet."""
    customer = books.find(Customer, call.customer, "customer")
    payment = _receive(books, customer.number, customer.currency, call.amount, call.date, call.method)
    return ask.AdvanceRecorded(
        payment=payment.number, customer=customer.name, unallocated=payment.amount, currency=payment.currency
    )


def reconcile_payment(books: Books, call: ask.ReconcilePayment) -> ask.Reconciled:
    """As much as is left of the payment and open on the invoice."""
    payment = books.find(Payment, call.payment, "payment")
    invoice = require_open(books, call.invoice, "invoice")
    amount = settle(books, payment, invoice)
    return ask.Reconciled(
        payment=payment.number,
        invoice=invoice.number,
        amount=amount,
        residual=open_amount(books, invoice),
        unallocated=unallocated(books, payment),
        state=state_of(books, invoice),
    )


def allocate_payment(books: Books, call: ask.AllocatePayment) -> ask.Allocated:
    """Invoice after invoice, until nothing is left of the payment; a payment too small for one of them is refused."""
    payment = books.find(Payment, call.payment, "payment")
    if len(set(call.invoices)) < len(call.invoices):
        raise ToolError(f"invoices {', '.join(call.invoices)}: one is stated twice", field="invoices", value=call.invoices)
    spent = sum((settle(books, payment, require_open(books, number, "invoices")) for number in call.invoices), Decimal(0))
    return ask.Allocated(payment=payment.number, paid=list(call.invoices), amount=spent, unallocated=unallocated(books, payment))


def list_bank_lines(books: Books, call: ask.ListBankLines) -> ask.BankLinesFound:
    """Not matched yet; a line names the one open invoice it pays exactly, where there is just one."""
    query = select(BankLine).where(col(BankLine.payment).is_(None))
    if call.amount is not None:
        query = query.where(BankLine.amount == call.amount)
    if call.since is not None:
        query = query.where(BankLine.date >= call.since)
    rows = books.session.exec(query.order_by(col(BankLine.date).desc(), col(BankLine.number).desc()).limit(_SOME)).all()
    waiting = open_invoices(books)
    return ask.BankLinesFound(
        lines=[
            ask.BankLineFound(
                line=row.number,
                date=row.date,
                amount=row.amount,
                currency=row.currency,
                text=row.text,
                suggested_invoice=_suggested(row, waiting),
            )
            for row in rows
        ]
    )


def _suggested(line: BankLine, waiting: list[tuple[Invoice, Decimal]]) -> str | None:
    fitting = [invoice.number for invoice, rest in waiting if rest == line.amount and invoice.currency == line.currency]
    return fitting[0] if len(fitting) == 1 else None


def match_bank_line(books: Books, call: ask.MatchBankLine) -> ask.PaymentRegistered:
    """The line becomes a payment of the invoice, dated as the bank dates it, or today where that period is closed."""
    line = books.find(BankLine, call.line, "line")
    if line.payment is not None:
        raise ToolError(f"line {line.number}: is matched already, with {line.payment}", field="line", value=line.number)
    invoice = require_open(books, call.invoice, "invoice")
    if line.currency != invoice.currency:
        raise ToolError(
            f"line {line.number}: is in {line.currency}, {invoice.number} in {invoice.currency}", field="line", value=line.number
        )
    day = line.date if books.is_open(line.date) else books.today
    payment = _receive(books, invoice.customer, invoice.currency, line.amount, day, _BY_BANK)
    settle(books, payment, invoice)
    line.payment = payment.number
    return _registered(books, payment, invoice)


PAYMENTS: dict[str, Handler] = {
    "register_payment": register_payment,
    "record_advance": record_advance,
    "reconcile_payment": reconcile_payment,
    "allocate_payment": allocate_payment,
    "list_bank_lines": list_bank_lines,
    "match_bank_line": match_bank_line,
}
