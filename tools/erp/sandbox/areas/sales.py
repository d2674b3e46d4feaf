"""Quotations, orders, prices, deliveries, returns."""

from decimal import Decimal

from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.operations import sales as ask
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.books import COST_OF_SALES, Books
from tools.erp.sandbox.books import STOCK as STOCK_ACCOUNT
from tools.erp.sandbox.credit import require_credit, used_credit
from tools.erp.sandbox.prices import price_of, priced
from tools.erp.sandbox.shelves import in_units, level, move, release, reserve
from tools.erp.sandbox.stated import spread, stated_lines
from tools.erp.sandbox.tables.catalogue import Product
from tools.erp.sandbox.tables.company import Warehouse
from tools.erp.sandbox.tables.parties import Customer, Discount
from tools.erp.sandbox.tables.record import ZERO, rounded
from tools.erp.sandbox.tables.sales import Delivery, DeliveryLine, Order, OrderLine

MAIN = "MAIN"
"""The warehouse orders are served from."""
_FEW, _SOME = 10, 20


def lines_of(books: Books, order: str) -> list[OrderLine]:
    """An order's lines, in order."""
    return list(books.session.exec(select(OrderLine).where(OrderLine.order == order).order_by(col(OrderLine.position))).all())


def total_of(lines: list[OrderLine]) -> Decimal:
    """What an order comes to, tax included; each line rounded by itself, as on the invoice."""
    total = ZERO
    for line in lines:
        net = rounded(line.quantity * line.price)
        total += net + rounded(net * line.tax_percent / 100)
    return total


def _state(books: Books, order: Order) -> ask.OrderState:
    lines = lines_of(books, order.number)
    backordered = sum((line.owed - line.reserved for line in lines), ZERO) if order.state == "confirmed" else ZERO
    return ask.OrderState(
        order=order.number,
        customer=books.find(Customer, order.customer, "customer").name,
        state=order.state,
        total=total_of(lines),
        currency=order.currency,
        backordered=backordered,
    )


def create_quote(books: Books, call: ask.CreateQuote) -> ask.OrderState:
    """A quotation at the customer's prices, or at those stated."""
    customer = books.find(Customer, call.customer, "customer")
    if call.valid_until is not None and call.valid_until < books.today:
        raise ToolError(
            f"valid_until {call.valid_until}: lies before today, {books.today}", field="valid_until", value=call.valid_until
        )
    order = books.add(
        Order(
            number=books.next_number("order"),
            customer=customer.number,
            date=books.today,
            valid_until=call.valid_until,
            currency=customer.currency,
            warehouse=MAIN,
        )
    )
    for position, line in enumerate(call.lines, 1):
        product, quantity, price = priced(books, line, customer)
        books.add(
            OrderLine(
                order=order.number,
                position=position,
                sku=product.sku,
                quantity=quantity,
                price=price,
                tax_percent=product.tax_percent,
            )
        )
    return _state(books, order)


def _order(books: Books, number: str, *states: str) -> Order:
    order = books.find(Order, number, "order")
    if order.state not in states:
        raise ToolError(f"order {number}: is {order.state}, not {' or '.join(states)}", field="order", value=number)
    return order


def confirm_order(books: Books, call: ask.ConfirmOrder) -> ask.OrderState:
    """A quotation becomes an order: credit is checked, what is in stock is reserved, the rest is on backorder."""
    order = _order(books, call.order, "quote")
    if order.valid_until is not None and order.valid_until < books.today:
        raise ToolError(
            f"order {order.number}: the quotation was valid until {order.valid_until}", field="order", value=order.number
        )
    lines = lines_of(books, order.number)
    require_credit(books, books.find(Customer, order.customer, "customer"), total_of(lines), "order", order.number)
    order.state = "confirmed"
    for line in lines:
        reserve(books, order, line)
    return _state(books, order)


