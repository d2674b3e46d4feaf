"""What is shipped to customers, and what is still owed to them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from core.errors import ToolError
from core.types.effect import Change
from tools.erp.operations.sales import BackorderFound, BackordersFound, Delivered, DeliverOrder, ItemQuantity, ListBackorders
from tools.erp.tryton.areas.sales import LINE, moved, order_lines
from tools.erp.tryton.books import Books, exact, refusal
from tools.erp.tryton.rpc import Record
from tools.erp.tryton.work import Done, Read, Write, changed, dated, new

OUT = "stock.shipment.out"
NEXT = {"draft": "wait", "waiting": "assign_try", "assigned": "pick", "picked": "pack", "packed": "do"}
"""Which button leads on from a state."""
_MOST = 20


class Deliver(Write):
    """The waiting shipment is marked and cut to what leaves in one call; then it is assigned, picked, packed and done."""

    def plan(self, books: Books, arguments: DeliverOrder) -> Done:
        """What is in stock, or the stated lines."""
        sale, shipment = self._parts(books, arguments)
        leaves = self._leaves(books, arguments, shipment)
        if not any(leaves.values()):
            raise refusal("order", sale["number"], "nothing of it is in stock")
        owed = sum((_left(books, line) for line in order_lines(books, sale)), Decimal(0))
        shipped = sum(leaves.values(), Decimal(0))
        result = Delivered(
            delivery=shipment["number"],
            order=sale["number"],
            shipped=shipped,
            backordered=owed - shipped,
            state="delivered" if owed == shipped else "confirmed",
        )
        moves = {move["id"]: move for move in _moves(books, shipment)}
        changes = [
            new("stock.move", None, product__code=moves[move]["product."]["code"], quantity=quantity)
            for move, quantity in leaves.items()
            if quantity
        ]
        return Done(
            result, [changed(OUT, shipment["id"], {"state": shipment["state"]}, {"state": "done"}), *changes, dated(books.today)]
        )

    def carry_out(self, books: Books, arguments: DeliverOrder, mark: str) -> None:
        """From wherever it stands."""
        shipment = books.marked(OUT, "reference", mark)
        if shipment is None:
            _, shipment = self._parts(books, arguments)
            self._cut(books, shipment, self._leaves(books, arguments, shipment), mark)
        advance(books, OUT, shipment["id"], NEXT, "done")

    def begun(self, books: Books, arguments: DeliverOrder, mark: str) -> bool:
        """A shipment carries the mark."""
        return books.marked(OUT, "reference", mark) is not None

    def done(self, books: Books, arguments: DeliverOrder, mark: str) -> Done | None:
        """A shipment carries the mark and is done."""
        shipment = books.marked(OUT, "reference", mark, ("state", "number", "outgoing_moves"))
        if shipment is None or shipment["state"] != "done":
            return None
        sale = books.order(arguments.order, ("lines",))
        moves = _moves(books, shipment)
        owed = sum((_left(books, line) for line in order_lines(books, sale)), Decimal(0))
        result = Delivered(
            delivery=shipment["number"],
            order=sale["number"],
            shipped=carried(moves),
            backordered=owed,
            state="confirmed" if owed else "delivered",
        )
        return Done(result, [changed(OUT, shipment["id"], {"state": "waiting"}, {"state": "done"}), *move_changes(moves)])

    @staticmethod
    def _parts(books: Books, arguments: DeliverOrder) -> tuple[Record, Record]:
        sale = books.order(arguments.order, ("lines", "shipments"))
        shipments = books.rpc.read(OUT, sale["shipments"], ["state", "number", "outgoing_moves", "warehouse_storage"])
        waiting = [shipment for shipment in shipments if shipment["state"] in ("draft", "waiting")]
        if sale["state"] != "processing" or not waiting:
            why = "is not confirmed" if sale["state"] in ("draft", "quotation") else "has nothing left to ship"
            raise refusal("order", sale["number"], f"{why}")
        return sale, waiting[0]

    @staticmethod
    def _leaves(books: Books, arguments: DeliverOrder, shipment: Record) -> Mapping[int, Decimal]:
        """How much of each outgoing move goes now."""
        stated = stated_quantities(books, arguments.lines)
        leaves = {}
        for move in _moves(books, shipment):
            planned, code = exact(move["quantity"]), move["product."]["code"]
            here = books.assignable(move["product"], shipment["warehouse_storage"])
            wanted = planned if arguments.lines is None else min(planned, stated.pop(code, Decimal(0)))
            if arguments.lines is not None and wanted > here:
                raise refusal("item", code, f"{here} in stock, {wanted} wanted")
            leaves[move["id"]] = max(Decimal(0), min(wanted, here))
        if stated:
            raise refusal("item", next(iter(stated)), "is not waiting to be shipped")
        return leaves

    @staticmethod
    def _cut(books: Books, shipment: Record, leaves: Mapping[int, Decimal], mark: str) -> None:
        if shipment["state"] == "waiting":
            books.rpc.button(OUT, "draft", shipment["id"])
        planned = {move["id"]: exact(move["quantity"]) for move in _moves(books, shipment)}
        orders = [
            ("write", [move], {"quantity": float(quantity)}) for move, quantity in leaves.items() if 0 < quantity < planned[move]
        ]
        none = [move for move, quantity in leaves.items() if not quantity]
        books.rpc.write(OUT, shipment["id"], reference=mark, outgoing_moves=[*orders, *([("delete", none)] if none else [])])


class ListOwed(Read):
    """Order lines that have not left."""

    def answer(self, books: Books, arguments: ListBackorders) -> BackordersFound:
        """The oldest first."""
        domain: list[object] = [("sale.state", "in", ["confirmed", "processing"]), ("product", "!=", None)]
        if arguments.customer is not None:
            domain.append(("sale.party", "=", books.party(arguments.customer, "customer")["id"]))
        if arguments.item is not None:
            domain.append(("product", "=", books.product(arguments.item)["id"]))
        fields = ("sale.number", "sale.party.name", "product.name", "quantity", "moves")
        lines = books.rpc.search(LINE, domain, fields, order=[("id", "ASC")])
        owed = [(line, _left(books, line)) for line in lines]
        return BackordersFound(
            backorders=[
                BackorderFound(
                    order=line["sale."]["number"],
                    customer=line["sale."]["party."]["name"],
                    item=line["product."]["name"],
                    qty=left,
                )
                for line, left in owed
                if left > 0
            ][:_MOST]
        )


def stated_quantities(books: Books, lines: Sequence[ItemQuantity] | None) -> dict[str, Decimal]:
    """How much of each item is stated, in the item's own unit."""
    stated: dict[str, Decimal] = {}
    for line in lines or ():
        books.unit(books.product(line.item), line.unit)
        stated[line.item] = stated.get(line.item, Decimal(0)) + line.qty
    return stated


