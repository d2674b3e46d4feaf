"""Customers and suppliers."""

from hashlib import sha256
from typing import Any

from core.errors import ToolError
from tools.erp.operations.crm import CreateCustomer, CustomerCreated, CustomerFound, CustomersFound, FindCustomer
from tools.erp.operations.purchasing import FindSupplier, SupplierFound, SuppliersFound
from tools.erp.tryton.books import Books, refusal
from tools.erp.tryton.rpc import Record
from tools.erp.tryton.work import Done, Read, Write, new

_MOST = 10
_FIELDS = ("name", "code", "email", "addresses")
_CUSTOMERS, _SUPPLIERS = "C%", "V%"
"""How the numbers of each begin: Tryton itself tells no customer from a supplier."""


class FindCustomers(Read):
    """By name, e-mail or phone."""

    def answer(self, books: Books, arguments: FindCustomer) -> CustomersFound:
        """The nearest first."""
        found = _matching(books, arguments.query, _CUSTOMERS)
        cities = _cities(books, found)
        return CustomersFound(
            matches=[
                CustomerFound(
                    customer=party["name"],
                    number=party["code"],
                    city=cities.get(party["id"], ""),
                    email=party["email"] or "",
                    on_hold=False,
                )
                for party in found
            ]
        )


class FindSuppliers(Read):
    """By name or e-mail."""

    def answer(self, books: Books, arguments: FindSupplier) -> SuppliersFound:
        """The nearest first."""
        if arguments.query is None:
            raise ToolError("find_supplier: Tryton's demo company keeps no suppliers by item; name one", field="query")
        found = _matching(books, arguments.query, _SUPPLIERS)
        cities = _cities(books, found)
        return SuppliersFound(
            suppliers=[
                SupplierFound(
                    supplier=party["name"], number=party["code"], city=cities.get(party["id"], ""), email=party["email"] or ""
                )
                for party in found
            ]
        )


class OpenCustomer(Write):
    """A party. Its number comes of the write's mark, and Tryton lets no two parties have the same: there cannot be two."""

    def plan(self, books: Books, arguments: CreateCustomer) -> Done:
        """A party of that name must not be there yet."""
        if books.rpc.search("party.party", [("name", "=", arguments.name)], [], 1):
            raise refusal("name", arguments.name, "there is such a party")
        return Done(CustomerCreated(customer=arguments.name, number="(new)"), [new("party.party", None, name=arguments.name)])

    def carry_out(self, books: Books, arguments: CreateCustomer, mark: str) -> None:
        """One call."""
        address = {"city": arguments.city} if arguments.city is not None else {}
        values: dict[str, Any] = {"name": arguments.name, "code": _code(mark), "addresses": [("create", [address])]}
        if arguments.email is not None:
            values["contact_mechanisms"] = [("create", [{"type": "email", "value": arguments.email}])]
        books.rpc.create("party.party", **values)

    def done(self, books: Books, arguments: CreateCustomer, mark: str) -> Done | None:
        """A party has the number."""
        party = books.marked("party.party", "code", _code(mark), ("name", "code"))
        if party is None:
            return None
        result = CustomerCreated(customer=party["name"], number=party["code"])
        return Done(result, [new("party.party", party["id"], name=party["name"], code=party["code"])])

    def undo(self, books: Books, arguments: CreateCustomer, mark: str) -> bool:
        """Deleted; Tryton refuses where something rests on it."""
        party = books.marked("party.party", "code", _code(mark), ("code",))
        if party is not None:
            books.rpc.call("party.party", "delete", [party["id"]])
        return True


def _code(mark: str) -> str:
    """A customer number that only this write gives: `C` and ten digits."""
    return f"C{int(sha256(mark.encode()).hexdigest(), 16) % 10**10:010d}"


def _matching(books: Books, query: str, numbers: str) -> list[Record]:
    like = f"%{query}%"
    domain = [
        ("code", "like", numbers),
        ["OR", ("name", "ilike", like), ("contact_mechanisms.value", "ilike", like), ("code", "=", query)],
    ]
    return books.rpc.search("party.party", domain, _FIELDS, _MOST, [("name", "ASC")])


def _cities(books: Books, parties: list[Record]) -> dict[int, str]:
    first = {party["id"]: party["addresses"][0] for party in parties if party["addresses"]}
    cities = {address["id"]: address["city"] for address in books.rpc.read("party.address", list(first.values()), ["city"])}
    return {party: cities.get(address) or "" for party, address in first.items()}


PARTIES: dict[str, Read | Write] = {
    "find_customer": FindCustomers(),
    "create_customer": OpenCustomer(),
    "find_supplier": FindSuppliers(),
}
