"""Purchase orders, receipts, supplier invoices (bills)."""

import datetime as dt
from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import ZERO, Cents, Milli, Record


class Purchase(Record, table=True):
    """An order to a supplier."""

    number: str = Field(primary_key=True)
    supplier: str = Field(foreign_key="supplier.number", index=True)
    state: str = "ordered"
    """`ordered` or `received`."""
    date: dt.date
    expected: dt.date | None = None
    warehouse: str = Field(foreign_key="warehouse.code")


class PurchaseLine(Record, table=True):
    """So much of a product at a price without tax."""

    __tablename__ = "purchase_line"

    purchase: str = Field(primary_key=True, foreign_key="purchase.number")
    position: int = Field(primary_key=True)
    sku: str = Field(foreign_key="product.sku", index=True)
    quantity: Decimal = Field(sa_type=Milli)
    price: Decimal = Field(sa_type=Cents)
    tax_percent: Decimal = Field(sa_type=Cents)
    received: Decimal = Field(default=ZERO, sa_type=Milli)

    @property
    def to_receive(self) -> Decimal:
        """What is still to come."""
        return self.quantity - self.received


class Receipt(Record, table=True):
    """Goods that came in."""

    number: str = Field(primary_key=True)
    purchase: str = Field(foreign_key="purchase.number", index=True)
    date: dt.date
    value: Decimal = Field(sa_type=Cents)
    """At the prices of the purchase order, tax included: what a bill may ask for it."""


class Bill(Record, table=True):
    """A supplier's invoice."""

    number: str = Field(primary_key=True)
    supplier: str = Field(foreign_key="supplier.number", index=True)
    purchase: str = Field(foreign_key="purchase.number", index=True)
    date: dt.date
    amount: Decimal = Field(sa_type=Cents)
    """Tax included."""
    tax: Decimal = Field(sa_type=Cents)
    reference: str = ""
    state: str = "recorded"
    """`recorded`, `approved`, `blocked` or `paid`."""
