"""Orders (quotations first), deliveries, returns."""

import datetime as dt
from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import ZERO, Cents, Milli, Record


class Order(Record, table=True):
    """A quotation until it is confirmed, an order from then on."""

    __tablename__ = "sales_order"

    number: str = Field(primary_key=True)
    customer: str = Field(foreign_key="customer.number", index=True)
    state: str = "quote"
    """`quote`, `confirmed`, `delivered` or `cancelled`."""
    date: dt.date
    valid_until: dt.date | None = None
    currency: str
    warehouse: str = Field(foreign_key="warehouse.code")
    """Where its goods are reserved and leave from."""
    cancel_reason: str = ""


class OrderLine(Record, table=True):
    """So much of a product at a price."""

    __tablename__ = "order_line"

    order: str = Field(primary_key=True, foreign_key="sales_order.number")
    position: int = Field(primary_key=True)
    sku: str = Field(foreign_key="product.sku", index=True)
    quantity: Decimal = Field(sa_type=Milli)
    price: Decimal = Field(sa_type=Cents)
    """A unit, discount taken off, without tax."""
    tax_percent: Decimal = Field(sa_type=Cents)
    reserved: Decimal = Field(default=ZERO, sa_type=Milli)
    """Of the order's warehouse; promised to nobody else."""
    delivered: Decimal = Field(default=ZERO, sa_type=Milli)
    returned: Decimal = Field(default=ZERO, sa_type=Milli)
    invoiced: Decimal = Field(default=ZERO, sa_type=Milli)

    @property
    def owed(self) -> Decimal:
        """What is still to be delivered."""
        return self.quantity - self.delivered


class Delivery(Record, table=True):
    """Goods that left, or came back."""

    number: str = Field(primary_key=True)
    order: str = Field(foreign_key="sales_order.number", index=True)
    kind: str
    """`out` or `return`."""
    date: dt.date
    reason: str = ""


class DeliveryLine(Record, table=True):
    """So much of an order line."""

    __tablename__ = "delivery_line"

    delivery: str = Field(primary_key=True, foreign_key="delivery.number")
    position: int = Field(primary_key=True)
    """That of the order line."""
    sku: str = Field(foreign_key="product.sku")
    quantity: Decimal = Field(sa_type=Milli)
