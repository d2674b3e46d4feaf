"""Customers and suppliers."""

from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import ZERO, Cents, Record


class Customer(Record, table=True):
    """Who buys."""

    number: str = Field(primary_key=True)
    name: str = Field(index=True)
    city: str = ""
    email: str = ""
    phone: str = ""
    currency: str
    price_list: str = "standard"
    payment_days: int = 30
    credit_limit: Decimal = Field(default=ZERO, sa_type=Cents)
    on_hold: bool = False
    hold_reason: str = ""


class Supplier(Record, table=True):
    """Who delivers; invoices in the company's currency."""

    number: str = Field(primary_key=True)
    name: str = Field(index=True)
    city: str = ""
    email: str = ""
    payment_days: int = 30
    iban: str = ""


class Discount(Record, table=True):
    """A customer's own discount; an empty SKU means on everything."""

    customer: str = Field(primary_key=True, foreign_key="customer.number")
    sku: str = Field(primary_key=True, default="")
    percent: Decimal = Field(sa_type=Cents)
