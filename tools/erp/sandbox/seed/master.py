"""Master data of the seed company: who buys, who delivers, what is sold, where it lies."""

import json
import random
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from tools.erp.sandbox.books import ACCOUNTS
from tools.erp.sandbox.tables.books import Account
from tools.erp.sandbox.tables.catalogue import ListPrice, Pack, Product, Substitute
from tools.erp.sandbox.tables.company import Company, Sequence, Warehouse
from tools.erp.sandbox.tables.parties import Customer, Discount, Supplier
from tools.erp.sandbox.tables.record import Record, rounded

MASTER = Path(__file__).with_name("master.json")
"""Names, cities, products, warehouses."""
_SEQUENCES = (
    ("customer", "C", 4),
    ("supplier", "V", 3),
    ("lead", "LEAD-", 3),
    ("opportunity", "OPP-", 4),
    ("activity", "ACT-", 4),
    ("order", "SO-", 5),
    ("delivery", "OUT-", 5),
    ("return", "RET-", 4),
    ("transfer", "TR-", 4),
    ("count", "CNT-", 4),
    ("write_off", "ADJ-", 4),
    ("invoice", "INV-", 5),
    ("credit", "CN-", 4),
    ("payment", "PAY-", 5),
    ("bank_line", "BL-", 5),
    ("purchase", "PO-", 5),
    ("receipt", "IN-", 5),
    ("bill", "BILL-", 4),
    ("ticket", "TCK-", 4),
)
_CURRENCIES = (("EUR", 0.8), ("GBP", 0.12), ("USD", 0.08))
_LISTS = (("standard", 0.6), ("trade", 0.3), ("wholesale", 0.1))
_LISTED = {"trade": (Decimal("0.95"), Decimal("0.90")), "wholesale": (Decimal("0.90"), Decimal("0.82"))}
"""Share of the list price, for one and from twenty."""
_MANY = Decimal(20)
_COST_SHARE = Decimal("0.6")
_TAX = Decimal(20)
_LIMITS = (2_000, 5_000, 10_000, 25_000, 60_000)
_LOOSE = ("m", "kg", "litre")


@cache
def master() -> dict[str, Any]:
    """What `MASTER` says: names, cities, products with price, unit and packs, and what is reserved for golden cases."""
    document: dict[str, Any] = json.loads(MASTER.read_text(encoding="utf-8"))
    return document


def add_master(session: Session, rng: random.Random, today: date) -> None:
    """Put all of it into an empty company whose day is `today`."""
    session.add(Company(name="Nightingale Supplies", currency="EUR", today=today))
    session.add_all(Sequence(name=name, prefix=prefix, next_number=1, width=width) for name, prefix, width in _SEQUENCES)
    session.add_all(Account(code=code, name=name) for code, name in ACCOUNTS.items())
    session.add_all(Warehouse(**entry) for entry in master()["warehouses"])
    session.flush()
    for row in (*_suppliers(session, rng), *_customers(session, rng)):
        session.add(row)
    session.flush()
    products = list(_products(rng))
    session.add_all(products)
    session.flush()
    for rows in (_packs(), _list_prices(products), _substitutes(products), _discounts(session, rng)):
        session.add_all(rows)


def _number(session: Session, sequence: str) -> str:
    row = session.get_one(Sequence, sequence)
    row.next_number += 1
    return f"{row.prefix}{row.next_number - 1:0{row.width}d}"


def _customers(session: Session, rng: random.Random) -> Iterator[Record]:
    for name in master()["customers"]:
        yield Customer(
            number=_number(session, "customer"),
            name=name,
            city=rng.choice(master()["cities"]),
            email=f"accounts@{_slug(name)}.example",
            phone=f"+{rng.randint(30, 49)} {rng.randint(20, 99)} {rng.randint(100000, 999999)}",
            currency=_weighted(rng, _CURRENCIES),
            price_list=_weighted(rng, _LISTS),
            payment_days=rng.choice((14, 30, 30, 45)),
            credit_limit=Decimal(rng.choice(_LIMITS)),
        )


def _suppliers(session: Session, rng: random.Random) -> Iterator[Record]:
    for name in master()["suppliers"]:
        yield Supplier(
            number=_number(session, "supplier"),
            name=name,
            city=rng.choice(master()["cities"]),
            email=f"sales@{_slug(name)}.example",
            payment_days=rng.choice((14, 30)),
            iban=_iban(rng),
        )


def _products(rng: random.Random) -> Iterator[Product]:
    suppliers = len(master()["suppliers"])
    for index, entry in enumerate(master()["products"], 1):
        price = Decimal(str(entry["price"]))
        yield Product(
            sku=f"P{index:04d}",
            name=entry["name"],
            unit=entry["unit"],
            whole=entry["unit"] not in _LOOSE,
            cost=max(Decimal("0.01"), rounded(price * _COST_SHARE)),
            price=price,
            tax_percent=_TAX,
            supplier=f"V{rng.randint(1, suppliers):03d}",
        )


def _packs() -> Iterator[Record]:
    for index, entry in enumerate(master()["products"], 1):
        for unit, holds in entry["packs"].items():
            yield Pack(sku=f"P{index:04d}", unit=unit, holds=Decimal(holds))


def _list_prices(products: list[Product]) -> Iterator[Record]:
    for product in products:
        for price_list, (one, many) in _LISTED.items():
            for least, share in ((Decimal(1), one), (_MANY, many)):
                price = max(Decimal("0.01"), rounded(product.price * share))
                yield ListPrice(price_list=price_list, sku=product.sku, min_quantity=least, price=price)


def _substitutes(products: list[Product]) -> list[Record]:
    """Products that share their last word of a name stand in for each other, when their prices are near."""
    heads = {product.sku: re.sub(r"[^a-z ]", "", product.name.casefold()).split()[-1:] for product in products}
    return [
        Substitute(sku=one.sku, instead=other.sku)
        for one in products
        for other in products
        if one.sku != other.sku and heads[one.sku] == heads[other.sku] and one.price / 2 <= other.price <= one.price * 2
    ]


def _discounts(session: Session, rng: random.Random) -> Iterator[Record]:
    """A few customers have one of their own, on everything."""
    numbers = session.exec(select(Customer.number).order_by(Customer.number)).all()
    for number in rng.sample(list(numbers), 25):
        yield Discount(customer=number, percent=Decimal(rng.choice((2, 3, 5, 8))))


def _weighted(rng: random.Random, choices: tuple[tuple[str, float], ...]) -> str:
    return rng.choices([name for name, _ in choices], [weight for _, weight in choices])[0]


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "firm"


def _iban(rng: random.Random) -> str:
    """A German account number with right check digits (ISO 13616)."""
    account = "".join(str(rng.randint(0, 9)) for _ in range(18))
    check = 98 - int(account + "131400") % 97  # DE00 behind the account, letters as numbers
    return f"DE{check:02d}{account}"
