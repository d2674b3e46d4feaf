"""Money received from customers."""

from datetime import date
from decimal import Decimal
from typing import Any

from tools.erp.operations.payments import (
    AdvanceRecorded,
    PaymentRegistered,
    Reconciled,
    ReconcilePayment,
    RecordAdvance,
    RegisterPayment,
)
from tools.erp.tryton.areas.invoicing import INVOICE
from tools.erp.tryton.books import Books, refusal
from tools.erp.tryton.rpc import Record
from tools.erp.tryton.work import Done, Read, Write, changed, dated, new

MOVE, LINE = "account.move", "account.move.line"
_METHOD = "bank transfer"


class Register(Write):
    """Tryton's pay wizard, in one call: the move, which carries the mark, and its match with the invoice."""

    def plan(self, books: Books, arguments: RegisterPayment) -> Done:
        """On an open invoice; what is too much stays on the customer's account."""
        invoice = _open_invoice(books, arguments.invoice)
        _method(books, arguments.method)
        open_, paid = invoice["amount_to_pay"], arguments.amount
        result = self._result(books, invoice, "(new)", paid, max(open_ - paid, Decimal(0)), max(paid - open_, Decimal(0)))
        after = {"amount_to_pay": max(open_ - paid, Decimal(0))}
        day = arguments.date or books.today
        return Done(result, [changed(INVOICE, invoice["id"], {"amount_to_pay": open_}, after), dated(day)])

    def carry_out(self, books: Books, arguments: RegisterPayment, mark: str) -> None:
        """Unless a move carries the mark."""
        if books.marked(MOVE, "description", mark) is not None:
            return
        invoice = _open_invoice(books, arguments.invoice)
        account = books.rpc.read(INVOICE, [invoice["id"]], ["account", "currency"])[0]
        start = {
            "payee": invoice["party"],
            "payees": [invoice["party"]],
            "amount": arguments.amount,
            "currency": account["currency"],
            "company": books.company,
            "date": arguments.date or books.today,
            "payment_method": _method(books, arguments.method),
            "description": mark,
            "invoice_account": account["account"],
        }
        kind = "overpayment" if arguments.amount > invoice["amount_to_pay"] else "partial"
        whole = arguments.amount == invoice["amount_to_pay"]
        forms = {"start": start} if whole else {"start": start, "ask": self._ask(books, invoice, kind, account["currency"])}
        books.rpc.wizard("account.invoice.pay", "choice" if whole else "pay", forms, **_active(INVOICE, invoice["id"]))

    def done(self, books: Books, arguments: RegisterPayment, mark: str) -> Done | None:
        """A move carries the mark."""
        move = books.marked(MOVE, "description", mark, ("number",))
        if move is None:
            return None
        invoice = books.invoice(arguments.invoice)
        lines = books.rpc.search(
            LINE, [("move", "=", move["id"]), ("party", "=", invoice["party"])], ["credit", "reconciliation"]
        )
        matched = set(books.rpc.read(INVOICE, [invoice["id"]], ["payment_lines"])[0]["payment_lines"])
        left = sum((line["credit"] for line in lines if line["reconciliation"] is None and line["id"] not in matched), Decimal(0))
        result = self._result(books, invoice, move["number"], arguments.amount, invoice["amount_to_pay"], left)
        return Done(result, [new(MOVE, move["id"], number=move["number"], state="posted")])

    @staticmethod
    def _ask(books: Books, invoice: Record, kind: str, currency: int) -> dict[str, Any]:
        lines = books.rpc.read(INVOICE, [invoice["id"]], ["lines_to_pay"])[0]["lines_to_pay"]
        return {
            "type": kind,
            "amount": invoice["amount_to_pay"],
            "currency": currency,
            "company": books.company,
            "invoice": invoice["id"],
            "lines_to_pay": lines,
            "lines": lines if kind == "overpayment" else [],
        }

    @staticmethod
    def _result(
        books: Books, invoice: Record, number: str, amount: Decimal, residual: Decimal, unallocated: Decimal
    ) -> PaymentRegistered:
        return PaymentRegistered(
            payment=number,
            invoice=invoice["number"],
            amount=amount,
            residual=residual,
            unallocated=unallocated,
            currency=books.currency,
        )


class Advance(Write):
    """A move of its own, in one call; then it is posted."""

    def plan(self, books: Books, arguments: RecordAdvance) -> Done:
        """On the customer's account."""
        party = books.party(arguments.customer, "customer")
        _method(books, arguments.method)
        result = AdvanceRecorded(payment="(new)", customer=party["name"], unallocated=arguments.amount, currency=books.currency)
        return Done(result, [new(MOVE, None, state="posted"), dated(arguments.date or books.today)])

    def carry_out(self, books: Books, arguments: RecordAdvance, mark: str) -> None:
        """Made, unless the mark is there; posted, unless it is."""
        move = books.marked(MOVE, "description", mark)
        if move is None:
            move = {"id": self._make(books, arguments, mark), "state": "draft"}
        if move["state"] == "draft":
            books.rpc.button(MOVE, "post", move["id"])

    def begun(self, books: Books, arguments: RecordAdvance, mark: str) -> bool:
        """It is there, and only a draft."""
        return books.marked(MOVE, "description", mark) is not None

    def done(self, books: Books, arguments: RecordAdvance, mark: str) -> Done | None:
        """It is there, and posted."""
        move = books.marked(MOVE, "description", mark, ("number", "state"))
        if move is None or move["state"] == "draft":
            return None
        party = books.party(arguments.customer, "customer")
        result = AdvanceRecorded(
            payment=move["number"], customer=party["name"], unallocated=arguments.amount, currency=books.currency
        )
        return Done(result, [new(MOVE, move["id"], number=move["number"], state="posted")])

    @staticmethod
    def _make(books: Books, arguments: RecordAdvance, mark: str) -> int:
        party = books.party(arguments.customer, "customer")
        account = books.receivable(party["id"])
        method = books.rpc.read(
            "account.invoice.payment.method", [_method(books, arguments.method)], ["journal", "debit_account"]
        )[0]
        zero = Decimal(0)
        lines = [
            {"account": method["debit_account"], "debit": arguments.amount, "credit": zero},
            {"account": account, "party": party["id"], "debit": zero, "credit": arguments.amount},
        ]
        return books.rpc.create(
            MOVE,
            description=mark,
            journal=method["journal"],
            date=arguments.date or books.today,
            period=_period(books, arguments.date or books.today),
            lines=[("create", lines)],
        )


