"""What lies where, moved and counted."""

from decimal import Decimal

from tools.erp.operations.stock import CheckStock, CountStock, StockChanged, StockFound, Transferred, TransferStock
from tools.erp.tryton.areas.deliveries import advance
from tools.erp.tryton.books import Books, exact, refusal
from tools.erp.tryton.rpc import Record
from tools.erp.tryton.work import Done, Read, Write, dated, new

INTERNAL, INVENTORY = "stock.shipment.internal", "stock.inventory"
_NEXT = {"draft": "wait", "waiting": "assign_try", "assigned": "pack", "packed": "ship", "shipped": "do"}
"""Between two warehouses goods pass through transit."""


class Check(Read):
    """Today's stock."""

    def answer(self, books: Books, arguments: CheckStock) -> StockFound:
        """In one warehouse, or in all."""
        product = books.product(arguments.item)
        place = books.warehouse(arguments.warehouse) if arguments.warehouse is not None else None
        here, free = books.on_hand(product["id"], [place["id"]] if place is not None else books.warehouses())
        return StockFound(
            item=product["name"],
            warehouse=place["name"] if place is not None else None,
            on_hand=here,
            available=free,
            unit=product["default_uom."]["name"].lower(),
        )


class Transfer(Write):
    """A marked internal shipment with its move, in one call; then it is assigned and done."""

    def plan(self, books: Books, arguments: TransferStock) -> Done:
        """Of what lies there."""
        product, source, _ = self._parts(books, arguments)
        here = books.assignable(product["id"], source["storage_location"])
        if arguments.qty > here:
            raise refusal("qty", arguments.qty, f"{here} of it are free in {source['name']}")
        move = new("stock.move", None, product__code=product["code"], quantity=arguments.qty)
        return Done(self._result("(new)", product, arguments), [new(INTERNAL, None, state="done"), move, dated(books.today)])

    def carry_out(self, books: Books, arguments: TransferStock, mark: str) -> None:
        """What is left of it."""
        shipment = books.marked(INTERNAL, "reference", mark)
        identity = shipment["id"] if shipment is not None else self._make(books, arguments, mark)
        advance(books, INTERNAL, identity, _NEXT, "done")

    def begun(self, books: Books, arguments: TransferStock, mark: str) -> bool:
        """A shipment carries the mark."""
        return books.marked(INTERNAL, "reference", mark) is not None

    def done(self, books: Books, arguments: TransferStock, mark: str) -> Done | None:
        """A shipment carries the mark and is done."""
        shipment = books.marked(INTERNAL, "reference", mark, ("state", "number"))
        if shipment is None or shipment["state"] != "done":
            return None
        product, _, _ = self._parts(books, arguments)
        return Done(self._result(shipment["number"], product, arguments), [new(INTERNAL, shipment["id"], state="done")])

    def _make(self, books: Books, arguments: TransferStock, mark: str) -> int:
        product, source, target = self._parts(books, arguments)
        places = {"from_location": source["storage_location"], "to_location": target["storage_location"]}
        move = {"product": product["id"], "quantity": float(arguments.qty), "unit": product["default_uom"], **places}
        return books.rpc.create(INTERNAL, reference=mark, moves=[("create", [move])], **places)

    @staticmethod
    def _parts(books: Books, arguments: TransferStock) -> tuple[Record, Record, Record]:
        source, target = books.warehouse(arguments.from_, "from"), books.warehouse(arguments.to, "to")
        if source["id"] == target["id"]:
            raise refusal("to", arguments.to, "it lies there")
        return books.product(arguments.item), source, target

    @staticmethod
    def _result(number: str, product: Record, arguments: TransferStock) -> Transferred:
        return Transferred(transfer=number, item=product["name"], qty=arguments.qty, state="done")


class Count(Write):
    """An inventory with its line, in one call; then it is confirmed. Tryton leaves no room for a mark on it: today's inventory of
    this product, place and quantity proves it, and a second count alike changes nothing."""

    def plan(self, books: Books, arguments: CountStock) -> Done:
        """What it changes."""
        product, place = books.product(arguments.item), books.warehouse(arguments.warehouse)
        here, _ = books.on_hand(product["id"], [place["id"]])
        line = new("stock.inventory.line", None, product__code=product["code"], quantity=arguments.counted)
        return Done(
            self._result(product, place, arguments.counted - here, arguments),
            [new(INVENTORY, None, state="done"), line, dated(books.today)],
        )

    def carry_out(self, books: Books, arguments: CountStock, mark: str) -> None:
        """What is left of it."""
        draft = self._alike(books, arguments, "draft")
        if draft is None:
            product, place = books.product(arguments.item), books.warehouse(arguments.warehouse)
            line = {"product": product["id"], "quantity": float(arguments.counted)}
            where = place["storage_location"]
            draft = {"id": books.rpc.create(INVENTORY, location=where, date=books.today, lines=[("create", [line])])}
        books.rpc.button(INVENTORY, "confirm", draft["id"])

    def begun(self, books: Books, arguments: CountStock, mark: str) -> bool:
        """One is there, and only a draft."""
        return self._alike(books, arguments, "draft") is not None

    def done(self, books: Books, arguments: CountStock, mark: str) -> Done | None:
        """One is done."""
        inventory = self._alike(books, arguments, "done")
        product, place = books.product(arguments.item), books.warehouse(arguments.warehouse)
        if inventory is None:
            return None
        line = books.rpc.read("stock.inventory.line", inventory["lines"], ["expected_quantity", "quantity"])[0]
        change = exact(line["quantity"]) - exact(line["expected_quantity"])
        return Done(self._result(product, place, change, arguments), [new(INVENTORY, inventory["id"], state="done")])

    @staticmethod
    def _alike(books: Books, arguments: CountStock, state: str) -> Record | None:
        product, place = books.product(arguments.item), books.warehouse(arguments.warehouse)
        domain = [("state", "=", state), ("date", "=", books.today), ("location", "=", place["storage_location"])]
        domain += [("lines.product", "=", product["id"]), ("lines.quantity", "=", float(arguments.counted))]
        found = books.rpc.search(INVENTORY, domain, ["lines"], 1, [("id", "DESC")])
        return found[0] if found and len(found[0]["lines"]) == 1 else None

    @staticmethod
    def _result(product: Record, place: Record, change: Decimal, arguments: CountStock) -> StockChanged:
        return StockChanged(item=product["name"], warehouse=place["name"], change=change, on_hand=arguments.counted)


STOCK: dict[str, Read | Write] = {"check_stock": Check(), "transfer_stock": Transfer(), "count_stock": Count()}
