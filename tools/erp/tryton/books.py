"""Reading in Tryton: parties, products, places and documents by the numbers people know them by."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from core.errors import ToolError
from tools.erp.tryton.rpc import Record, Rpc

CENT = Decimal("0.01")
DRAFT = "DRAFT-"
"""Tryton numbers an invoice when it is posted; until then it is called by this and its id."""
_OURS = (("type", "=", "out"),)
"""Of invoices: those to customers; suppliers' are paid by another operation, which takes two people."""
_UNITS = {"kg": "kilogram", "m": "meter", "litre": "liter", "piece": "unit"}
"""Words of the operations as Tryton names its units."""
_TAXES = ("account_category.customer_taxes_used", "account_category.supplier_taxes_used")
_PRODUCT = ("code", "name", "default_uom", "default_uom.name", "list_price_used", "cost_price", *_TAXES)


class Books:
    """One company's records, through one session."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc

    @property
    def today(self) -> date:
        """The server's day."""
        day: date = self.rpc.call("ir.date", "today")
        return day

    @property
    def company(self) -> int:
        """Id of the company that is worked in."""
        return int(self.rpc.context["company"])

    @property
    def currency(self) -> str:
        """Its currency's code."""
        return str(self.rpc.read("company.company", [self.company], ["currency.code"])[0]["currency."]["code"])

    def party(self, code: str, field: str) -> Record:
        """A customer or supplier, with its first address.

        Raises:
            ToolError: There is none of that number.
        """
        return self._one("party.party", "code", code, ["name", "code", "addresses", "customer_payment_term"], field)

    def product(self, code: str, field: str = "item") -> Record:
        """A product, with unit, prices and taxes.

        Raises:
            ToolError: There is none of that number.
        """
        product = self._one("product.product", "code", code, _PRODUCT, field)
        return {**product, **(product["account_category."] or {}), "id": product["id"]}

    def warehouse(self, code: str | None, field: str = "warehouse") -> Record:
        """A warehouse by its code; the first one where none is named.

        Raises:
            ToolError: There is none of that code.
        """
        fields = ["name", "code", "storage_location", "input_location", "output_location"]
        if code is None:
            return self.rpc.search("stock.location", [("type", "=", "warehouse")], fields, 1, [("id", "ASC")])[0]
        return self._one("stock.location", "code", code, fields, field)

    def order(self, number: str, fields: Sequence[str] = ()) -> Record:
        """A sale.

        Raises:
            ToolError: There is none of that number.
        """
        return self._one("sale.sale", "number", number, ["number", "state", "party.name", "party.code", *fields], "order")

    def purchase(self, number: str, fields: Sequence[str] = ()) -> Record:
        """A purchase.

        Raises:
            ToolError: There is none of that number.
        """
        return self._one("purchase.purchase", "number", number, ["number", "state", "party.name", *fields], "purchase")

    def invoice(self, number: str, fields: Sequence[str] = ()) -> Record:
        """A customer's invoice, posted or draft.

        Raises:
            ToolError: There is none of that number.
        """
        wanted = ["number", "state", "party", "party.name", "total_amount", "amount_to_pay", *fields]
        if number.upper().startswith(DRAFT) and (identity := number[len(DRAFT) :]).isdecimal():
            return self._one("account.invoice", "id", int(identity), wanted, "invoice", _OURS)
        return self._one("account.invoice", "number", number, wanted, "invoice", _OURS)

    def payment(self, number: str) -> Record:
        """A payment: the posted move of money received, with its line on the customer's account.

        Raises:
            ToolError: There is none of that number.
        """
        move = self._one("account.move", "number", number, ["number", "date", "lines"], "payment")
        lines = self.rpc.read(
            "account.move.line", move["lines"], ["account", "account.type.receivable", "credit", "party", "reconciliation"]
        )
        owed = [line for line in lines if line["credit"] and line["account."]["type."]["receivable"]]
        if not owed:
            raise refusal("payment", number, "is no money received from a customer")
        return {**move, "line": owed[0]}

    def receivable(self, party: int) -> int:
        """The account a party owes on: its own, or the company's."""
        own = self.rpc.read("party.party", [party], ["account_receivable"])[0]["account_receivable"]
        if own is None:
            own = self.rpc.read("account.configuration", [1], ["default_account_receivable"])[0]["default_account_receivable"]
        return int(own)

    def marked(self, model: str, field: str, mark: str, fields: Sequence[str] = ("state",)) -> Record | None:
        """The record that carries a write's mark."""
        found = self.rpc.search(model, [(field, "=", mark)], fields, 1)
        return found[0] if found else None

    def on_hand(self, product: int, places: Iterable[int]) -> tuple[Decimal, Decimal]:
        """What lies there today, and what of it is not promised to anybody."""
        context = {"locations": list(places), "stock_date_end": self.today}
        here = self.rpc.call("product.product", "read", [product], ["quantity"], **context)[0]
        bound = self.rpc.call("product.product", "read", [product], ["forecast_quantity"], **context)[0]
        return exact(here["quantity"]), exact(bound["forecast_quantity"])

    def assignable(self, product: int, place: int) -> Decimal:
        """What lies in a storage place and is assigned to nothing."""
        context = {"locations": [place], "stock_date_end": self.today, "stock_assign": True}
        return exact(self.rpc.call("product.product", "read", [product], ["quantity"], **context)[0]["quantity"])

    def warehouses(self) -> list[int]:
        """Ids of all of them."""
        return [record["id"] for record in self.rpc.search("stock.location", [("type", "=", "warehouse")], [])]

    def with_tax(self, amounts: Iterable[tuple[Decimal, Sequence[int]]]) -> Decimal:
        """The sum of net amounts and their taxes, as Tryton rounds it: each tax of a document once."""
        rates = self._rates()
        net, bases = Decimal(0), dict[int, Decimal]()
        for amount, taxes in amounts:
            net += amount
            for tax in taxes:
                bases[tax] = bases.get(tax, Decimal(0)) + amount
        return net + sum((cents(base * rates[tax]) for tax, base in bases.items()), Decimal(0))

    def unit(self, product: Record, name: str | None) -> int:
        """The unit of a line: the product's own, in which its price and its stock are.

        Raises:
            ToolError: Another one is named.
        """
        own = product["default_uom."]["name"]
        if name is not None and _UNITS.get(name.casefold(), name.casefold()) != own.casefold():
            raise refusal("unit", name, f"{product['name']} is sold, bought and moved by the {own.lower()} here")
        return int(product["default_uom"])

    def _rates(self) -> dict[int, Decimal]:
        return {tax["id"]: tax["rate"] or Decimal(0) for tax in self.rpc.search("account.tax", [], ["rate"])}

    def _one(self, model: str, key: str, value: Any, fields: Sequence[str], field: str, among: Sequence[Any] = ()) -> Record:
        found = self.rpc.search(model, [(key, "=", value), *among], list(fields), 1)
        if not found:
            raise refusal(field, value, "Tryton has none of that number")
        return found[0]


def cents(amount: Decimal) -> Decimal:
    """Rounded as money is."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def number_of(invoice: Mapping[str, Any]) -> str:
    """What an invoice is called by."""
    return str(invoice["number"] or f"{DRAFT}{invoice['id']}")


def address_of(party: Mapping[str, Any], field: str) -> int:
    """A party's first address.

    Raises:
        ToolError: It has none, and Tryton makes no document without one.
    """
    if not party["addresses"]:
        raise refusal(field, party["code"], "has no address, and Tryton makes no document without one")
    return int(party["addresses"][0])


def refusal(field: str, value: object, why: str) -> ToolError:
    """What is wrong with a value."""
    return ToolError(f"{field} {value!r}: {why}", field=field, value=value)


def exact(quantity: float | None) -> Decimal:
    """Tryton counts in floats, rounded to the unit's digits."""
    return Decimal(str(round(quantity or 0.0, 6))).normalize() + Decimal(0)