class Reconcile(Write):
    """The payment's line is put to the invoice; where it settles it, both are reconciled."""

    def plan(self, books: Books, arguments: ReconcilePayment) -> Done:
        """Of a payment that the invoice can take up whole."""
        invoice, payment = _open_invoice(books, arguments.invoice), books.payment(arguments.payment)
        line = payment["line"]
        if line["reconciliation"] is not None or line["id"] in _payment_lines(books, invoice):
            raise refusal("payment", arguments.payment, "is matched already")
        if line["party"] != invoice["party"]:
            raise refusal("payment", arguments.payment, "is another customer's")
        if line["credit"] > invoice["amount_to_pay"]:
            raise refusal(
                "payment", arguments.payment, f"is more than is open on {arguments.invoice} ({invoice['amount_to_pay']})"
            )
        left = invoice["amount_to_pay"] - line["credit"]
        result = self._result(arguments, line["credit"], left)
        return Done(
            result, [changed(INVOICE, invoice["id"], {"amount_to_pay": invoice["amount_to_pay"]}, {"amount_to_pay": left})]
        )

    def carry_out(self, books: Books, arguments: ReconcilePayment, mark: str) -> None:
        """What is left of it."""
        invoice, line = books.invoice(arguments.invoice), books.payment(arguments.payment)["line"]
        if line["id"] not in _payment_lines(books, invoice):
            books.rpc.write(INVOICE, invoice["id"], payment_lines=[("add", [line["id"]])])
        if not self._open(books, invoice["id"]) and line["reconciliation"] is None:
            seen = books.rpc.read(INVOICE, [invoice["id"]], ["lines_to_pay", "payment_lines"])[0]
            books.rpc.wizard(
                "account.move.reconcile_lines",
                "reconcile",
                {"writeoff": {}},
                **_active(LINE, *seen["lines_to_pay"], *seen["payment_lines"]),
            )

    def begun(self, books: Books, arguments: ReconcilePayment, mark: str) -> bool:
        """The line is put to the invoice."""
        return books.payment(arguments.payment)["line"]["id"] in _payment_lines(books, books.invoice(arguments.invoice))

    def done(self, books: Books, arguments: ReconcilePayment, mark: str) -> Done | None:
        """By the invoice's payment lines, and its state where it is settled."""
        invoice, line = books.invoice(arguments.invoice), books.payment(arguments.payment)["line"]
        if line["id"] not in _payment_lines(books, invoice):
            return None
        if not invoice["amount_to_pay"] and line["reconciliation"] is None:
            return None
        after = {"amount_to_pay": invoice["amount_to_pay"]}
        result = self._result(arguments, line["credit"], invoice["amount_to_pay"])
        return Done(
            result, [changed(INVOICE, invoice["id"], {"amount_to_pay": invoice["amount_to_pay"] + line["credit"]}, after)]
        )

    @staticmethod
    def _open(books: Books, invoice: int) -> Decimal:
        amount: Decimal = books.rpc.read(INVOICE, [invoice], ["amount_to_pay"])[0]["amount_to_pay"]
        return amount

    @staticmethod
    def _result(arguments: ReconcilePayment, amount: Decimal, residual: Decimal) -> Reconciled:
        return Reconciled(
            payment=arguments.payment,
            invoice=arguments.invoice,
            amount=amount,
            residual=residual,
            unallocated=Decimal(0),
            state="posted" if residual else "paid",
        )


def _open_invoice(books: Books, number: str) -> Record:
    invoice = books.invoice(number)
    if invoice["state"] != "posted":
        why = "is paid already" if invoice["state"] == "paid" else f"is {invoice['state']}"
        raise refusal("invoice", number, f"{why}")
    return invoice


def _payment_lines(books: Books, invoice: Record) -> list[int]:
    lines: list[int] = books.rpc.read(INVOICE, [invoice["id"]], ["payment_lines"])[0]["payment_lines"]
    return lines


def _method(books: Books, name: str | None) -> int:
    known = {method["name"]: method["id"] for method in books.rpc.search("account.invoice.payment.method", [], ["name"])}
    if name is not None and name not in known:
        raise refusal("method", name, f"Tryton knows {', '.join(sorted(known))}")
    return int(known[name or _METHOD])


def _period(books: Books, day: date) -> int:
    found = books.rpc.search(
        "account.period", [("start_date", "<=", day), ("end_date", ">=", day), ("state", "=", "open")], [], 1
    )
    if not found:
        raise refusal("date", str(day), "lies in no open period")
    return int(found[0]["id"])


def _active(model: str, *identities: int) -> dict[str, Any]:
    """The context a wizard is started with: on which records."""
    return {"active_model": model, "active_id": identities[0], "active_ids": list(identities)}


PAYMENTS: dict[str, Read | Write] = {
    "register_payment": Register(),
    "record_advance": Advance(),
    "reconcile_payment": Reconcile(),
}
