"""Goods ordered from suppliers, and received."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from core.types.effect import Change
from tools.erp.operations.purchasing import CreatePurchase, PurchaseLine, PurchaseState, Received, ReceiveGoods
from tools.erp.tryton.areas.deliveries import advance, carried, move_changes, stated_quantities
from tools.erp.tryton.books import Books, address_of, cents, exact, refusal
from tools.erp.tryton.rpc import Record
from tools.erp.tryton.work import Done, Read, Write, dated, new

PURCHASE, LINE, IN = "purchase.purchase", "purchase.line", "stock.shipment.in"
_ORDERED = ("confirmed", "processing", "done")
_NEXT = {"draft": "receive", "received": "do"}


class Buy(Write):
    """A purchase with its lines, in one call; then it is quoted and confirmed."""

    def plan(self, books: Books, arguments: CreatePurchase) -> Done:
        """At cost where no price is named."""
        party, rows = books.party(arguments.supplier, "supplier"), _rows(books, arguments.lines)
        address_of(party, "supplier")
        total = books.with_tax((cents(row["quantity"] * row["unit_price"]), row["taxes"]) for row in rows)
        result = PurchaseState(
            purchase="(new)",
            supplier=party["name"],
            state="ordered",
            total=total,
            expected=arguments.expected,
            to_receive=sum((row["quantity"] for row in rows), Decimal(0)),
        )
        lines = [_line(row["product"]["code"], row["quantity"], row["unit_price"], None) for row in rows]
        return Done(result, [new(PURCHASE, None, party__code=party["code"], state="processing"), *lines])

    def carry_out(self, books: Books, arguments: CreatePurchase, mark: str) -> None:
        """What is left of it."""
        purchase = books.marked(PURCHASE, "description", mark)
        identity = purchase["id"] if purchase is not None else self._make(books, arguments, mark)
        for state, button in (("draft", "quote"), ("quotation", "confirm")):
            if books.rpc.read(PURCHASE, [identity], ["state"])[0]["state"] == state:
                books.rpc.button(PURCHASE, button, identity)

    def begun(self, books: Books, arguments: CreatePurchase, mark: str) -> bool:
        """It is there."""
        return books.marked(PURCHASE, "description", mark) is not None

    def done(self, books: Books, arguments: CreatePurchase, mark: str) -> Done | None:
        """It is there, and confirmed."""
        seen = ("state", "number", "party.name", "party.code", "total_amount", "lines", "delivery_date")
        purchase = books.marked(PURCHASE, "description", mark, seen)
        if purchase is None or purchase["state"] not in _ORDERED:
            return None
        rows = books.rpc.read(LINE, purchase["lines"], ["product.code", "quantity", "unit_price"])
        result = PurchaseState(
            purchase=purchase["number"],
            supplier=purchase["party."]["name"],
            state="ordered",
            total=purchase["total_amount"],
            expected=arguments.expected,
            to_receive=_coming(books, purchase["id"]),
        )
        lines = [_line(row["product."]["code"], row["quantity"], row["unit_price"], row["id"]) for row in rows]
        change = new(PURCHASE, purchase["id"], party__code=purchase["party."]["code"], number=purchase["number"])
        return Done(result, [change, *lines])

    @staticmethod
    def _make(books: Books, arguments: CreatePurchase, mark: str) -> int:
        party = books.party(arguments.supplier, "supplier")
        lines = [
            {
                "type": "line",
                "product": row["product"]["id"],
                "quantity": float(row["quantity"]),
                "unit": row["unit"],
                "unit_price": row["unit_price"],
                "taxes": [("add", list(row["taxes"]))],
            }
            for row in _rows(books, arguments.lines)
        ]
        return books.rpc.create(
            PURCHASE,
            description=mark,
            party=party["id"],
            invoice_address=address_of(party, "supplier"),
            warehouse=books.warehouse(None)["id"],
            invoice_method="manual",
            delivery_date=arguments.expected,
            lines=[("create", lines)],
        )


class Receive(Write):
    """A marked shipment takes up the purchase's moves in one call; then it is received and done."""

    def plan(self, books: Books, arguments: ReceiveGoods) -> Done:
        """All that is to come, or the stated lines."""
        purchase = self._purchase(books, arguments)
        self._place(books, arguments, purchase)
        comes = self._comes(books, arguments, purchase)
        received = sum((quantity for _, quantity in comes), Decimal(0))
        left = _coming(books, purchase["id"]) - received
        state = "ordered" if left else "received"
        result = Received(receipt="(new)", purchase=purchase["number"], received=received, to_receive=left, state=state)
        moves = [new("stock.move", None, product__code=move["product."]["code"], quantity=quantity) for move, quantity in comes]
        return Done(result, [new(IN, None, state="done"), *moves, dated(books.today)])

    def carry_out(self, books: Books, arguments: ReceiveGoods, mark: str) -> None:
        """What is left of it."""
        shipment = books.marked(IN, "reference", mark)
        if shipment is None:
            shipment = {"id": self._make(books, arguments, mark)}
        advance(books, IN, shipment["id"], _NEXT, "done")

    def begun(self, books: Books, arguments: ReceiveGoods, mark: str) -> bool:
        """A shipment carries the mark."""
        return books.marked(IN, "reference", mark) is not None

    def done(self, books: Books, arguments: ReceiveGoods, mark: str) -> Done | None:
        """A shipment carries the mark and is done."""
        shipment = books.marked(IN, "reference", mark, ("state", "number", "incoming_moves"))
        if shipment is None or shipment["state"] != "done":
            return None
        purchase = books.purchase(arguments.purchase)
        moves = books.rpc.read("stock.move", shipment["incoming_moves"], ["product.code", "quantity"])
        left = _coming(books, purchase["id"])
        result = Received(
            receipt=shipment["number"],
            purchase=purchase["number"],
            received=carried(moves),
            to_receive=left,
            state="ordered" if left else "received",
        )
        return Done(result, [new(IN, shipment["id"], number=shipment["number"], state="done"), *move_changes(moves)])

    @staticmethod
    def _purchase(books: Books, arguments: ReceiveGoods) -> Record:
        purchase = books.purchase(arguments.purchase, ("party", "lines", "warehouse"))
        if purchase["state"] != "processing":
            why = "is received already" if purchase["state"] == "done" else f"is {purchase['state']}"
            raise refusal("purchase", arguments.purchase, f"{why}")
        return purchase

    @staticmethod
    def _comes(books: Books, arguments: ReceiveGoods, purchase: Record) -> list[tuple[Record, Decimal]]:
        stated = stated_quantities(books, arguments.lines)
        comes = []
        for move in _open_moves(books, purchase["id"]):
            planned, code = exact(move["quantity"]), move["product."]["code"]
            wanted = planned if arguments.lines is None else stated.pop(code, Decimal(0))
            if wanted > planned:
                raise refusal("item", code, f"{planned} to come, {wanted} stated")
            if wanted:
                comes.append((move, wanted))
        if stated or not comes:
            item = next(iter(stated), "")
            raise refusal("purchase", purchase["number"], f"nothing of {item or 'it'} is to come")
        return comes

    def _make(self, books: Books, arguments: ReceiveGoods, mark: str) -> int:
        purchase = self._purchase(books, arguments)
        place = self._place(books, arguments, purchase)
        comes = self._comes(books, arguments, purchase)
        orders: list[Any] = [("add", [move["id"] for move, _ in comes])]
        orders += [
            ("write", [move["id"]], {"quantity": float(quantity)})
            for move, quantity in comes
            if float(quantity) != move["quantity"]
        ]
        return books.rpc.create(
            IN,
            supplier=purchase["party"],
            warehouse=place["id"],
            warehouse_input=place["input_location"],
            warehouse_storage=place["storage_location"],
            reference=mark,
            incoming_moves=orders,
        )

    @staticmethod
    def _place(books: Books, arguments: ReceiveGoods, purchase: Record) -> Record:
        """The warehouse it was ordered to: Tryton takes goods in nowhere else."""
        fields = ["name", "code", "storage_location", "input_location"]
        place = books.rpc.read("stock.location", [purchase["warehouse"]], fields)[0]
        if arguments.warehouse is not None and books.warehouse(arguments.warehouse)["id"] != place["id"]:
            raise refusal("warehouse", arguments.warehouse, f"the goods were ordered to {place['name']}")
        return place


def _rows(books: Books, lines: Sequence[PurchaseLine]) -> list[Record]:
    rows = []
    for line in lines:
        product = books.product(line.item)
        price = line.price if line.price is not None else product["cost_price"]
        unit, taxes = books.unit(product, line.unit), product["supplier_taxes_used"]
        rows.append({"product": product, "quantity": line.qty, "unit_price": price, "unit": unit, "taxes": taxes})
    return rows


def _line(code: str, quantity: Any, price: Decimal, identity: int | None) -> Change:
    return new(LINE, identity, product__code=code, quantity=quantity, unit_price=price)


def _open_moves(books: Books, purchase: int) -> list[Record]:
    """What is to come and in no shipment yet."""
    lines = books.rpc.search(LINE, [("purchase", "=", purchase)], ["moves"])
    moves = [move for line in lines for move in line["moves"]]
    fields = ["product", "product.code", "quantity", "state", "shipment"]
    return [move for move in books.rpc.read("stock.move", moves, fields) if move["state"] == "draft" and move["shipment"] is None]


def _coming(books: Books, purchase: int) -> Decimal:
    return carried(_open_moves(books, purchase))


PURCHASING: dict[str, Read | Write] = {"create_purchase": Buy(), "receive_goods": Receive()}
