"""Quotations, orders and prices."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from core.types.effect import Change
from tools.erp.operations.sales import (
    CancelOrder,
    ChangeOrder,
    ConfirmOrder,
    CreateQuote,
    FindOrder,
    GetPrice,
    OrderFound,
    OrderLineFound,
    OrdersFound,
    OrderState,
    PriceFound,
    SalesLine,
)
from tools.erp.tryton.books import Books, address_of, cents, exact, refusal
from tools.erp.tryton.rpc import Record
from tools.erp.tryton.work import Done, Read, Write, changed, new

SALE, LINE = "sale.sale", "sale.line"
_OPEN = ("draft", "quotation")
_CONFIRMED = ("confirmed", "processing", "done")
_STATES = {"quotation": "quote", "draft": "quote", "processing": "confirmed"}
"""Tryton's states as the operations call them, where these differ."""
_MOST = 10
_LINE = (
    "sale",
    "product",
    "product.code",
    "product.name",
    "product.default_uom",
    "quantity",
    "unit",
    "unit_price",
    "taxes",
    "moves",
)


class Quote(Write):
    """A sale with its lines, in one call; then it is quoted."""

    def plan(self, books: Books, arguments: CreateQuote) -> Done:
        """At list prices where none is named."""
        party = books.party(arguments.customer, "customer")
        address_of(party, "customer")
        rows = sale_lines(books, arguments.lines)
        made = {"party.": party, "number": "(new)", "total_amount": lines_total(books, rows)}
        result = _state(books, made, "quote")
        if arguments.valid_until is not None and arguments.valid_until < books.today:
            raise refusal("valid_until", str(arguments.valid_until), "lies in the past")
        ends = {"quotation_expire": arguments.valid_until} if arguments.valid_until is not None else {}
        sale = new(SALE, None, party__code=party["code"], state="quotation", **ends)
        return Done(result, [sale, *(_line_change(row, None) for row in rows)])

    def carry_out(self, books: Books, arguments: CreateQuote, mark: str) -> None:
        """Made, unless the mark is there; quoted, unless it is."""
        sale = books.marked(SALE, "description", mark)
        if sale is None:
            party = books.party(arguments.customer, "customer")
            rows = sale_lines(books, arguments.lines)
            where = address_of(party, "customer")
            identity = books.rpc.create(
                SALE,
                description=mark,
                party=party["id"],
                invoice_address=where,
                shipment_address=where,
                payment_term=party["customer_payment_term"],
                warehouse=books.warehouse(None)["id"],
                invoice_method="manual",
                quotation_validity=arguments.valid_until - books.today if arguments.valid_until is not None else None,
                lines=[("create", [_values(row) for row in rows])],
            )
            sale = {"id": identity, "state": "draft"}
        if sale["state"] == "draft":
            books.rpc.button(SALE, "quote", sale["id"])

    def begun(self, books: Books, arguments: CreateQuote, mark: str) -> bool:
        """It is there, and only a draft."""
        return books.marked(SALE, "description", mark) is not None

    def done(self, books: Books, arguments: CreateQuote, mark: str) -> Done | None:
        """It is there, and quoted."""
        sale = books.marked(SALE, "description", mark, ("state", "number", "party.name", "party.code", "total_amount", "lines"))
        if sale is None or sale["state"] == "draft":
            return None
        rows = books.rpc.read(LINE, sale["lines"], _LINE)
        result = _state(books, sale, _word(sale))
        change = new(SALE, sale["id"], party__code=sale["party."]["code"], number=sale["number"])
        return Done(result, [change, *(_line_change(_as_planned(row), row["id"]) for row in rows)])

    def undo(self, books: Books, arguments: CreateQuote, mark: str) -> bool:
        """Cancelled: a quotation keeps its number."""
        sale = books.marked(SALE, "description", mark)
        if sale is None or sale["state"] not in (*_OPEN, "cancelled"):
            return False
        if sale["state"] != "cancelled":
            books.rpc.button(SALE, "cancel", sale["id"])
        return True


