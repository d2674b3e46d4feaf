"""Documents by number and by description: "so 45", "the May invoice", "their latest order"."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple

from sqlmodel import select

from tools.day_readers import is_ordinal
from tools.days import days_of
from tools.directory import Match
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.settlement import state_of
from tools.erp.sandbox.tables.company import Sequence
from tools.erp.sandbox.tables.crm import Activity
from tools.erp.sandbox.tables.invoicing import Invoice
from tools.erp.sandbox.tables.payments import BankLine, Payment
from tools.erp.sandbox.tables.purchasing import Bill, Purchase
from tools.erp.sandbox.tables.record import Record
from tools.erp.sandbox.tables.sales import Order
from tools.erp.sandbox.tables.service import Ticket


class Document(NamedTuple):
    """What a description can speak of."""

    number: str
    """Its number."""
    day: date
    """Its date."""
    party: str
    """Customer or supplier number."""
    states: frozenset[str]
    """Words that are true of it."""


class _Kind(NamedTuple):
    model: type[Record]
    sequences: tuple[str, ...]
    nouns: str
    rows: Callable[[Books], Iterable[Document]]


def _orders(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(Order)).all():
        words = {row.state, "open"} if row.state in ("quote", "confirmed") else {row.state}
        yield Document(row.number, row.date, row.customer, frozenset(words))


def _invoices(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(Invoice).where(Invoice.kind == "invoice")).all():
        state = state_of(books, row)
        words = {state, *(("open", "unpaid") if state == "posted" else ())}
        if state == "posted" and row.due is not None and row.due < books.today:
            words |= {"overdue", "late"}
        yield Document(row.number, row.date, row.customer, frozenset(words))


def _payments(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(Payment)).all():
        yield Document(row.number, row.date, row.customer, frozenset())


def _bank_lines(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(BankLine)).all():
        yield Document(row.number, row.date, "", frozenset({"open", "unmatched"} if row.payment is None else {"matched"}))


def _purchases(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(Purchase)).all():
        yield Document(row.number, row.date, row.supplier, frozenset({row.state, *(("open",) if row.state == "ordered" else ())}))


def _bills(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(Bill)).all():
        words = {row.state} if row.state == "paid" else {row.state, "open", "unpaid"}
        yield Document(row.number, row.date, row.supplier, frozenset(words))


def _tickets(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(Ticket)).all():
        yield Document(row.number, row.opened, row.customer, frozenset({row.state, row.priority}))


def _activities(books: Books) -> Iterable[Document]:
    for row in books.session.exec(select(Activity)).all():
        yield Document(row.number, row.date, row.customer, frozenset({row.state, row.type}))


_KINDS = {
    "order_id": _Kind(Order, ("order",), "sales orders?|orders?|quotes?|quotations?|so", _orders),
    "invoice_id": _Kind(Invoice, ("invoice", "credit"), "invoices?|inv|bills?", _invoices),
    "payment_id": _Kind(Payment, ("payment",), "payments?|transfers?|money|pmt", _payments),
    "bank_line_id": _Kind(BankLine, ("bank_line",), "bank lines?|statement lines?|lines?|bank entr(?:y|ies)", _bank_lines),
    "purchase_id": _Kind(Purchase, ("purchase",), "purchase orders?|purchases?|pos?|orders?", _purchases),
    "bill_id": _Kind(Bill, ("bill",), "supplier invoices?|bills?|invoices?", _bills),
    "ticket_id": _Kind(Ticket, ("ticket",), "tickets?|cases?|complaints?", _tickets),
    "activity_id": _Kind(Activity, ("activity",), "activit(?:y|ies)|appointments?", _activities),
}
KINDS = tuple(_KINDS)
"""Kinds of documents."""
_NEWEST = ("last", "latest", "newest", "most recent", "recent", "previous")
_EMPTY = re.compile(r"\b(?:the|that|this|their|his|her|its|our|my|of|from|dated|one|only|number|no|nr)\b|[#.'’:]")


def number_pattern(books: Books, sequence: str) -> str:
    """The regular expression of a number sequence, as people write it: "SO-00045", "so 45"."""
    row = books.session.get_one(Sequence, sequence)
    return rf"{re.escape(row.prefix.rstrip('-'))}[- ]?\d{{1,{row.width + 3}}}"


def patterns(books: Books) -> dict[str, tuple[str, ...]]:
    """The patterns of every kind of document."""
    return {kind: tuple(number_pattern(books, sequence) for sequence in entry.sequences) for kind, entry in _KINDS.items()}


def find_documents(books: Books, kind: str, said: str, party: str | None) -> list[Match]:
    """Documents that could be meant: the one of that number, else those a description fits.

    Args:
        books: To look in.
        kind: One of `KINDS`.
        said: "SO-00045", "order 45", "the May invoice", "latest unpaid invoice".
        party: Customer or supplier it is about, where known.
    """
    entry = _KINDS[kind]
    numbers = _numbers(books, entry, said)
    if numbers is None:
        return _described(books, entry, said, party)
    return [Match(number, number, 0.0) for number in sorted(numbers) if books.session.get(entry.model, number) is not None]


def _numbers(books: Books, entry: _Kind, said: str) -> set[str] | None:
    """The numbers a phrase spells out, or None where it spells none."""
    text = said.casefold().strip()
    rows = [books.session.get_one(Sequence, sequence) for sequence in entry.sequences]
    for row in rows:
        match = re.fullmatch(rf"{re.escape(row.prefix.rstrip('-').casefold())}[-/ ]*0*(\d+)", text)
        if match is not None:
            return {f"{row.prefix}{int(match[1]):0{row.width}d}"}
    match = re.fullmatch(rf"(?:{entry.nouns}|#|no\.?|nr\.?|number|\s)*0*(\d+)", text)
    return {f"{row.prefix}{int(match[1]):0{row.width}d}" for row in rows} if match is not None else None


def _described(books: Books, entry: _Kind, said: str, party: str | None) -> list[Match]:
    """Those a description fits. "The first invoice" says neither a day nor from where to count: it is asked about."""
    text = " ".join(_EMPTY.sub(" ", said.casefold()).split())
    noun = re.search(rf"\b(?:{entry.nouns})\b", text)
    if noun is None:
        return []
    before = text[: noun.start()].strip()
    rest = " ".join(f"{before} {text[noun.end() :]}".split())
    rows = [row for row in entry.rows(books) if party is None or row.party == party]
    newest = next((word for word in _NEWEST if re.match(rf"{word}\b", rest) and days_of(rest, books.today, "back") is None), None)
    rest = rest.removeprefix(newest).strip() if newest else rest
    for word in sorted({word for row in rows for word in row.states}, key=len, reverse=True):
        if re.search(rf"\b{re.escape(word)}\b", rest):
            rows = [row for row in rows if word in row.states]
            before, rest = (" ".join(re.sub(rf"\b{re.escape(word)}\b", " ", part, count=1).split()) for part in (before, rest))
    counted = is_ordinal(before)
    rest = rest.removeprefix(before).strip() if counted else rest
    if rest:
        days = days_of(rest.removesuffix("s").strip() if rest.endswith("'s") else rest, books.today, "back")
        if days is None:
            return []
        rows = [row for row in rows if days.first <= row.day <= days.last]
    elif newest is None and party is None and not counted:
        return []
    if counted and len(rows) == 1:
        return []
    rows = sorted(rows, key=lambda row: (row.day, row.number), reverse=True)
    return [Match(row.number, row.number, 1.0) for row in (rows[:1] if newest else rows)]
