"""Soundness: what must be true of the books at any moment, whatever was called."""

from collections import defaultdict
from decimal import Decimal

from sqlmodel import Session, col, func, or_, select

from tools.erp.sandbox.books import RECEIVABLE
from tools.erp.sandbox.tables.books import Entry, EntryLine
from tools.erp.sandbox.tables.invoicing import Invoice, InvoiceLine, Mail, Reminder
from tools.erp.sandbox.tables.payments import Allocation, Payment
from tools.erp.sandbox.tables.purchasing import Bill, Receipt
from tools.erp.sandbox.tables.record import ZERO
from tools.erp.sandbox.tables.sales import Order, OrderLine
from tools.erp.sandbox.tables.stock import StockLevel, StockMove


def faults(session: Session) -> list[str]:
    """Every broken rule, in words; empty where the books are sound."""
    ledger = (*_entries(session), *_receivables(session), *_invoices(session), *_settlements(session))
    return [*ledger, *_stock(session), *unfounded(session)]


def unfounded(session: Session) -> list[str]:
    """Documents that rest on one which no longer bears them, in words; read from the tables, whatever the session holds."""
    return [*_on_drafts(session), *_on_receipts(session), *_on_quotes(session)]


def _on_drafts(session: Session) -> list[str]:
    """What is only done with a posted invoice."""
    drafts = select(Invoice.number).where(Invoice.state != "posted")
    done = (
        ("settled", Allocation.invoice),
        ("credited", Invoice.credits),
        ("mailed", Mail.document),
        ("reminded of", Reminder.invoice),
    )
    return [
        f"invoice {number}: is {what}, and not posted"
        for what, column in done
        for number in session.exec(select(column).where(col(column).in_(drafts)).distinct().order_by(column)).all()
    ]


def _on_receipts(session: Session) -> list[str]:
    """Bills are approved up to what was received."""
    received = dict(session.exec(select(Receipt.purchase, func.sum(Receipt.value)).group_by(Receipt.purchase)).all())
    owed = select(Bill.purchase, func.sum(Bill.amount)).where(col(Bill.state).in_(("approved", "paid"))).group_by(Bill.purchase)
    return [
        f"purchase {number}: {amount} approved of {received.get(number, ZERO)} received"
        for number, amount in session.exec(owed).all()
        if amount > received.get(number, ZERO)
    ]


def _on_quotes(session: Session) -> list[str]:
    """Only confirmed orders are delivered and invoiced."""
    query = select(Order.number, Order.state).join(OrderLine).where(col(Order.state).in_(("quote", "cancelled")))
    query = query.where(or_(col(OrderLine.delivered) > 0, col(OrderLine.invoiced) > 0)).distinct()
    return [f"order {number}: is {state}, and delivered or invoiced" for number, state in session.exec(query).all()]


def _entries(session: Session) -> list[str]:
    sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for line in session.exec(select(EntryLine)).all():
        sums[line.entry] += line.amount
    return [f"entry {number}: its sides differ by {amount}" for number, amount in sums.items() if amount]


def _receivables(session: Session) -> list[str]:
    """What each customer owes by the ledger is what their documents say."""
    by_ledger: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    query = select(EntryLine, Entry).join(Entry).where(EntryLine.account == RECEIVABLE)
    for line, entry in session.exec(query).all():
        by_ledger[line.party, entry.currency] += line.amount
    by_document: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for invoice in session.exec(select(Invoice).where(Invoice.state == "posted")).all():
        by_document[invoice.customer, invoice.currency] += invoice.total if invoice.kind == "invoice" else -invoice.total
    for payment in session.exec(select(Payment)).all():
        by_document[payment.customer, payment.currency] -= payment.amount
    return [
        f"customer {party}: {by_ledger[party, currency]} {currency} by the ledger, {by_document[party, currency]} by documents"
        for party, currency in sorted({*by_ledger, *by_document})
        if by_ledger[party, currency] != by_document[party, currency]
    ]


def _invoices(session: Session) -> list[str]:
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for line in session.exec(select(InvoiceLine)).all():
        sums[line.invoice][0] += line.net
        sums[line.invoice][1] += line.tax
    return [
        f"invoice {invoice.number}: {invoice.net} and {invoice.tax} tax, its lines say {sums[invoice.number]}"
        for invoice in session.exec(select(Invoice)).all()
        if [invoice.net, invoice.tax] != sums[invoice.number]
    ]


def _settlements(session: Session) -> list[str]:
    of_invoice: dict[str, Decimal] = defaultdict(lambda: ZERO)
    of_source: dict[str, Decimal] = defaultdict(lambda: ZERO)
    broken = []
    for row in session.exec(select(Allocation)).all():
        of_invoice[row.invoice] += row.amount
        of_source[row.payment or row.credit or ""] += row.amount
        if row.amount <= 0:
            broken.append(f"allocation {row.id}: of {row.amount}")
    totals = {invoice.number: invoice.total for invoice in session.exec(select(Invoice)).all()}
    amounts = {**totals, **{payment.number: payment.amount for payment in session.exec(select(Payment)).all()}}
    broken.extend(f"invoice {n}: {s} settled of {totals[n]}" for n, s in of_invoice.items() if s > totals[n])
    broken.extend(f"{n}: {s} used of {amounts[n]}" for n, s in of_source.items() if s > amounts[n])
    return broken


def _stock(session: Session) -> list[str]:
    moved: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for row in session.exec(select(StockMove)).all():
        moved[row.sku, row.warehouse] += row.quantity
    promised: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    broken = []
    for line, order in session.exec(select(OrderLine, Order).join(Order)).all():
        promised[line.sku, order.warehouse] += line.reserved
        if not ZERO <= line.reserved <= line.owed or not ZERO <= line.returned <= line.delivered <= line.quantity:
            broken.append(f"order {line.order} line {line.position}: {line}")
    for level in session.exec(select(StockLevel)).all():
        place = (level.sku, level.warehouse)
        if level.on_hand != moved[place] or level.reserved != promised[place] or not ZERO <= level.reserved <= level.on_hand:
            broken.append(f"stock {place}: {level}, moves {moved[place]}, promised {promised[place]}")
    return broken
