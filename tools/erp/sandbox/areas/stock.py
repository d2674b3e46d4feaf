"""Stock on hand, promises, transfers, counts, write-offs."""

from datetime import date
from decimal import Decimal

from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.operations import stock as ask
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.books import STOCK as STOCK_ACCOUNT
from tools.erp.sandbox.books import STOCK_DIFFERENCE, Books
from tools.erp.sandbox.shelves import in_units, level, levels, move
from tools.erp.sandbox.tables.catalogue import Product, Substitute
from tools.erp.sandbox.tables.company import Warehouse
from tools.erp.sandbox.tables.purchasing import Purchase, PurchaseLine
from tools.erp.sandbox.tables.record import ZERO, rounded
from tools.erp.sandbox.tables.sales import Order, OrderLine


def check_stock(books: Books, call: ask.CheckStock) -> ask.StockFound:
    """In one warehouse, or in all of them."""
    product = books.find(Product, call.item, "item")
    rows = levels(books, product.sku)
    place = None
    if call.warehouse is not None:
        warehouse = books.find(Warehouse, call.warehouse, "warehouse")
        rows, place = [row for row in rows if row.warehouse == warehouse.code], warehouse.name
    return ask.StockFound(
        item=product.name,
        warehouse=place,
        on_hand=sum((row.on_hand for row in rows), ZERO),
        available=sum((row.free for row in rows), ZERO),
        unit=product.unit,
    )


def promise_stock(books: Books, call: ask.PromiseStock) -> ask.Promise:
    """Free now, and on its way by the day, less what is owed to others and not reserved yet."""
    product = books.find(Product, call.item, "item")
    quantity = in_units(books, product, call.qty, None, "qty")
    free = sum((row.free for row in levels(books, product.sku)), ZERO) - _owed_unreserved(books, product.sku)
    arrivals = [a for a in _arrivals(books, product.sku) if call.date is None or a[0] <= call.date]
    covered, since = free, books.today if free >= quantity else None
    for day, coming in arrivals:
        covered += coming
        if since is None and covered >= quantity:
            since = day
    return ask.Promise(
        item=product.name,
        qty=quantity,
        available_now=max(ZERO, free),
        on_order=sum((coming for _, coming in arrivals), ZERO),
        promised=since is not None,
        from_date=since,
    )


def _owed_unreserved(books: Books, sku: str) -> Decimal:
    query = select(OrderLine).join(Order).where(Order.state == "confirmed", OrderLine.sku == sku)
    return sum((line.owed - line.reserved for line in books.session.exec(query).all()), ZERO)


def _arrivals(books: Books, sku: str) -> list[tuple[date, Decimal]]:
    """Open purchases with a day, the soonest first; late ones are expected today."""
    query = select(PurchaseLine, Purchase).join(Purchase).where(PurchaseLine.sku == sku, col(Purchase.expected).is_not(None))
    rows = books.session.exec(query).all()
    return sorted((max(p.expected or books.today, books.today), line.to_receive) for line, p in rows if line.to_receive > 0)


def find_substitutes(books: Books, call: ask.FindSubstitutes) -> ask.SubstitutesFound:
    """Declared stand-ins, those in stock first."""
    product = books.find(Product, call.item, "item")
    query = select(Product).join(Substitute, col(Substitute.instead) == Product.sku).where(Substitute.sku == product.sku)
    found = [
        ask.SubstituteFound(
            item=other.name, available=sum((row.free for row in levels(books, other.sku)), ZERO), price=other.price
        )
        for other in books.session.exec(query).all()
    ]
    return ask.SubstitutesFound(item=product.name, substitutes=sorted(found, key=lambda s: (-s.available, s.item)))


def transfer_stock(books: Books, call: ask.TransferStock) -> ask.Transferred:
    """From here to there; promised stock stays where it was promised."""
    product = books.find(Product, call.item, "item")
    source = books.find(Warehouse, call.from_, "from")
    target = books.find(Warehouse, call.to, "to")
    if source.code == target.code:
        raise ToolError(f"to {target.name!r}: is where the goods are already", field="to", value=target.code)
    quantity = in_units(books, product, call.qty, None, "qty")
    number = books.next_number("transfer")
    move(books, product, source.code, -quantity, number)
    move(books, product, target.code, quantity, number)
    return ask.Transferred(transfer=number, item=product.name, qty=quantity, state="done")


def count_stock(books: Books, call: ask.CountStock) -> ask.StockChanged:
    """What was counted is what is there; the difference is booked."""
    product = books.find(Product, call.item, "item")
    warehouse = books.find(Warehouse, call.warehouse, "warehouse")
    counted = in_units(books, product, call.counted, None, "counted")
    there = level(books, product.sku, warehouse.code)
    if counted < there.reserved:
        raise ToolError(
            f"counted {counted}: {there.reserved.normalize():f} {product.name} in {warehouse.name} are promised to orders; "
            "cancel or change one first",
            field="counted",
            value=counted,
        )
    return _changed(books, product, warehouse, counted - there.on_hand, "count", "")


def adjust_stock(books: Books, call: ask.AdjustStock) -> ask.StockChanged:
    """Write stock off."""
    product = books.find(Product, call.item, "item")
    warehouse = books.find(Warehouse, call.warehouse, "warehouse")
    quantity = in_units(books, product, call.qty, None, "qty")
    return _changed(books, product, warehouse, -quantity, "write_off", call.reason or "")


def _changed(
    books: Books, product: Product, warehouse: Warehouse, change: Decimal, sequence: str, reason: str
) -> ask.StockChanged:
    number = books.next_number(sequence)
    row = move(books, product, warehouse.code, change, number, reason)
    value = rounded(change * product.cost)
    books.book(number, books.today, books.company.currency, [(STOCK_ACCOUNT, "", value), (STOCK_DIFFERENCE, "", -value)])
    return ask.StockChanged(item=product.name, warehouse=warehouse.name, change=change, on_hand=row.on_hand)


STOCK: dict[str, Handler] = {
    "check_stock": check_stock,
    "promise_stock": promise_stock,
    "find_substitutes": find_substitutes,
    "transfer_stock": transfer_stock,
    "count_stock": count_stock,
    "adjust_stock": adjust_stock,
}
