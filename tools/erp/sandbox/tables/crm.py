"""Leads, opportunities, activities."""

import datetime as dt
from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import Cents, Record


class Lead(Record, table=True):
    """Somebody who may become a customer."""

    number: str = Field(primary_key=True)
    name: str
    interest: str = ""
    email: str = ""
    state: str = "open"
    """`open` or `converted`."""
    customer: str | None = Field(default=None, foreign_key="customer.number")
    created: dt.date


class Opportunity(Record, table=True):
    """A sale that may come."""

    number: str = Field(primary_key=True)
    title: str = Field(index=True)
    customer: str = Field(foreign_key="customer.number", index=True)
    stage: str
    amount: Decimal | None = Field(default=None, sa_type=Cents)
    close_date: dt.date | None = None


class Activity(Record, table=True):
    """Something planned with a customer."""

    number: str = Field(primary_key=True)
    customer: str = Field(foreign_key="customer.number", index=True)
    type: str
    date: dt.date
    subject: str = ""
    state: str = "planned"
    """`planned` or `done`."""
    outcome: str = ""
