"""What customers owe."""

from datetime import date
from decimal import Decimal

from sqlmodel import select

from core.errors import ToolError
from tools.erp.operations import receivables as ask
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.credit import used_credit
from tools.erp.sandbox.settlement import open_invoices, require_open
from tools.erp.sandbox.tables.invoicing import Invoice, Mail, Reminder
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.record import ZERO

_SOME = 20
_AGES = (0, 30, 60, 90)
"""Days late up to which each age goes, the first being not late at all."""
_DEFAULT_TONE = "friendly"


def _late(invoice: Invoice, day: date) -> int:
    return (day - (invoice.due or invoice.date)).days


def list_overdue(books: Books, call: ask.ListOverdue) -> ask.OverduesFound:
    """Past their due date, the latest first."""
    customer = books.find(Customer, call.customer, "customer").number if call.customer is not None else None
    least = max(1, call.min_days or 1)
    rows = [(invoice, rest, _late(invoice, books.today)) for invoice, rest in open_invoices(books, customer)]
    rows = sorted((row for row in rows if row[2] >= least), key=lambda row: (-row[2], row[0].number))
    return ask.OverduesFound(
        invoices=[
            ask.OverdueFound(
                invoice=invoice.number,
                customer=books.find(Customer, invoice.customer, "customer").name,
                amount=rest,
                currency=invoice.currency,
                days=days,
            )
            for invoice, rest, days in rows[:_SOME]
        ]
    )


def send_reminder(books: Books, call: ask.SendReminder) -> ask.ReminderSent:
    """By e-mail, of an open invoice that is overdue, at most once a day."""
    invoice = require_open(books, call.invoice, "invoice")
    customer = books.find(Customer, invoice.customer, "customer")
    if _late(invoice, books.today) < 1:
        raise ToolError(f"invoice {invoice.number}: is not due before {invoice.due}", field="invoice", value=invoice.number)
    if "@" not in customer.email:
        raise ToolError(f"invoice {invoice.number}: {customer.name} has no e-mail address", field="invoice", value=invoice.number)
    sent = books.session.exec(select(Reminder).where(Reminder.invoice == invoice.number)).all()
    if any(reminder.date == books.today for reminder in sent):
        raise ToolError(f"invoice {invoice.number}: was reminded of today", field="invoice", value=invoice.number)
    books.add(Reminder(invoice=invoice.number, date=books.today, tone=call.tone or _DEFAULT_TONE))
    books.add(
        Mail(date=books.today, recipient=customer.email, subject=f"Reminder: invoice {invoice.number}", document=invoice.number)
    )
    return ask.ReminderSent(invoice=invoice.number, customer=customer.name, sent=True, reminders=len(sent) + 1)


def age_receivables(books: Books, call: ask.AgeReceivables) -> ask.ReceivablesAged:
    """Open amounts of today by how late they are on the day asked for; what was paid since then is not put back."""
    customer = books.find(Customer, call.customer, "customer") if call.customer is not None else None
    day = call.as_of or books.today
    sums: dict[str, list[Decimal]] = {}
    for invoice, rest in open_invoices(books, customer.number if customer is not None else None):
        if invoice.date <= day:
            ages = sums.setdefault(invoice.currency, [ZERO] * (len(_AGES) + 1))
            late = _late(invoice, day)
            ages[next((n for n, most in enumerate(_AGES) if late <= most), len(_AGES))] += rest
    return ask.ReceivablesAged(
        customer=customer.name if customer is not None else None,
        as_of=day,
        ages=[
            ask.AgedReceivables(
                currency=currency,
                not_due=ages[0],
                days_1_30=ages[1],
                days_31_60=ages[2],
                days_61_90=ages[3],
                over_90=ages[4],
                total=sum(ages, ZERO),
            )
            for currency, ages in sorted(sums.items())
        ],
    )


def _credit(books: Books, customer: Customer) -> ask.CreditState:
    return ask.CreditState(
        customer=customer.name,
        limit=customer.credit_limit,
        used=used_credit(books, customer),
        on_hold=customer.on_hold,
        currency=customer.currency,
    )


def set_credit_limit(books: Books, call: ask.SetCreditLimit) -> ask.CreditState:
    """From now on; confirmed orders stay confirmed."""
    customer = books.find(Customer, call.customer, "customer")
    customer.credit_limit = call.amount
    return _credit(books, customer)


def hold_customer(books: Books, call: ask.HoldCustomer) -> ask.CreditState:
    """Nothing of theirs is confirmed or shipped any more."""
    customer = books.find(Customer, call.customer, "customer")
    if customer.on_hold:
        raise ToolError(f"customer {customer.name}: is on credit hold already", field="customer", value=customer.number)
    customer.on_hold, customer.hold_reason = True, call.reason or ""
    return _credit(books, customer)


def release_customer(books: Books, call: ask.ReleaseCustomer) -> ask.CreditState:
    """As before the hold."""
    customer = books.find(Customer, call.customer, "customer")
    if not customer.on_hold:
        raise ToolError(f"customer {customer.name}: is not on credit hold", field="customer", value=customer.number)
    customer.on_hold, customer.hold_reason = False, ""
    return _credit(books, customer)


RECEIVABLES: dict[str, Handler] = {
    "list_overdue": list_overdue,
    "send_reminder": send_reminder,
    "age_receivables": age_receivables,
    "set_credit_limit": set_credit_limit,
    "hold_customer": hold_customer,
    "release_customer": release_customer,
}
