"""Invoices, credit notes, reminders, and what was mailed."""

import datetime as dt
from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import Cents, Milli, Record


class Invoice(Record, table=True):
    """An invoice or a credit note; once posted, its amounts stay as they are."""

    number: str = Field(primary_key=True)
    kind: str = "invoice"
    """`invoice` or `credit`."""
    customer: str = Field(foreign_key="customer.number", index=True)
    order: str | None = Field(default=None, foreign_key="sales_order.number", index=True)
    credits: str | None = Field(default=None, foreign_key="invoice.number", index=True)
    """The invoice a credit note takes back."""
    state: str = "draft"
    """`draft` or `posted`; whether it is paid follows from what was allocated."""
    date: dt.date
    due: dt.date | None = None
    """Set when posted."""
    currency: str
    net: Decimal = Field(sa_type=Cents)
    tax: Decimal = Field(sa_type=Cents)
    reason: str = ""
    sent: dt.date | None = None

    @property
    def total(self) -> Decimal:
        """Net and tax."""
        return self.net + self.tax


class InvoiceLine(Record, table=True):
    """So much of a product, or an amount without one."""

    __tablename__ = "invoice_line"

    invoice: str = Field(primary_key=True, foreign_key="invoice.number")
    position: int = Field(primary_key=True)
    sku: str | None = Field(default=None, foreign_key="product.sku")
    order_position: int | None = None
    quantity: Decimal = Field(sa_type=Milli)
    price: Decimal = Field(sa_type=Cents)
    net: Decimal = Field(sa_type=Cents)
    tax_percent: Decimal = Field(sa_type=Cents)
    tax: Decimal = Field(sa_type=Cents)


class Reminder(Record, table=True):
    """One reminder of one invoice."""

    id: int | None = Field(default=None, primary_key=True)
    invoice: str = Field(foreign_key="invoice.number", index=True)
    date: dt.date
    tone: str


class Mail(Record, table=True):
    """What was handed to the mail system, and would be sent."""

    id: int | None = Field(default=None, primary_key=True)
    date: dt.date
    recipient: str
    subject: str
    document: str