class Confirm(Write):
    """One call; Tryton plans the shipment in it."""

    def plan(self, books: Books, arguments: ConfirmOrder) -> Done:
        """Of what is quoted."""
        sale = books.order(arguments.order, ("total_amount",))
        _must_be(sale, ("quotation",), "is confirmed already" if sale["state"] in _CONFIRMED else f"is {_word(sale)}")
        result = _state(books, sale, "confirmed", _short(books, sale["id"]))
        return Done(result, [changed(SALE, sale["id"], {"state": sale["state"]}, {"state": "processing"})])

    def carry_out(self, books: Books, arguments: ConfirmOrder, mark: str) -> None:
        """Unless it is."""
        sale = books.order(arguments.order)
        if sale["state"] not in _CONFIRMED:
            books.rpc.button(SALE, "confirm", sale["id"])

    def done(self, books: Books, arguments: ConfirmOrder, mark: str) -> Done | None:
        """By its state."""
        sale = books.order(arguments.order, ("total_amount",))
        if sale["state"] not in _CONFIRMED:
            return None
        result = _state(books, sale, _word(sale), _short(books, sale["id"]))
        return Done(result, [changed(SALE, sale["id"], {"state": "quotation"}, {"state": sale["state"]})])


class ChangeQuantity(Write):
    """Back to a draft, changed, quoted again: Tryton changes no line of what is quoted."""

    def plan(self, books: Books, arguments: ChangeOrder) -> Done:
        """Of what is not confirmed."""
        sale, line, product = self._parts(books, arguments)
        _must_be(sale, _OPEN, f"is {_word(sale)}; Tryton changes lines of quotations only")
        if line is None and not arguments.qty:
            raise refusal("item", arguments.item, f"is not on {arguments.order}")
        rows = [_as_planned(row) for row in self._lines(books, sale) if row["product"] != product["id"]]
        changes: list[Change] = []
        if arguments.qty:
            price = line["unit_price"] if line else product["list_price_used"]
            row = _planned(product, arguments.qty, price, product["default_uom"])
            rows.append(row)
            changes = [_quantity(line, arguments.qty) if line else _line_change(row, None)]
        elif line is not None:
            changes = [Change(table=LINE, key={"id": line["id"]}, before={"quantity": line["quantity"]}, after=None)]
        result = _state(books, {**sale, "total_amount": lines_total(books, rows)}, "quote")
        return Done(result, changes)

    def carry_out(self, books: Books, arguments: ChangeOrder, mark: str) -> None:
        """What is left of it."""
        sale, line, product = self._parts(books, arguments)
        if not self._fits(line, arguments.qty):
            if sale["state"] == "quotation":
                books.rpc.button(SALE, "draft", sale["id"])
            if line is None:
                row = _planned(product, arguments.qty, product["list_price_used"], product["default_uom"])
                books.rpc.write(SALE, sale["id"], lines=[("create", [_values(row)])])
            elif arguments.qty:
                books.rpc.write(LINE, line["id"], quantity=float(arguments.qty))
            else:
                books.rpc.write(SALE, sale["id"], lines=[("delete", [line["id"]])])
        if books.order(arguments.order)["state"] == "draft":
            books.rpc.button(SALE, "quote", sale["id"])

    def begun(self, books: Books, arguments: ChangeOrder, mark: str) -> bool:
        """It has a number and is a draft: somebody went back to change it."""
        return bool(books.order(arguments.order)["state"] == "draft")

    def done(self, books: Books, arguments: ChangeOrder, mark: str) -> Done | None:
        """By the line's quantity."""
        sale, line, _ = self._parts(books, arguments)
        if sale["state"] == "draft" or not self._fits(line, arguments.qty):
            return None
        result = _state(books, sale, _word(sale))
        after = {"quantity": float(arguments.qty)}
        return Done(result, [changed(LINE, line["id"], {"quantity": None}, after)] if line is not None else [])

    def _parts(self, books: Books, arguments: ChangeOrder) -> tuple[Record, Record | None, Record]:
        sale = books.order(arguments.order, ("total_amount", "lines"))
        product = books.product(arguments.item)
        found = [row for row in self._lines(books, sale) if row["product"] == product["id"]]
        if len(found) > 1:
            raise refusal("item", arguments.item, f"stands on {len(found)} lines of {arguments.order}; change it in Tryton")
        return sale, found[0] if found else None, product

    @staticmethod
    def _lines(books: Books, sale: Record) -> list[Record]:
        return books.rpc.read(LINE, sale["lines"], _LINE)

    @staticmethod
    def _fits(line: Record | None, quantity: Decimal) -> bool:
        return quantity == 0 if line is None else exact(line["quantity"]) == quantity


