"""Stated lines: the part of an order, ours or a customer's, that a call names line by line."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

from core.errors import ToolError
from tools.erp.operations.sales import ItemQuantity
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.shelves import in_units
from tools.erp.sandbox.tables.catalogue import Product


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
        line = next((line for line in lines if line.sku == product.sku), None)
        if line is None:
            raise ToolError(f"item {product.name!r}: is not on {document}", field="item", value=part.item)
        if any(line is other for other, _ in stated):
            raise ToolError(f"item {product.name!r}: is stated twice", field="item", value=part.item)
        if quantity > left(line):
            raise ToolError(f"qty {quantity}: only {left(line).normalize():f} are left", field="qty", value=quantity)
        stated.append((line, quantity))
    return stated
