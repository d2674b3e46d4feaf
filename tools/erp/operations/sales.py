"""Quotations, orders, prices, deliveries and returns."""

import datetime as dt

from pydantic import Field

from tools.erp.operations.kinds import (
    Amount,
    Count,
    Customer,
    Day,
    Money,
    Number,
    Order,
    Percent,
    Product,
    Quantity,
    Text,
    Unit,
    Warehouse,
)
from tools.erp.operations.operation import Arguments, Operation, Result


class SalesLine(Arguments):
    """One line of a quotation, an order or an invoice."""

    item: Product = Field(description="product as said")
    qty: Quantity = Field(description="quantity")
    price: Amount | None = Field(default=None, description="unit price if stated")
    unit: Unit | None = Field(default=None, description="unit or pack if stated")


class ItemQuantity(Arguments):
    """So much of a product."""

    item: Product = Field(description="product as said")
    qty: Quantity = Field(description="quantity")
    unit: Unit | None = Field(default=None, description="unit or pack if stated")


class CreateQuote(Arguments):
    """Create a quotation for a customer."""

    customer: Customer = Field(description="customer as said")
    lines: list[SalesLine] = Field(min_length=1, max_length=50, description="lines")
    valid_until: Day | None = Field(default=None, description="expiry date as said")


class OrderState(Result):
    """An order as it now stands."""

    order: str
    customer: str
    state: str
    total: Money
    currency: str
    backordered: Number


class ConfirmOrder(Arguments):
    """Confirm a quotation or sales order."""

    order: Order = Field(description="order number")


class ChangeOrder(Arguments):
    """Change the quantity of one item on an order; 0 removes it, an item not on the order is added."""

    order: Order = Field(description="order number")
    item: Product = Field(description="product as said")
    qty: Count = Field(description="new quantity, 0 to remove")


class CancelOrder(Arguments):
    """Cancel a sales order or quotation."""

    order: Order = Field(description="order number")
    reason: Text | None = Field(default=None, description="reason as said")


class FindOrder(Arguments):
    """Show an order, or the open orders of a customer."""

    order: Order | None = Field(default=None, description="order number")
    customer: Customer | None = Field(default=None, description="customer as said")


class OrderLineFound(Result):
    """One line of an order."""

    item: str
    qty: Number
    delivered: Number
    invoiced: Number
    price: Money


class OrderFound(Result):
    """One order."""

    order: str
    customer: str
    state: str
    date: dt.date
    total: Money
    currency: str
    lines: list[OrderLineFound]


class OrdersFound(Result):
    """The newest first; at most ten."""

    orders: list[OrderFound]


class GetPrice(Arguments):
    """Price of an item, for a customer and quantity if stated."""

    item: Product = Field(description="product as said")
    customer: Customer | None = Field(default=None, description="customer as said")
    qty: Quantity | None = Field(default=None, description="quantity if stated")


class PriceFound(Result):
    """What it costs, and why."""

    item: str
    customer: str | None
    qty: Number
    price: Money
    currency: str
    discount_percent: Number
    price_list: str


class SetDiscount(Arguments):
    """Grant a customer a discount in percent, on everything or on one item."""

    customer: Customer = Field(description="customer as said")
    percent: Percent = Field(description="percent, 0 to end it")
    item: Product | None = Field(default=None, description="product as said")


class DiscountSet(Result):
    """The discount as it now stands."""

    customer: str
    percent: Number
    item: str | None


class DeliverOrder(Arguments):
    """Ship an order: what is in stock, or the stated lines; the rest stays on backorder."""

    order: Order = Field(description="order number")
    lines: list[ItemQuantity] | None = Field(default=None, min_length=1, max_length=50, description="lines, if only a part")


class Delivered(Result):
    """What left, and what is still owed."""

    delivery: str
    order: str
    shipped: Number
    backordered: Number
    state: str


class ListBackorders(Arguments):
    """List what is still owed to customers."""

    customer: Customer | None = Field(default=None, description="customer as said")
    item: Product | None = Field(default=None, description="product as said")


class BackorderFound(Result):
    """One order line still owed."""

    order: str
    customer: str
    item: str
    qty: Number


class BackordersFound(Result):
    """The oldest first; at most twenty."""

    backorders: list[BackorderFound]


class ReturnGoods(Arguments):
    """Take goods of a delivered order back into stock."""

    order: Order = Field(description="order number")
    item: Product = Field(description="product as said")
    qty: Quantity = Field(description="quantity")
    warehouse: Warehouse | None = Field(default=None, description="warehouse as said")
    reason: Text | None = Field(default=None, description="reason as said")


class Returned(Result):
    """What came back."""

    return_number: str
    order: str
    item: str
    qty: Number
    to_credit: Number


SALES = (
    Operation(
        name="create_quote",
        risk="write",
        arguments=CreateQuote,
        result=OrderState,
        says="Quotation {order} for {customer}: {total} {currency}.",
    ),
    Operation(
        name="confirm_order",
        risk="write",
        arguments=ConfirmOrder,
        result=OrderState,
        says="Order {order} for {customer} is {state}; on backorder: {backordered}.",
    ),
    Operation(
        name="change_order",
        risk="write",
        arguments=ChangeOrder,
        result=OrderState,
        says="Order {order} is changed: {total} {currency}.",
    ),
    Operation(name="cancel_order", risk="write", arguments=CancelOrder, result=OrderState, says="Order {order} is {state}."),
    Operation(name="find_order", risk="read", arguments=FindOrder, result=OrdersFound, says="Orders: {orders}."),
    Operation(
        name="get_price",
        risk="read",
        arguments=GetPrice,
        result=PriceFound,
        says="{item}: {price} {currency} each ({price_list}, discount {discount_percent} %).",
    ),
    Operation(
        name="set_discount",
        risk="write",
        arguments=SetDiscount,
        result=DiscountSet,
        says="{customer} gets {percent} % (item: {item}).",
    ),
    Operation(
        name="deliver_order",
        risk="write",
        arguments=DeliverOrder,
        result=Delivered,
        says="{delivery}: {shipped} shipped of {order}, {backordered} still owed.",
    ),
    Operation(
        name="list_backorders", risk="read", arguments=ListBackorders, result=BackordersFound, says="Still owed: {backorders}."
    ),
    Operation(
        name="return_goods",
        risk="write",
        arguments=ReturnGoods,
        result=Returned,
        says="{return_number}: {qty} {item} of {order} taken back; to be credited: {to_credit}.",
    ),
)