def advance(books: Books, model: str, identity: int, following: Mapping[str, str], end: str) -> None:
    """Press the buttons that lead a shipment from wherever it stands to its end.

    Raises:
        ToolError: Tryton refuses one, or one does not lead on.
    """
    seen = None
    while (state := books.rpc.read(model, [identity], ["state"])[0]["state"]) != end:
        if state == seen or state not in following:
            raise ToolError(f"{model} {identity}: stays {state}; what it needs is not in stock", field="state", value=state)
        books.rpc.button(model, following[state], identity)
        seen = state


def carried(moves: Sequence[Record]) -> Decimal:
    """How much moves carry in all."""
    return sum((exact(move["quantity"]) for move in moves), Decimal(0))


def move_changes(moves: Sequence[Record]) -> list[Change]:
    """What moves with `product.code` and `quantity` change."""
    return [new("stock.move", move["id"], product__code=move["product."]["code"], quantity=move["quantity"]) for move in moves]


def _moves(books: Books, shipment: Record) -> list[Record]:
    return books.rpc.read("stock.move", shipment["outgoing_moves"], ["product", "product.code", "quantity", "state"])


def _left(books: Books, line: Record) -> Decimal:
    return exact(line["quantity"]) - moved(books, line)


DELIVERIES: dict[str, Read | Write] = {"deliver_order": Deliver(), "list_backorders": ListOwed()}
