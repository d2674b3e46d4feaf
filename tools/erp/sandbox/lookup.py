"""What the sandbox knows of its records: the `Book` of `tools/resolve.py`, always up to date."""

from collections.abc import Iterator, Mapping
from datetime import date
from threading import Lock

from sqlmodel import select

from core.types.tool import Vocabulary
from tools.directory import Directory, Match
from tools.erp.operations.words import WORDS
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.documents import KINDS, find_documents, number_pattern, patterns
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.tables.catalogue import Product
from tools.erp.sandbox.tables.company import Warehouse
from tools.erp.sandbox.tables.crm import Lead, Opportunity
from tools.erp.sandbox.tables.parties import Customer, Supplier

_NAMED = ("customer", "supplier", "product", "warehouse", "opportunity", "lead")
_IBAN = r"[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: (?=[A-Z]*\d)[A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)"
_PARTY = {"purchase_id": "supplier", "bill_id": "supplier"}


class Lookup:
    """Names, numbers and words of one company; a record made a second ago is known at once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._directory = Directory()
        self._known: dict[tuple[str, str], str] = {}
        self._stamp: int | None = None
        self._lock = Lock()

    @property
    def today(self) -> date:
        """The company's day."""
        with self._sandbox.books() as books:
            return books.today

    @property
    def directory(self) -> Directory:
        """Every named record, as of now."""
        self._refresh()
        return self._directory

    @property
    def vocabulary(self) -> dict[str, Vocabulary]:
        """Names, number patterns and words by kind, as of now."""
        self._refresh()
        found = {
            kind: Vocabulary(names=tuple(word for entry in words.items() for word in (entry[0], *entry[1])))
            for kind, words in WORDS.items()
        }
        with self._sandbox.books() as books:
            for kind in _NAMED:
                names = sorted({name for (known, _), name in self._known.items() if known == kind})
                found[kind] = Vocabulary(names=tuple(names), patterns=(key_pattern(kind, books),), partial=True)
            for kind, expressions in patterns(books).items():
                found[kind] = Vocabulary(patterns=expressions, bare=True)
        found["iban"] = Vocabulary(patterns=(_IBAN,))
        return found

    def match(self, kind: str, said: str, near: Mapping[str, str]) -> list[Match] | None:
        """See `tools.resolve.Book`."""
        if kind in KINDS:
            with self._sandbox.books() as books:
                return find_documents(books, kind, said, near.get(_PARTY.get(kind, "customer")))
        if kind not in _NAMED:
            return None
        key = said.strip().upper()
        with self._lock:
            self._refresh_locked()
            if (kind, key) in self._known:
                return [Match(key, self._known[kind, key], 0.0)]
            return self._directory.match(kind, said)

    def words(self, kind: str) -> Mapping[str, tuple[str, ...]] | None:
        """See `tools.resolve.Book`."""
        return WORDS.get(kind)

    def _refresh(self) -> None:
        with self._lock:
            self._refresh_locked()

    def _refresh_locked(self) -> None:
        stamp = self._sandbox.stamp()
        if stamp == self._stamp:
            return
        with self._sandbox.books() as books:
            now = {(kind, key): name for kind, key, name in _records(books)}
        for place in self._known.keys() - now.keys():
            self._directory.remove(*place)
        for place, name in now.items():
            if self._known.get(place) != name:
                self._directory.add(*place, name)
        self._known, self._stamp = now, stamp


def key_pattern(kind: str, books: Books) -> str:
    """The keys of a kind of named records, as people write them."""
    return {"product": r"P\d{4}", "warehouse": r"WH-\d+"}.get(kind) or number_pattern(books, kind)


def _records(books: Books) -> Iterator[tuple[str, str, str]]:
    for customer in books.session.exec(select(Customer)).all():
        yield "customer", customer.number, customer.name
    for supplier in books.session.exec(select(Supplier)).all():
        yield "supplier", supplier.number, supplier.name
    for product in books.session.exec(select(Product)).all():
        yield "product", product.sku, product.name
    for warehouse in books.session.exec(select(Warehouse)).all():
        yield "warehouse", warehouse.code, warehouse.name
    for opportunity in books.session.exec(select(Opportunity)).all():
        yield "opportunity", opportunity.number, opportunity.title
    for lead in books.session.exec(select(Lead)).all():
        yield "lead", lead.number, lead.name
