"""The books: one transaction on the company, with its day, its number sequences and its records."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from sqlmodel import Session, col, func, select

from core.errors import ToolError
from tools.erp.sandbox.tables.books import Entry, EntryLine
from tools.erp.sandbox.tables.company import Company, Period, Sequence
from tools.erp.sandbox.tables.record import Record

_R = TypeVar("_R", bound=Record)

BANK, RECEIVABLE, STOCK, INPUT_TAX = "1000", "1200", "1400", "1450"
PAYABLE, NOT_INVOICED, OUTPUT_TAX = "2000", "2150", "2200"
EQUITY, REVENUE = "3000", "4000"
COST_OF_SALES, STOCK_DIFFERENCE, PRICE_DIFFERENCE = "5000", "5100", "5200"
ACCOUNTS = {
    BANK: "Bank",
    RECEIVABLE: "Trade receivables",
    STOCK: "Stock",
    INPUT_TAX: "Input tax",
    PAYABLE: "Trade payables",
    NOT_INVOICED: "Goods received, not invoiced",
    OUTPUT_TAX: "Output tax",
    EQUITY: "Equity",
    REVENUE: "Revenue",
    COST_OF_SALES: "Cost of sales",
    STOCK_DIFFERENCE: "Stock differences",
    PRICE_DIFFERENCE: "Purchase price differences",
}
"""The chart of accounts."""


class Books:
    """What an operation works on; commits nothing itself."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @cached_property
    def company(self) -> Company:
        """The company."""
        return self.session.get_one(Company, 1)

    @property
    def today(self) -> date:
        """The company's day: fixed for lessons, else the clock's (UTC)."""
        return self.company.today or datetime.now(UTC).date()

    def find(self, model: type[_R], key: str, field: str) -> _R:
        """The record an argument names.

        Raises:
            ToolError: There is none; names the field and the value.
        """
        row = self.session.get(model, key)
        if row is None:
            raise ToolError(f"{field} {key!r}: no such {model.__name__.lower()}", field=field, value=key)
        return row

    def add(self, row: _R) -> _R:
        """Put a new row in, at once, so that later rows may refer to it."""
        self.session.add(row)
        self.session.flush()
        return row

    def next_number(self, sequence: str) -> str:
        """The next number of a sequence; a transaction that fails gives it back."""
        row = self.session.get_one(Sequence, sequence)
        number = f"{row.prefix}{row.next_number:0{row.width}d}"
        row.next_number += 1
        self.session.add(row)
        return number

    def is_open(self, day: date) -> bool:
        """Whether the month of a day is not closed; one that was never opened is closed with those after it."""
        month = day.isoformat()[:7]
        period = self.session.get(Period, month)
        if period is not None:
            return not period.closed
        closed = self.session.exec(select(func.max(Period.month)).where(col(Period.closed))).one()
        return closed is None or month > closed

    def require_open(self, day: date, field: str) -> None:
        """Refuse a booking into a closed month, or into the future.

        Raises:
            ToolError: Names the field, the day and the rule.
        """
        if day > self.today:
            raise ToolError(f"{field} {day}: nothing is booked ahead of today, {self.today}", field=field, value=day)
        if not self.is_open(day):
            raise ToolError(f"{field} {day}: the period {day:%Y-%m} is closed", field=field, value=day)

    def book(self, document: str, day: date, currency: str, lines: list[tuple[str, str, Decimal]]) -> None:
        """Write one entry: (account, party, amount) with debit positive; amounts must add up to zero.

        Raises:
            ValueError: They do not: an operation is wrong, not its caller.
            ToolError: The day's period is closed.
        """
        self.require_open(day, "date")
        sides = [(account, party, amount) for account, party, amount in lines if amount]
        if sum(amount for _, _, amount in sides) != 0:
            raise ValueError(f"{document}: an entry that does not balance: {sides}")
        if not sides:
            return
        entry = self.add(Entry(date=day, currency=currency, document=document))
        for account, party, amount in sides:
            self.session.add(EntryLine(entry=entry.number or 0, account=account, party=party, amount=amount))
