"""The demo company in a fresh Tryton: the sandbox company's parties, products and warehouses, a chart, a year, some stock."""

import calendar
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from tools.erp.sandbox.seed.master import master
from tools.erp.tryton.books import cents
from tools.erp.tryton.rpc import Rpc

COMPANY = "Nightingale Supplies"
_CHUNK = 20
"""Records a call: Tryton writes one SQL condition for all of them, and SQLite nests only so deep."""
_TAX = Decimal("0.20")
_COST_SHARE = Decimal("0.6")
_DAYS = 30
_SEED = 11
_CODES = {
    "cash": "1.1.1", "receivable": "1.2.1", "payable": "2.1.1", "revenue": "4.1.1", "expense": "5.1.1", "taxes": "2.2.3",
}  # fmt: skip
"""Of Tryton's universal chart."""
_BUSINESS = ("account", "purchase", "sale", "stock")
"""Modules with a group of who works in them."""
_NUMBERS = {
    "Sale": "SO-", "Purchase": "PO-", "Customer Shipment": "OUT-", "Supplier Shipment": "IN-", "Internal Shipment": "TR-",
    "Inventory": "CNT-",
}  # fmt: skip
Say = Callable[[int, int], None]


def set_up(rpc: Rpc, today: date, login: str, password: str, say: Say = lambda _, __: None) -> None:
    """Everything, in an empty database, as its administrator.

    Args:
        rpc: The administrator's session.
        today: In the year that is opened, and the two beside it.
        login: Of the user made for the agent, who may do business but not administer.
        password: Of that user.
        say: Told how much is done, of how much.
    """
    steps = [_company, _accounts, _years, _catalogue, _parties, _places, _stock]
    made = _Made(rpc, today)
    for done, step in enumerate(steps):
        say(done, len(steps) + 1)
        step(made)
    say(len(steps), len(steps) + 1)
    _user(made, login, password)
    say(len(steps) + 1, len(steps) + 1)


class _Made:
    """What was made so far: ids by what they are for."""

    def __init__(self, rpc: Rpc, today: date) -> None:
        self.rpc, self.today = rpc, today
        self.ids: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self.ids[name]

    def __setitem__(self, name: str, identity: int) -> None:
        self.ids[name] = identity


def _company(made: _Made) -> None:
    rpc = made.rpc
    currency = rpc.create("currency.currency", name="Euro", code="EUR", symbol="€", digits=2, rounding=Decimal("0.01"))
    rpc.create("currency.currency.rate", currency=currency, rate=Decimal(1), date=date(made.today.year - 5, 1, 1))
    party = rpc.create("party.party", name=COMPANY)
    company = rpc.create("company.company", party=party, currency=currency, timezone="UTC")
    administrator = rpc.search("res.user", [("login", "=", "admin")], [])[0]["id"]
    groups = [group["id"] for group in rpc.search("res.group", [], [])]
    rpc.write("res.user", administrator, companies=[("add", [company])], company=company, groups=[("add", groups)])
    for name, prefix in _NUMBERS.items():
        for sequence in rpc.search("ir.sequence", [("name", "=", name)], []):
            rpc.write("ir.sequence", sequence["id"], prefix=prefix, padding=5)
    made["currency"], made["company"] = currency, company
    rpc.context |= {"company": company}


def _accounts(made: _Made) -> None:
    rpc, company = made.rpc, made["company"]
    template = rpc.search("account.account.template", [("parent", "=", None)], [], 1)[0]["id"]
    rpc.wizard("account.create_chart", "create_account", {"account": {"company": company, "account_template": template}})
    for name, code in _CODES.items():
        made[name] = rpc.search("account.account", [("code", "=", code), ("company", "=", company)], [])[0]["id"]
    defaults = {"default_account_receivable": made["receivable"], "default_account_payable": made["payable"]}
    rpc.write("account.configuration", 1, **defaults)
    made["tax"] = rpc.create(
        "account.tax",
        name="VAT 20 %",
        description="VAT 20 %",
        type="percentage",
        rate=_TAX,
        company=company,
        invoice_account=made["taxes"],
        credit_note_account=made["taxes"],
    )
    journal = rpc.search("account.journal", [("type", "=", "cash")], [], 1)[0]["id"]
    made["cash journal"] = journal
    for name in ("bank transfer", "card", "cash", "direct debit"):
        rpc.create(
            "account.invoice.payment.method",
            name=name,
            company=company,
            journal=journal,
            credit_account=made["cash"],
            debit_account=made["cash"],
        )
    line = {"type": "remainder", "relativedeltas": [("create", [{"days": _DAYS}])]}
    made["term"] = rpc.create("account.invoice.payment_term", name=f"{_DAYS} days", lines=[("create", [line])])


def _years(made: _Made) -> None:
    """Last year, this one, and the next: a fiscal year each, with months and number sequences."""
    sequences = {
        name: _sequence(made, "account_invoice", "sequence_type_account_invoice", name, prefix)
        for name, prefix in (("Invoice", "INV-"), ("Credit Note", "CN-"), ("Bill", "BILL-"), ("Bill Credit Note", "BCN-"))
    }
    for year in (made.today.year - 1, made.today.year, made.today.year + 1):
        moves = _sequence(made, "account", "sequence_type_account_move", f"Moves {year}", f"MV{year % 100}-")
        fiscal = made.rpc.create(
            "account.fiscalyear",
            name=str(year),
            start_date=date(year, 1, 1),
            end_date=date(year, 12, 31),
            company=made["company"],
            move_sequence=moves,
            periods=[("create", list(_months(made, year)))],
            invoice_sequences=[("create", [_numbers(made, sequences)])],
        )
        made[f"year {year}"] = fiscal


