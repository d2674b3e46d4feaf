"""Shelves: how stock moves, is promised, and is never promised twice."""

from decimal import Decimal

from sqlmodel import select

from core.errors import ToolError
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.tables.catalogue import Pack, Product
from tools.erp.sandbox.tables.record import ZERO
from tools.erp.sandbox.tables.sales import Order, OrderLine
from tools.erp.sandbox.tables.stock import StockLevel, StockMove


def in_units(books: Books, product: Product, quantity: Decimal, unit: str | None, field: str) -> Decimal:
    """A quantity in the product's own unit.

    Raises:
        ToolError: The product has no such pack, or comes in whole units only.
    """
    total = quantity * pack_size(books, product, unit)
    if product.whole and total != total.to_integral_value():
        raise ToolError(f"{field} {quantity}: {product.name} comes in whole {product.unit}s only", field=field, value=quantity)
    return total


def pack_size(books: Books, product: Product, unit: str | None) -> Decimal:
    """How many of the product's own unit one `unit` holds.

    Raises:
        ToolError: The product has no such pack; names those it has.
    """
    if unit is None or unit == product.unit:
        return Decimal(1)
    pack = books.session.get(Pack, (product.sku, unit))
    if pack is None:
        packs = books.session.exec(select(Pack.unit).where(Pack.sku == product.sku)).all()
        known = ", ".join([product.unit, *sorted(packs)])
        raise ToolError(f"unit {unit!r}: {product.name} is sold by {known}", field="unit", value=unit)
    return pack.holds


def level(books: Books, sku: str, warehouse: str) -> StockLevel:
    """The level of a product in a warehouse, made where there was none."""
    row = books.session.get(StockLevel, (sku, warehouse))
    return row if row is not None else books.add(StockLevel(sku=sku, warehouse=warehouse))


def levels(books: Books, sku: str) -> list[StockLevel]:
    """The levels of a product everywhere."""
    return list(books.session.exec(select(StockLevel).where(StockLevel.sku == sku).order_by(StockLevel.warehouse)).all())


def move(books: Books, product: Product, warehouse: str, quantity: Decimal, document: str, reason: str = "") -> StockLevel:
    """Put stock in (positive) or take it out (negative); promised stock stays.

    Raises:
        ToolError: More is taken than lies there free.
    """
    row = level(books, product.sku, warehouse)
    if row.free + quantity < 0:
        raise ToolError(
            f"qty {-quantity}: only {row.free.normalize():f} {product.name} are free in {warehouse}", field="qty", value=-quantity
        )
    row.on_hand += quantity
    books.session.add(
        StockMove(sku=product.sku, warehouse=warehouse, quantity=quantity, date=books.today, document=document, reason=reason)
    )
    return row


def reserve(books: Books, order: Order, line: OrderLine) -> None:
    """Promise a line as much of what it is owed as is free in its order's warehouse."""
    row = level(books, line.sku, order.warehouse)
    wanted = max(ZERO, min(line.owed - line.reserved, row.free))
    row.reserved += wanted
    line.reserved += wanted


def release(books: Books, order: Order, line: OrderLine, quantity: Decimal) -> None:
    """Take back so much of a line's promise."""
    row = level(books, line.sku, order.warehouse)
    row.reserved -= quantity
    line.reserved -= quantity
