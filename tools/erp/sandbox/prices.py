"""Prices: what a customer pays for so much of a product."""

from decimal import Decimal
from typing import NamedTuple

from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.operations.sales import SalesLine
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.shelves import in_units, pack_size
from tools.erp.sandbox.tables.catalogue import ListPrice, Product
from tools.erp.sandbox.tables.parties import Customer, Discount
from tools.erp.sandbox.tables.record import ZERO, rounded

STANDARD = "standard"
_MOST = Decimal("9999999999.99")
"""What a line may come to, without tax: as much as an amount may be that is stated."""


class Price(NamedTuple):
    """A unit price without tax, and where it comes from."""

    amount: Decimal
    """A unit of the product, discount taken off."""
    discount_percent: Decimal
    """What was taken off."""
    price_list: str
    """The list it stands in."""


class Priced(NamedTuple):
    """One line, ready for an order or an invoice."""

    product: Product
    """What is sold."""
    quantity: Decimal
    """In the product's own unit."""
    price: Decimal
    """A unit, without tax."""


def price_of(books: Books, product: Product, customer: Customer | None, quantity: Decimal) -> Price:
    """The customer's list from the highest quantity reached, else the list price; less their discount on the item, or on all."""
    price_list = customer.price_list if customer is not None else STANDARD
    listed = books.session.exec(
        select(ListPrice)
        .where(ListPrice.price_list == price_list, ListPrice.sku == product.sku, ListPrice.min_quantity <= quantity)
        .order_by(col(ListPrice.min_quantity).desc())
    ).first()
    amount = listed.price if listed is not None else product.price
    percent = _discount(books, customer.number, product.sku) if customer is not None else ZERO
    return Price(rounded(amount * (100 - percent) / 100), percent, price_list if listed is not None else STANDARD)


def _discount(books: Books, customer: str, sku: str) -> Decimal:
    for key in (sku, ""):
        row = books.session.get(Discount, (customer, key))
        if row is not None:
            return row.percent
    return ZERO


def priced(books: Books, line: SalesLine, customer: Customer) -> Priced:
    """A line with its product, quantity and price; a stated price counts as it is.

    Raises:
        ToolError: No such product or pack, a stated pack price that is no whole number of cents a unit, or too large a sum.
    """
    product = books.find(Product, line.item, "item")
    quantity = in_units(books, product, line.qty, line.unit, "qty")
    if line.price is None:
        price = price_of(books, product, customer, quantity).amount
        require_amount(quantity, price, line.qty)
        return Priced(product, quantity, price)
    single = line.price / pack_size(books, product, line.unit)
    if single != rounded(single):
        raise ToolError(
            f"price {line.price}: is no whole number of cents a {product.unit}; state the price of one",
            field="price",
            value=line.price,
        )
    require_amount(quantity, single, line.qty)
    return Priced(product, quantity, single)


def require_amount(quantity: Decimal, price: Decimal, stated: Decimal) -> None:
    """Refuse a line that comes to more than the books can hold.

    Raises:
        ToolError: Names the quantity as it was stated, the price and the most.
    """
    if quantity * price > _MOST:
        raise ToolError(f"qty {stated}: at {price} each the line comes to more than {_MOST}", field="qty", value=stated)
