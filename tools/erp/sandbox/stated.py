"""Stated lines: the part of an order, ours or a customer's, that a call names line by line.

An order may have several lines of one item, at two prices; a call names the item, and means all of them.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

from core.errors import ToolError
from tools.erp.operations.sales import ItemQuantity
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.shelves import in_units
from tools.erp.sandbox.tables.catalogue import Product
from tools.erp.sandbox.tables.record import ZERO


class Line(Protocol):
    """A line of a document."""

    sku: str
    """What it is of."""


_L = TypeVar("_L", bound=Line)


def stated_lines(
    books: Books, parts: Iterable[ItemQuantity], lines: Sequence[_L], document: str, left: Callable[[_L], Decimal]
) -> list[tuple[_L, Decimal]]:
    """The lines a call names, with the quantity of each in the product's own unit.

    Args:
        books: To look products up in.
        parts: What the call states.
        lines: Those of the document.
        document: How errors name it.
        left: What of a line is still to be shipped or received.

    Raises:
        ToolError: An item is not on the document, is stated twice, or more is stated than is left.
    """
    stated: list[tuple[_L, Decimal]] = []
    for part in parts:
        product = books.find(Product, part.item, "item")
        quantity = in_units(books, product, part.qty, part.unit, "qty")
        own = [line for line in lines if line.sku == product.sku]
        if not own:
            raise ToolError(f"item {product.name!r}: is not on {document}", field="item", value=part.item)
        if any(line.sku == product.sku for line, _ in stated):
            raise ToolError(f"item {product.name!r}: is stated twice", field="item", value=part.item)
        there = sum(map(left, own), ZERO)
        if quantity > there:
            raise ToolError(f"qty {quantity}: only {there.normalize():f} are left", field="qty", value=quantity)
        stated.extend(spread(quantity, own, left))
    return stated


def spread(quantity: Decimal, lines: Iterable[_L], left: Callable[[_L], Decimal]) -> list[tuple[_L, Decimal]]:
    """A quantity of one item over its lines, in their order: on each at most what is left of it."""
    parts: list[tuple[_L, Decimal]] = []
    for line in lines:
        part = min(quantity, left(line))
        if part > 0:
            parts.append((line, part))
            quantity -= part
    return parts
