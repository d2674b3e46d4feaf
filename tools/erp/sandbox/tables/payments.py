"""Money received, what it pays for, and the bank's statement."""

import datetime as dt
from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import Cents, Record


class Payment(Record, table=True):
    """Money received from a customer."""

    number: str = Field(primary_key=True)
    customer: str = Field(foreign_key="customer.number", index=True)
    date: dt.date
    amount: Decimal = Field(sa_type=Cents)
    currency: str
    method: str = ""


class Allocation(Record, table=True):
    """So much of a payment, or of a credit note, settles an invoice; exactly one of the two is set."""

    id: int | None = Field(default=None, primary_key=True)
    payment: str | None = Field(default=None, foreign_key="payment.number", index=True)
    credit: str | None = Field(default=None, foreign_key="invoice.number", index=True)
    invoice: str = Field(foreign_key="invoice.number", index=True)
    amount: Decimal = Field(sa_type=Cents)


class BankLine(Record, table=True):
    """A line of the bank's statement."""

    __tablename__ = "bank_line"

    number: str = Field(primary_key=True)
    date: dt.date
    amount: Decimal = Field(sa_type=Cents)
    currency: str
    text: str
    payment: str | None = Field(default=None, foreign_key="payment.number")
    """The payment it was matched with."""