def _months(made: _Made, year: int) -> Iterator[dict[str, Any]]:
    for month in range(1, 13):
        last = calendar.monthrange(year, month)[1]
        yield {
            "name": f"{year}-{month:02d}",
            "start_date": date(year, month, 1),
            "end_date": date(year, month, last),
            "type": "standard",
        }


def _numbers(made: _Made, sequences: dict[str, int]) -> dict[str, Any]:
    return {
        "company": made["company"],
        "out_invoice_sequence": sequences["Invoice"],
        "out_credit_note_sequence": sequences["Credit Note"],
        "in_invoice_sequence": sequences["Bill"],
        "in_credit_note_sequence": sequences["Bill Credit Note"],
    }


def _sequence(made: _Made, module: str, name: str, label: str, prefix: str) -> int:
    kind = made.rpc.call("ir.model.data", "get_id", module, name)
    return made.rpc.create(
        "ir.sequence.strict", name=label, sequence_type=kind, company=made["company"], prefix=prefix, padding=5
    )


def _catalogue(made: _Made) -> None:
    """Products, each with its list price, in the unit Tryton has for it."""
    rpc = made.rpc
    units = {record["name"].casefold(): record["id"] for record in rpc.search("product.uom", [], ["name"])}
    category = rpc.create(
        "product.category",
        name="Goods",
        accounting=True,
        account_revenue=made["revenue"],
        account_expense=made["expense"],
        customer_taxes=[("add", [made["tax"]])],
        supplier_taxes=[("add", [made["tax"]])],
    )
    entries = master()["products"]
    for start in range(0, len(entries), _CHUNK):
        rpc.call(
            "product.template",
            "create",
            [_product(entry, start + at, units, category) for at, entry in enumerate(entries[start : start + _CHUNK], 1)],
        )


def _product(entry: dict[str, Any], index: int, units: dict[str, int], category: int) -> dict[str, Any]:
    unit = units.get({"m": "meter", "kg": "kilogram", "litre": "liter"}.get(entry["unit"], entry["unit"]), units["unit"])
    price = Decimal(str(entry["price"]))
    return {
        "name": entry["name"],
        "type": "goods",
        "default_uom": unit,
        "sale_uom": unit,
        "purchase_uom": unit,
        "salable": True,
        "purchasable": True,
        "list_price": price,
        "account_category": category,
        "products": [("create", [{"suffix_code": f"P{index:04d}", "cost_price": cents(price * _COST_SHARE)}])],
    }


def _parties(made: _Made) -> None:
    chance = random.Random(_SEED)
    for prefix, width, kind in (("C", 4, "customers"), ("V", 3, "suppliers")):
        names = master()[kind]
        entries = [_party(made, name, f"{prefix}{at:0{width}d}", kind, chance) for at, name in enumerate(names, 1)]
        for start in range(0, len(entries), _CHUNK):
            made.rpc.call("party.party", "create", entries[start : start + _CHUNK])


def _party(made: _Made, name: str, code: str, kind: str, chance: random.Random) -> dict[str, Any]:
    mailbox = "accounts" if kind == "customers" else "sales"
    term = "customer_payment_term" if kind == "customers" else "supplier_payment_term"
    return {
        "name": name,
        "code": code,
        "addresses": [("create", [{"city": chance.choice(master()["cities"])}])],
        "contact_mechanisms": [("create", [{"type": "email", "value": f"{mailbox}@{_slug(name)}.example"}])],
        term: made["term"],
    }


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "firm"


def _places(made: _Made) -> None:
    """Tryton's own warehouse becomes the first of ours; the others are made like it."""
    rpc = made.rpc
    first = rpc.search("stock.location", [("type", "=", "warehouse")], ["storage_location"], 1)[0]
    lost = rpc.search("stock.location", [("type", "=", "lost_found")], [], 1)[0]["id"]
    for at, entry in enumerate(master()["warehouses"]):
        if at == 0:
            rpc.write("stock.location", first["id"], name=entry["name"], code=entry["code"], lost_found_location=lost)
            made["storage"] = first["storage_location"]
            continue
        places = {
            f"{part}_location": rpc.create("stock.location", name=f"{entry['name']} {part}", type="storage")
            for part in ("input", "output", "storage")
        }
        rpc.create("stock.location", name=entry["name"], code=entry["code"], type="warehouse", lost_found_location=lost, **places)


def _stock(made: _Made) -> None:
    """Some of everything in the first warehouse, by a count."""
    rpc, chance = made.rpc, random.Random(_SEED)
    products = rpc.search("product.product", [], ["code"], order=[("id", "ASC")])
    lines = [{"product": product["id"], "quantity": float(chance.choice((0, 12, 40, 150, 600)))} for product in products]
    inventory = rpc.create(
        "stock.inventory",
        location=made["storage"],
        date=date(made.today.year, 1, 1),
        company=made["company"],
        lines=[("create", lines)],
    )
    rpc.button("stock.inventory", "confirm", inventory)


def _user(made: _Made, login: str, password: str) -> None:
    """Whoever does business: in the groups that do, in none that administers."""
    groups = [made.rpc.call("ir.model.data", "get_id", module, f"group_{module}") for module in _BUSINESS]
    made.rpc.create(
        "res.user",
        name="Nightschool",
        login=login,
        password=password,
        companies=[("add", [made["company"]])],
        company=made["company"],
        groups=[("add", groups)],
    )
