"""What lies where, what can be promised, what is moved, counted and written off."""

import datetime as dt

from pydantic import Field

from tools.erp.operations.kinds import Count, Day, Number, Product, Quantity, Text, Warehouse
from tools.erp.operations.operation import Arguments, Operation, Result


class CheckStock(Arguments):
    """Quantity on hand of an item."""

    item: Product = Field(description="product as said")
    warehouse: Warehouse | None = Field(default=None, description="warehouse as said")


class StockFound(Result):
    """What is there, and what of it is not yet promised."""

    item: str
    warehouse: str | None
    on_hand: Number
    available: Number
    unit: str


class PromiseStock(Arguments):
    """Say how much of an item can be promised, and by when."""

    item: Product = Field(description="product as said")
    qty: Quantity = Field(description="quantity wanted")
    date: Day | None = Field(default=None, description="by when, as said")


class Promise(Result):
    """Whether it can be kept; `from_date` is None where no purchase on its way would cover it."""

    item: str
    qty: Number
    available_now: Number
    on_order: Number
    promised: bool
    from_date: dt.date | None


class FindSubstitutes(Arguments):
    """Find products that can stand in for an item."""

    item: Product = Field(description="product as said")


class SubstituteFound(Result):
    """One stand-in."""

    item: str
    available: Number
    price: Number


class SubstitutesFound(Result):
    """Those in stock first."""

    item: str
    substitutes: list[SubstituteFound]


class TransferStock(Arguments):
    """Move stock from one warehouse to another."""

    item: Product = Field(description="product as said")
    qty: Quantity = Field(description="quantity")
    from_: Warehouse = Field(alias="from", description="warehouse as said")
    to: Warehouse = Field(description="warehouse as said")


class Transferred(Result):
    """What was moved."""

    transfer: str
    item: str
    qty: Number
    state: str


class CountStock(Arguments):
    """Enter a stock count: so much of an item was found in a warehouse."""

    item: Product = Field(description="product as said")
    counted: Count = Field(description="quantity found")
    warehouse: Warehouse = Field(description="warehouse as said")


class AdjustStock(Arguments):
    """Write off damaged, lost or used stock of an item."""

    item: Product = Field(description="product as said")
    qty: Quantity = Field(description="quantity to write off")
    warehouse: Warehouse = Field(description="warehouse as said")
    reason: Text | None = Field(default=None, description="reason as said")


class StockChanged(Result):
    """The stock as it now stands; `change` may be negative."""

    item: str
    warehouse: str
    change: Number
    on_hand: Number


STOCK = (
    Operation(
        name="check_stock",
        risk="read",
        arguments=CheckStock,
        result=StockFound,
        says="{item}: {on_hand} {unit} on hand, {available} of them free.",
    ),
    Operation(
        name="promise_stock",
        risk="read",
        arguments=PromiseStock,
        result=Promise,
        says="{qty} {item}: {available_now} now, {on_order} on the way; can be promised: {promised}, from {from_date}.",
    ),
    Operation(
        name="find_substitutes",
        risk="read",
        arguments=FindSubstitutes,
        result=SubstitutesFound,
        says="Instead of {item}: {substitutes}.",
    ),
    Operation(
        name="transfer_stock",
        risk="write",
        arguments=TransferStock,
        result=Transferred,
        says="{transfer}: {qty} {item} moved.",
    ),
    Operation(
        name="count_stock",
        risk="write",
        arguments=CountStock,
        result=StockChanged,
        says="{item} in {warehouse}: {on_hand} on hand now, changed by {change}.",
    ),
    Operation(
        name="adjust_stock",
        risk="write",
        arguments=AdjustStock,
        result=StockChanged,
        says="{item} in {warehouse}: {on_hand} on hand now, changed by {change}.",
    ),
)
