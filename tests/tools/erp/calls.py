"""Random calls of any operation: mostly records that exist, sometimes nonsense."""

import random
from datetime import timedelta
from typing import Any

from sqlmodel import SQLModel, col, select

from tools.erp.operations.operation import Operation
from tools.erp.operations.words import ACTIVITY_TYPES, PRIORITIES, REPORTS, STAGES
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.settlement import open_invoices, unallocated
from tools.erp.sandbox.tables.catalogue import Pack, Product
from tools.erp.sandbox.tables.company import Warehouse
from tools.erp.sandbox.tables.crm import Activity, Lead, Opportunity
from tools.erp.sandbox.tables.invoicing import Invoice
from tools.erp.sandbox.tables.parties import Customer, Supplier
from tools.erp.sandbox.tables.payments import BankLine, Payment
from tools.erp.sandbox.tables.purchasing import Bill, Purchase
from tools.erp.sandbox.tables.sales import Order, OrderLine
from tools.erp.sandbox.tables.service import Ticket

_RECORDS: dict[str, type[SQLModel]] = {
    "customer": Customer, "supplier": Supplier, "product": Product, "warehouse": Warehouse, "lead": Lead,
    "opportunity": Opportunity, "activity_id": Activity, "order_id": Order, "invoice_id": Invoice, "payment_id": Payment,
    "bank_line_id": BankLine, "purchase_id": Purchase, "bill_id": Bill, "ticket_id": Ticket,
}  # fmt: skip
_WORDS = {"stage": tuple(STAGES), "priority": tuple(PRIORITIES), "activity_type": tuple(ACTIVITY_TYPES), "report": tuple(REPORTS), "tone": ("firm", "kind"),
          "payment_method": ("card", "cash"), "iban": ("DE89370400440532013000", "DE89370400440532013001")}  # fmt: skip
_FITTING: dict[tuple[str, str], Any] = {
    ("confirm_order", "order_id"): Order.state == "quote",
    ("deliver_order", "order_id"): Order.state == "confirmed",
    ("change_order", "order_id"): col(Order.state).in_(("quote", "confirmed")),
    ("draft_invoice", "order_id"): col(Order.state).in_(("confirmed", "delivered")),
    ("return_goods", "order_id"): Order.state == "delivered",
    ("post_invoice", "invoice_id"): Invoice.state == "draft",
    ("match_bank_line", "bank_line_id"): col(BankLine.payment).is_(None),
    ("match_bill", "bill_id"): Bill.state == "recorded",
    ("pay_bill", "bill_id"): Bill.state == "approved",
    ("receive_goods", "purchase_id"): Purchase.state == "ordered",
}
"""What an operation can do something with; drawn more often than not."""
_ON_OPEN = ("register_payment", "reconcile_payment", "allocate_payment", "match_bank_line", "send_reminder")
_JUNK = ("", "nobody", "'; DROP TABLE customer; --", "🦄", "x" * 70, -1, 1e12, None, "C0001")


class RandomCalls:
    """Draws calls against what a company holds right now; few customers and products, so that calls meet each other."""

    def __init__(self, sandbox: Sandbox, rng: random.Random) -> None:
        self._sandbox, self._rng = sandbox, rng

    def arguments(self, operation: Operation) -> dict[str, Any]:
        """Arguments for one call."""
        with self._sandbox.books() as books:
            self._books, self._operation = books, operation.name
            return self._object(operation.function["parameters"])

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        required = list(schema.get("required", ()))
        if branches := schema.get("anyOf"):
            required += self._rng.choice(branches)["required"]
        drawn = {}
        for name, inner in schema["properties"].items():
            if name in required or self._rng.random() < 0.3:
                drawn[name] = self._value(inner)
        if schema.get("anyOf") and "order" in drawn:
            drawn = {"order": drawn["order"]}
        return drawn

    def _value(self, schema: dict[str, Any]) -> Any:
        rng = self._rng
        if rng.random() < 0.02:
            return rng.choice(_JUNK)
        if schema.get("type") == "object":
            return self._object(schema)
        if schema.get("type") == "array":
            return [self._value(schema["items"]) for _ in range(max(schema.get("minItems", 1), rng.choice((1, 1, 2, 3))))]
        kind = schema["x-kind"]
        if kind in _RECORDS:
            return self._record(kind)
        if kind in _WORDS:
            return rng.choice(_WORDS[kind])
        if kind == "unit":
            return rng.choice(self._books.session.exec(select(Pack.unit).distinct()).all() or ["piece"])
        if kind == "date":
            return (self._books.today + timedelta(days=rng.choice((0, 0, -3, -200, 7, 30)))).isoformat()
        if kind == "money":
            return rng.choice((1, 5, 99.5, 120, 1000, 25000, 0.01, 0, 3.333))
        if kind in ("quantity", "percent", "days"):
            return rng.choice((1, 2, 3, 5, 10, 40, 0, 0.5))
        return rng.choice(("broken handle", "Harlow", "late", "a new firm " + str(rng.random())))

    def _record(self, kind: str) -> str:
        model = _RECORDS[kind]
        key = next(iter(model.__table__.primary_key.columns)).name  # type: ignore[attr-defined]
        if model is Invoice and self._operation in _ON_OPEN and self._rng.random() < 0.7:
            rows = self._open_invoices()
        else:
            query = select(getattr(model, key)).order_by(getattr(model, key).desc())
            fitting = _FITTING.get((self._operation, kind))
            rows = list(self._books.session.exec(query if fitting is None or self._rng.random() < 0.3 else query.where(fitting)))
        if model is Product and self._rng.random() < 0.5:
            rows = list(self._books.session.exec(select(OrderLine.sku)).all()[-6:]) or rows
        few = 5 if model in (Customer, Product, Supplier, Warehouse) else 15
        return self._rng.choice(rows[:few]) if rows else "none"

    def _open_invoices(self) -> list[str]:
        """Those of customers with money on account first."""
        waiting = [invoice for invoice, _ in open_invoices(self._books)]
        payments = self._books.session.exec(select(Payment)).all()
        rich = {payment.customer for payment in payments if unallocated(self._books, payment)}
        return [i.number for i in waiting if i.customer in rich] if "payment" in self._operation else [i.number for i in waiting]