class Cancel(Write):
    """One call."""

    def plan(self, books: Books, arguments: CancelOrder) -> Done:
        """Of what is not confirmed: what is has a shipment that Tryton wants dealt with first."""
        sale = books.order(arguments.order, ("total_amount",))
        _must_be(sale, _OPEN, f"is {_word(sale)}; Tryton cancels quotations only")
        result = _state(books, sale, "cancelled")
        return Done(result, [changed(SALE, sale["id"], {"state": sale["state"]}, {"state": "cancelled"})])

    def carry_out(self, books: Books, arguments: CancelOrder, mark: str) -> None:
        """Unless it is."""
        sale = books.order(arguments.order)
        if sale["state"] != "cancelled":
            books.rpc.button(SALE, "cancel", sale["id"])

    def done(self, books: Books, arguments: CancelOrder, mark: str) -> Done | None:
        """By its state."""
        sale = books.order(arguments.order, ("total_amount",))
        if sale["state"] != "cancelled":
            return None
        result = _state(books, sale, "cancelled")
        return Done(result, [changed(SALE, sale["id"], {"state": "quotation"}, {"state": "cancelled"})])


class FindOrders(Read):
    """One, or a customer's open ones."""

    def answer(self, books: Books, arguments: FindOrder) -> OrdersFound:
        """The newest first."""
        fields = ("number", "state", "party.name", "sale_date", "quotation_date", "total_amount", "lines")
        if arguments.order is not None:
            sales = [books.order(arguments.order, fields)]
        else:
            domain: list[Any] = [("state", "in", ["quotation", "confirmed", "processing"])]
            if arguments.customer is not None:
                domain.append(("party", "=", books.party(arguments.customer, "customer")["id"]))
            sales = books.rpc.search(SALE, domain, fields, _MOST, [("id", "DESC")])
        currency = books.currency
        return OrdersFound(orders=[_found(books, sale, currency) for sale in sales if sale["number"]])


class Price(Read):
    """The list price: the demo company has one list."""

    def answer(self, books: Books, arguments: GetPrice) -> PriceFound:
        """Each, without tax."""
        product = books.product(arguments.item)
        customer = books.party(arguments.customer, "customer")["name"] if arguments.customer is not None else None
        return PriceFound(
            item=product["name"],
            customer=customer,
            qty=arguments.qty or Decimal(1),
            price=cents(product["list_price_used"]),
            currency=books.currency,
            discount_percent=Decimal(0),
            price_list="list price",
        )


def sale_lines(books: Books, lines: Sequence[SalesLine]) -> list[Record]:
    """Lines as they are to be made: product, quantity, unit, price, taxes."""
    rows = []
    for line in lines:
        product = books.product(line.item)
        unit = books.unit(product, line.unit)
        rows.append(_planned(product, line.qty, line.price if line.price is not None else product["list_price_used"], unit))
    return rows


def lines_total(books: Books, rows: Sequence[Record]) -> Decimal:
    """With tax."""
    return books.with_tax((cents(row["quantity"] * row["unit_price"]), row["taxes"]) for row in rows)


