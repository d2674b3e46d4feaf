"""The general ledger: entries whose two sides are equal."""

import datetime as dt
from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import Cents, Record


class Account(Record, table=True):
    """One account."""

    code: str = Field(primary_key=True)
    name: str


class Entry(Record, table=True):
    """One booking, in one currency."""

    number: int | None = Field(default=None, primary_key=True)
    date: dt.date
    currency: str
    document: str
    """Number of what caused it."""


class EntryLine(Record, table=True):
    """One side of it: debit positive, credit negative."""

    __tablename__ = "entry_line"

    id: int | None = Field(default=None, primary_key=True)
    entry: int = Field(foreign_key="entry.number", index=True)
    account: str = Field(foreign_key="account.code", index=True)
    party: str = ""
    """Customer or supplier number, on receivable and payable accounts."""
    amount: Decimal = Field(sa_type=Cents)
