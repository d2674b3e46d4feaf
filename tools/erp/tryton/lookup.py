"""What Tryton knows of its records: the `Book` of `tools/resolve.py`. Names come from its parties, products and warehouses."""

from collections.abc import Mapping
from datetime import date
from threading import Lock
from typing import NamedTuple

from core.types.tool import Vocabulary
from tools.directory import Directory, Match
from tools.erp.operations.words import WORDS
from tools.erp.tryton.books import DRAFT, Books


class _Named(NamedTuple):
    model: str
    domain: tuple[object, ...]


_NAMED = {
    "customer": _Named("party.party", (("code", "like", "C%"),)),
    "supplier": _Named("party.party", (("code", "like", "V%"),)),
    "product": _Named("product.product", (("code", "!=", None),)),
    "warehouse": _Named("stock.location", (("type", "=", "warehouse"),)),
}
_NUMBERED = {
    "order_id": ("sale.sale", "SO-"),
    "invoice_id": ("account.invoice", "INV-"),
    "payment_id": ("account.move", "MV"),
    "purchase_id": ("purchase.purchase", "PO-"),
}
_MOST = 8


class Lookup:
    """Names, numbers and words of one Tryton company; a record made a second ago is known at once."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._directory = Directory()
        self._known: dict[tuple[str, str], str] = {}
        self._stamps: dict[str, tuple[object, ...]] = {}
        self._lock = Lock()

    @property
    def today(self) -> date:
        """The server's day."""
        return self._books.today

    @property
    def directory(self) -> Directory:
        """Every named record, as of now."""
        with self._lock:
            self._refresh()
        return self._directory

    @property
    def vocabulary(self) -> dict[str, Vocabulary]:
        """Names, number patterns and words by kind, as of now."""
        with self._lock:
            self._refresh()
        found = {
            kind: Vocabulary(names=tuple(word for entry in words.items() for word in (entry[0], *entry[1])))
            for kind, words in WORDS.items()
        }
        for kind in _NAMED:
            names = sorted({name for (known, _), name in self._known.items() if known == kind})
            found[kind] = Vocabulary(names=tuple(names), partial=True)
        for kind, (_, prefix) in _NUMBERED.items():
            found[kind] = Vocabulary(patterns=(rf"{prefix}[\d-]+",))
        return found

    def match(self, kind: str, said: str, near: Mapping[str, str]) -> list[Match] | None:
        """See `tools.resolve.Book`."""
        if kind in _NUMBERED:
            return self._documents(kind, said)
        if kind not in _NAMED:
            return None
        with self._lock:
            self._refresh(kind)
            key = said.strip().upper()
            if (kind, key) in self._known:
                return [Match(key, self._known[kind, key], 0.0)]
            return self._directory.match(kind, said)

    def words(self, kind: str) -> Mapping[str, tuple[str, ...]] | None:
        """See `tools.resolve.Book`."""
        return WORDS.get(kind)

    def _documents(self, kind: str, said: str) -> list[Match]:
        """By the whole number, or by its digits."""
        model, _ = _NUMBERED[kind]
        number = said.strip().lstrip("#").upper()
        if kind == "invoice_id" and number.startswith(DRAFT):
            return [Match(number, number, 0.0)]
        among = [("type", "=", "out")] if kind == "invoice_id" else []
        found = self._books.rpc.search(model, [("number", "=", number), *among], ["number"], 1)
        if not found and number.isdecimal():
            found = self._books.rpc.search(
                model, [("number", "ilike", f"%-%{number}"), *among], ["number"], _MOST, [("id", "DESC")]
            )
            found = [record for record in found if record["number"].rpartition("-")[2].lstrip("0") == number.lstrip("0")]
        return [Match(record["number"], record["number"], 0.0) for record in found]

    def _refresh(self, *kinds: str) -> None:
        for kind in kinds or _NAMED:
            stamp = self._stamp(_NAMED[kind])
            if self._stamps.get(kind) != stamp:
                self._read(kind)
                self._stamps[kind] = stamp

    def _read(self, kind: str) -> None:
        rows = self._books.rpc.search(_NAMED[kind].model, list(_NAMED[kind].domain), ["code", "name"])
        now = {(kind, row["code"]): row["name"] for row in rows if row["code"]}
        for place in [place for place in self._known if place[0] == kind and place not in now]:
            self._directory.remove(*place)
            del self._known[place]
        for place, name in now.items():
            if self._known.get(place) != name:
                self._directory.add(*place, name)
        self._known |= now

    def _stamp(self, named: _Named) -> tuple[object, ...]:
        """Changes with every record made, renamed or deleted."""
        rpc = self._books.rpc
        newest = rpc.search(named.model, list(named.domain), ["write_date"], 1, [("write_date", "DESC NULLS LAST")])
        last = rpc.search(named.model, list(named.domain), [], 1, [("id", "DESC")])
        count = rpc.call(named.model, "search_count", list(named.domain))
        return (count, *(record["id"] for record in last), *(record["write_date"] for record in newest))