def change_order(books: Books, call: ask.ChangeOrder) -> ask.OrderState:
    """Another quantity of one item, one item less, or one more."""
    order = _order(books, call.order, "quote", "confirmed")
    customer = books.find(Customer, order.customer, "customer")
    product = books.find(Product, call.item, "item")
    quantity = in_units(books, product, call.qty, None, "qty")
    lines = lines_of(books, order.number)
    own = [line for line in lines if line.sku == product.sku]
    before, used = total_of(lines), used_credit(books, customer)
    if own:
        _change(books, order, own, quantity, len(lines))
    elif quantity:
        _append(books, order, customer, product, quantity, lines)
    else:
        raise ToolError(f"item {product.name!r}: is not on order {order.number}", field="item", value=call.item)
    if order.state == "confirmed":
        books.session.flush()
        lines = lines_of(books, order.number)
        growth = total_of(lines) - before
        if growth > 0:
            require_credit(books, customer, growth, "qty", call.qty, used)
        for line in lines:
            if line.sku == product.sku:
                reserve(books, order, line)
        _finish(order, lines)
    return _state(books, order)


def _append(books: Books, order: Order, customer: Customer, product: Product, quantity: Decimal, lines: list[OrderLine]) -> None:
    books.add(
        OrderLine(
            order=order.number,
            position=max((line.position for line in lines), default=0) + 1,
            sku=product.sku,
            quantity=quantity,
            price=price_of(books, product, customer, quantity).amount,
            tax_percent=product.tax_percent,
        )
    )


def _change(books: Books, order: Order, own: list[OrderLine], quantity: Decimal, lines: int) -> None:
    """More of an item goes on its first line, less comes off its last ones."""
    gone = sum(map(_gone, own), ZERO)
    if quantity < gone:
        raise ToolError(
            f"qty {quantity}: {gone.normalize():f} of it are delivered or invoiced already", field="qty", value=quantity
        )
    if not quantity and lines == len(own):
        raise ToolError(f"qty 0: order {order.number} would be empty; cancel it instead", field="qty", value=quantity)
    less = sum((line.quantity for line in own), ZERO) - quantity
    own[0].quantity += max(ZERO, -less)
    for line, part in spread(max(ZERO, less), reversed(own), lambda line: line.quantity - _gone(line)):
        _shorten(books, order, line, line.quantity - part)


def _gone(line: OrderLine) -> Decimal:
    return max(line.delivered, line.invoiced)


def _shorten(books: Books, order: Order, line: OrderLine, quantity: Decimal) -> None:
    too_many = max(ZERO, line.reserved - (quantity - line.delivered))
    if too_many:
        release(books, order, line, too_many)
    if quantity:
        line.quantity = quantity
    else:
        books.session.delete(line)


def cancel_order(books: Books, call: ask.CancelOrder) -> ask.OrderState:
    """Only while nothing was delivered or invoiced; what was reserved is free again."""
    order = _order(books, call.order, "quote", "confirmed")
    lines = lines_of(books, order.number)
    if any(line.delivered or line.invoiced for line in lines):
        raise ToolError(
            f"order {order.number}: is delivered or invoiced in part; take goods back or credit the invoice instead",
            field="order",
            value=order.number,
        )
    for line in lines:
        release(books, order, line, line.reserved)
    order.state, order.cancel_reason = "cancelled", call.reason or ""
    return _state(books, order)


def find_order(books: Books, call: ask.FindOrder) -> ask.OrdersFound:
    """One order, or a customer's open ones, or all open ones."""
    query = select(Order)
    if call.order is not None:
        query = query.where(Order.number == books.find(Order, call.order, "order").number)
    else:
        query = query.where(col(Order.state).in_(("quote", "confirmed")))
    if call.customer is not None:
        query = query.where(Order.customer == books.find(Customer, call.customer, "customer").number)
    rows = books.session.exec(query.order_by(col(Order.date).desc(), col(Order.number).desc()).limit(_FEW)).all()
    return ask.OrdersFound(orders=[_found(books, row) for row in rows])