def moved(books: Books, line: Record) -> Decimal:
    """What of a line has left."""
    moves = books.rpc.read("stock.move", line["moves"], ["state", "quantity"])
    return sum((exact(move["quantity"]) for move in moves if move["state"] == "done"), Decimal(0))


def order_lines(books: Books, sale: Record) -> list[Record]:
    """A sale's lines with their products."""
    return books.rpc.read(LINE, sale["lines"], [*_LINE, "quantity_to_invoice"])


def _planned(product: Record, quantity: Decimal, price: Decimal, unit: int) -> Record:
    return {"product": product, "quantity": quantity, "unit_price": price, "unit": unit, "taxes": product["customer_taxes_used"]}


def _as_planned(row: Record) -> Record:
    product = {"code": row["product."]["code"], "name": row["product."]["name"], "id": row["product"]}
    quantity = exact(row["quantity"])
    return {"product": product, "quantity": quantity, "unit_price": row["unit_price"], "unit": row["unit"], "taxes": row["taxes"]}


def _values(row: Record) -> dict[str, Any]:
    return {
        "type": "line",
        "product": row["product"]["id"],
        "quantity": float(row["quantity"]),
        "unit": row["unit"],
        "unit_price": row["unit_price"],
        "taxes": [("add", list(row["taxes"]))],
    }


def _line_change(row: Record, identity: int | None) -> Change:
    return new(LINE, identity, product__code=row["product"]["code"], quantity=row["quantity"], unit_price=row["unit_price"])


def _quantity(line: Record, quantity: Decimal) -> Change:
    return changed(LINE, line["id"], {"quantity": line["quantity"]}, {"quantity": quantity})


def _must_be(sale: Record, states: Sequence[str], why: str) -> None:
    if sale["state"] not in states:
        raise refusal("order", sale["number"], f"{why}")


def _word(sale: Record) -> str:
    state = str(sale["state"])
    return _STATES.get(state, state)


def _state(books: Books, sale: Record, state: str, short: Decimal = Decimal(0)) -> OrderState:
    """Of a sale with `party.`, `number` and `total_amount`."""
    return OrderState(
        order=sale["number"],
        customer=sale["party."]["name"],
        state=state,
        total=sale["total_amount"],
        currency=books.currency,
        backordered=short,
    )


def _short(books: Books, sale: int) -> Decimal:
    """What is on the order and not in its warehouse."""
    record = books.rpc.read(SALE, [sale], ["warehouse", "lines"])[0]
    missing = Decimal(0)
    for line in books.rpc.read(LINE, record["lines"], _LINE):
        here, _ = books.on_hand(line["product"], [record["warehouse"]])
        missing += max(Decimal(0), exact(line["quantity"]) - moved(books, line) - max(here, Decimal(0)))
    return missing


def _found(books: Books, sale: Record, currency: str) -> OrderFound:
    lines = [
        OrderLineFound(
            item=line["product."]["name"],
            qty=exact(line["quantity"]),
            delivered=moved(books, line),
            invoiced=exact(line["quantity"]) - exact(line["quantity_to_invoice"])
            if sale["state"] in ("processing", "done")
            else Decimal(0),
            price=cents(line["unit_price"]),
        )
        for line in order_lines(books, sale)
        if line["product"] is not None
    ]
    return OrderFound(
        order=sale["number"],
        customer=sale["party."]["name"],
        state=_word(sale),
        date=sale["sale_date"] or sale["quotation_date"] or books.today,
        total=sale["total_amount"],
        currency=currency,
        lines=lines,
    )


SALES: dict[str, Read | Write] = {
    "create_quote": Quote(),
    "confirm_order": Confirm(),
    "change_order": ChangeQuantity(),
    "cancel_order": Cancel(),
    "find_order": FindOrders(),
    "get_price": Price(),
}