def _found(books: Books, order: Order) -> ask.OrderFound:
    lines = lines_of(books, order.number)
    return ask.OrderFound(
        order=order.number,
        customer=books.find(Customer, order.customer, "customer").name,
        state=order.state,
        date=order.date,
        total=total_of(lines),
        currency=order.currency,
        lines=[
            ask.OrderLineFound(
                item=books.find(Product, line.sku, "item").name,
                qty=line.quantity,
                delivered=line.delivered,
                invoiced=line.invoiced,
                price=line.price,
            )
            for line in lines
        ],
    )


def get_price(books: Books, call: ask.GetPrice) -> ask.PriceFound:
    """For a customer and a quantity where stated, else the list price of one."""
    product = books.find(Product, call.item, "item")
    customer = books.find(Customer, call.customer, "customer") if call.customer is not None else None
    quantity = in_units(books, product, call.qty or Decimal(1), None, "qty")
    price = price_of(books, product, customer, quantity)
    return ask.PriceFound(
        item=product.name,
        customer=customer.name if customer is not None else None,
        qty=quantity,
        price=price.amount,
        currency=customer.currency if customer is not None else books.company.currency,
        discount_percent=price.discount_percent,
        price_list=price.price_list,
    )


def set_discount(books: Books, call: ask.SetDiscount) -> ask.DiscountSet:
    """From now on; orders that exist keep their prices."""
    customer = books.find(Customer, call.customer, "customer")
    product = books.find(Product, call.item, "item") if call.item is not None else None
    key = (customer.number, product.sku if product is not None else "")
    row = books.session.get(Discount, key)
    if row is None and call.percent:
        books.add(Discount(customer=key[0], sku=key[1], percent=call.percent))
    elif row is not None and call.percent:
        row.percent = call.percent
    elif row is not None:
        books.session.delete(row)
    return ask.DiscountSet(customer=customer.name, percent=call.percent, item=product.name if product is not None else None)


def deliver_order(books: Books, call: ask.DeliverOrder) -> ask.Delivered:
    """What is stated, else all that is owed and there; the rest stays owed."""
    order = _order(books, call.order, "confirmed")
    customer = books.find(Customer, order.customer, "customer")
    if customer.on_hold:
        raise ToolError(f"order {order.number}: {customer.name} is on credit hold", field="order", value=order.number)
    lines = lines_of(books, order.number)
    if call.lines is not None:
        wanted = stated_lines(books, call.lines, lines, f"order {order.number}", lambda line: line.owed)
    else:
        wanted = _there(books, order, lines)
    wanted = [(line, quantity) for line, quantity in wanted if quantity > 0]
    if not wanted:
        raise ToolError(f"order {order.number}: nothing of it is in {order.warehouse}", field="order", value=order.number)
    delivery = books.add(Delivery(number=books.next_number("delivery"), order=order.number, kind="out", date=books.today))
    for line, quantity in wanted:
        _ship(books, order, delivery, line, quantity)
    _finish(order, lines)
    return ask.Delivered(
        delivery=delivery.number,
        order=order.number,
        shipped=sum((quantity for _, quantity in wanted), ZERO),
        backordered=sum((line.owed for line in lines), ZERO),
        state=order.state,
    )


def _there(books: Books, order: Order, lines: list[OrderLine]) -> list[tuple[OrderLine, Decimal]]:
    """What of each line is there: what it was promised, and what is free, which lines of one item share."""
    free: dict[str, Decimal] = {}
    there = []
    for line in lines:
        left = free.setdefault(line.sku, level(books, line.sku, order.warehouse).free)
        quantity = min(line.owed, line.reserved + left)
        free[line.sku] = left - max(ZERO, quantity - line.reserved)
        there.append((line, quantity))
    return there


def _ship(books: Books, order: Order, delivery: Delivery, line: OrderLine, quantity: Decimal) -> None:
    product = books.find(Product, line.sku, "item")
    release(books, order, line, min(line.reserved, quantity))
    move(books, product, order.warehouse, -quantity, delivery.number)
    line.delivered += quantity
    books.add(DeliveryLine(delivery=delivery.number, position=line.position, sku=line.sku, quantity=quantity))
    cost = rounded(quantity * product.cost)
    books.book(delivery.number, books.today, books.company.currency, [(COST_OF_SALES, "", cost), (STOCK_ACCOUNT, "", -cost)])


def _finish(order: Order, lines: list[OrderLine]) -> None:
    if all(line.owed == 0 for line in lines):
        order.state = "delivered"


def list_backorders(books: Books, call: ask.ListBackorders) -> ask.BackordersFound:
    """Lines of confirmed orders that are still owed."""
    query = select(OrderLine, Order, Customer, Product).join(Order, col(OrderLine.order) == Order.number)
    query = query.join(Customer, col(Order.customer) == Customer.number).join(Product, col(OrderLine.sku) == Product.sku)
    query = query.where(Order.state == "confirmed", OrderLine.quantity > OrderLine.delivered)
    if call.customer is not None:
        query = query.where(Order.customer == books.find(Customer, call.customer, "customer").number)
    if call.item is not None:
        query = query.where(OrderLine.sku == books.find(Product, call.item, "item").sku)
    rows = books.session.exec(query.order_by(col(Order.date), col(Order.number), col(OrderLine.position)).limit(_SOME)).all()
    return ask.BackordersFound(
        backorders=[
            ask.BackorderFound(order=order.number, customer=customer.name, item=product.name, qty=line.owed)
            for line, order, customer, product in rows
        ]
    )


def return_goods(books: Books, call: ask.ReturnGoods) -> ask.Returned:
    """At most what was delivered; what was invoiced of it is to be credited."""
    order = _order(books, call.order, "confirmed", "delivered")
    product = books.find(Product, call.item, "item")
    warehouse = books.find(Warehouse, call.warehouse or order.warehouse, "warehouse")
    quantity = in_units(books, product, call.qty, None, "qty")
    own = [line for line in lines_of(books, order.number) if line.sku == product.sku]
    if not own:
        raise ToolError(f"item {product.name!r}: is not on order {order.number}", field="item", value=call.item)
    out = sum(map(_out, own), ZERO)
    if quantity > out:
        raise ToolError(f"qty {quantity}: only {out.normalize():f} of it were delivered", field="qty", value=quantity)
    delivery = books.add(
        Delivery(
            number=books.next_number("return"), order=order.number, kind="return", date=books.today, reason=call.reason or ""
        )
    )
    move(books, product, warehouse.code, quantity, delivery.number)
    to_credit = sum((_take_back(books, delivery, line, part) for line, part in spread(quantity, own, _out)), ZERO)
    cost = rounded(quantity * product.cost)
    books.book(delivery.number, books.today, books.company.currency, [(STOCK_ACCOUNT, "", cost), (COST_OF_SALES, "", -cost)])
    return ask.Returned(return_number=delivery.number, order=order.number, item=product.name, qty=quantity, to_credit=to_credit)


def _out(line: OrderLine) -> Decimal:
    return line.delivered - line.returned


def _take_back(books: Books, delivery: Delivery, line: OrderLine, quantity: Decimal) -> Decimal:
    """So much of one line; returns how much of it was invoiced and is to be credited."""
    books.add(DeliveryLine(delivery=delivery.number, position=line.position, sku=line.sku, quantity=-quantity))
    line.returned += quantity
    return min(quantity, max(ZERO, line.invoiced - (line.quantity - line.returned)))


SALES: dict[str, Handler] = {
    "create_quote": create_quote,
    "confirm_order": confirm_order,
    "change_order": change_order,
    "cancel_order": cancel_order,
    "find_order": find_order,
    "get_price": get_price,
    "set_discount": set_discount,
    "deliver_order": deliver_order,
    "list_backorders": list_backorders,
    "return_goods": return_goods,
}
