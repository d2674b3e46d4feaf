"""Customers' invoices."""

from decimal import Decimal
from typing import Any

from core.errors import ToolError
from tools.erp.operations.invoicing import (
    Credited,
    CreditInvoice,
    DraftInvoice,
    FindInvoice,
    InvoicesFound,
    InvoiceState,
    PostInvoice,
)
from tools.erp.tryton.areas.sales import SALE, lines_total, order_lines, sale_lines
from tools.erp.tryton.books import Books, address_of, cents, exact, number_of, refusal
from tools.erp.tryton.rpc import Record
from tools.erp.tryton.work import Done, Read, Write, changed, dated, new

INVOICE = "account.invoice"
_POSTED = ("posted", "paid")
_SEEN = ("number", "state", "party.name", "total_amount", "amount_to_pay", "invoice_date", "sales", "lines_to_pay")
_MOST = 10


class Draft(Write):
    """Of an order by the sale itself, which Tryton does once; else a new invoice with its lines, in one call."""

    def plan(self, books: Books, arguments: DraftInvoice) -> Done:
        """What there is to invoice."""
        if arguments.order is not None:
            sale = self._sale(books, arguments.order)
            lines = [(cents(_to_invoice(line) * line["unit_price"]), line["taxes"]) for line in order_lines(books, sale)]
            total, customer, order = books.with_tax(lines), sale["party."]["name"], sale["number"]
            change = changed(SALE, sale["id"], {"to_invoice": True}, {"to_invoice": False})
        else:
            assert arguments.customer is not None and arguments.lines is not None  # its own validator says so
            party = books.party(arguments.customer, "customer")
            address_of(party, "customer")
            total, customer, order = lines_total(books, sale_lines(books, arguments.lines)), party["name"], None
            change = new(INVOICE, None, party__code=party["code"], state="draft")
        result = _state(books, {"state": "draft", "total_amount": total, "amount_to_pay": Decimal(0)}, "(new)", customer, order)
        return Done(result, [change])

    def carry_out(self, books: Books, arguments: DraftInvoice, mark: str) -> None:
        """Unless it is."""
        if arguments.order is not None:
            sale = books.order(arguments.order, ("to_invoice",))
            if sale["to_invoice"]:
                books.rpc.button(SALE, "manual_invoice", sale["id"])
        elif books.marked(INVOICE, "description", mark) is None:
            self._make(books, arguments, mark)

    def done(self, books: Books, arguments: DraftInvoice, mark: str) -> Done | None:
        """By its mark, or by the order's."""
        if arguments.order is not None:
            sale = books.order(arguments.order, ("to_invoice", "invoices"))
            drafts = books.rpc.search(INVOICE, [("id", "in", sale["invoices"])], _SEEN, 1, [("id", "DESC")])
            if sale["to_invoice"] or not drafts:
                return None
            change = changed(SALE, sale["id"], {"to_invoice": True}, {"to_invoice": False})
            return Done(_shown(books, drafts[0], sale["number"]), [change])
        invoice = books.marked(INVOICE, "description", mark, (*_SEEN, "party.code"))
        if invoice is None:
            return None
        change = new(INVOICE, invoice["id"], party__code=invoice["party."]["code"])
        return Done(_shown(books, invoice), [change])

    def undo(self, books: Books, arguments: DraftInvoice, mark: str) -> bool:
        """A draft of its own is deleted; one of an order is the order's."""
        invoice = books.marked(INVOICE, "description", mark)
        if arguments.order is not None or (invoice is not None and invoice["state"] != "draft"):
            return False
        if invoice is not None:
            books.rpc.call(INVOICE, "delete", [invoice["id"]])
        return True

    @staticmethod
    def _sale(books: Books, number: str) -> Record:
        sale = books.order(number, ("to_invoice", "lines"))
        if sale["state"] not in ("confirmed", "processing", "done"):
            raise refusal("order", number, "is not confirmed")
        if not sale["to_invoice"]:
            raise refusal("order", number, "has nothing left to invoice")
        return sale

    @staticmethod
    def _make(books: Books, arguments: DraftInvoice, mark: str) -> None:
        assert arguments.customer is not None and arguments.lines is not None
        party = books.party(arguments.customer, "customer")
        lines = []
        for row in sale_lines(books, arguments.lines):
            sold = books.rpc.read("product.product", [row["product"]["id"]], ["account_category.account_revenue"])[0]
            lines.append(
                {
                    "type": "line",
                    "product": row["product"]["id"],
                    "quantity": float(row["quantity"]),
                    "unit": row["unit"],
                    "unit_price": row["unit_price"],
                    "account": sold["account_category."]["account_revenue"],
                    "taxes": [("add", list(row["taxes"]))],
                }
            )
        books.rpc.create(
            INVOICE,
            type="out",
            description=mark,
            party=party["id"],
            invoice_address=address_of(party, "customer"),
            account=books.receivable(party["id"]),
            journal=books.rpc.search("account.journal", [("type", "=", "revenue")], [], 1)[0]["id"],
            payment_term=party["customer_payment_term"],
            lines=[("create", lines)],
        )


class Post(Write):
    """One call; the invoice gets its number and the books their move in it."""

    def plan(self, books: Books, arguments: PostInvoice) -> Done:
        """Of a draft."""
        invoice = books.invoice(arguments.invoice, _SEEN)
        if invoice["state"] not in ("draft", "validated"):
            raise refusal("invoice", arguments.invoice, f"is {invoice['state']} already")
        posted = {**invoice, "state": "posted", "amount_to_pay": invoice["total_amount"]}
        return Done(
            _shown(books, posted),
            [changed(INVOICE, invoice["id"], {"state": invoice["state"]}, {"state": "posted"}), dated(books.today)],
        )

    def carry_out(self, books: Books, arguments: PostInvoice, mark: str) -> None:
        """Unless it is."""
        invoice = books.invoice(arguments.invoice)
        if invoice["state"] not in _POSTED:
            books.rpc.button(INVOICE, "post", invoice["id"])

    def done(self, books: Books, arguments: PostInvoice, mark: str) -> Done | None:
        """By its state."""
        invoice = books.invoice(arguments.invoice, _SEEN)
        if invoice["state"] not in _POSTED:
            return None
        after = {"state": invoice["state"], "number": invoice["number"]}
        return Done(_shown(books, invoice), [changed(INVOICE, invoice["id"], {"state": "draft", "number": None}, after)])


class Credit(Write):
    """Whole, with a posted credit note against it, in one call: Tryton's own way of taking an invoice back."""

    def plan(self, books: Books, arguments: CreditInvoice) -> Done:
        """Of a posted invoice nothing was paid of."""
        invoice = books.invoice(arguments.invoice)
        if arguments.amount is not None and arguments.amount != invoice["total_amount"]:
            raise ToolError("credit_invoice: Tryton credits an invoice whole; leave the amount out", "amount", arguments.amount)
        if invoice["state"] != "posted" or invoice["amount_to_pay"] != invoice["total_amount"]:
            why = "was paid, at least in part" if invoice["state"] in _POSTED else f"is {invoice['state']}"
            raise refusal("invoice", arguments.invoice, f"{why}")
        result = self._result(books, invoice, "(new)")
        return Done(result, [changed(INVOICE, invoice["id"], {"state": "posted"}, {"state": "cancelled"}), dated(books.today)])

    def carry_out(self, books: Books, arguments: CreditInvoice, mark: str) -> None:
        """Unless it is."""
        invoice = books.invoice(arguments.invoice)
        if invoice["state"] != "cancelled":
            where = {"active_model": INVOICE, "active_id": invoice["id"], "active_ids": [invoice["id"]]}
            books.rpc.wizard("account.invoice.credit", "credit", {"start": {"with_refund": True, "invoice_date": None}}, **where)

    def done(self, books: Books, arguments: CreditInvoice, mark: str) -> Done | None:
        """By the invoice's state."""
        invoice = books.invoice(arguments.invoice)
        if invoice["state"] != "cancelled":
            return None
        notes = [("type", "=", "out"), ("party", "=", invoice["party"]), ("total_amount", "=", -invoice["total_amount"])]
        note = books.rpc.search(INVOICE, notes, ["number"], 1, [("id", "DESC")])
        result = self._result(books, invoice, note[0]["number"] if note else "")
        return Done(result, [changed(INVOICE, invoice["id"], {"state": "posted"}, {"state": "cancelled"})])

    @staticmethod
    def _result(books: Books, invoice: Record, note: str) -> Credited:
        return Credited(
            credit_note=note, invoice=invoice["number"], amount=invoice["total_amount"], open=Decimal(0), currency=books.currency
        )


class FindInvoices(Read):
    """One, or a customer's."""

    def answer(self, books: Books, arguments: FindInvoice) -> InvoicesFound:
        """The newest first."""
        if arguments.invoice is not None:
            return InvoicesFound(invoices=[_shown(books, books.invoice(arguments.invoice, _SEEN))])
        domain: list[Any] = [("type", "=", "out")]
        if arguments.customer is not None:
            domain.append(("party", "=", books.party(arguments.customer, "customer")["id"]))
        if arguments.since is not None:
            domain.append(("invoice_date", ">=", arguments.since))
        found = books.rpc.search(INVOICE, domain, _SEEN, _MOST, [("id", "DESC")])
        return InvoicesFound(invoices=[_shown(books, invoice) for invoice in found])


def _to_invoice(line: Record) -> Decimal:
    return exact(line["quantity_to_invoice"])


def _shown(books: Books, invoice: Record, order: str | None = None) -> InvoiceState:
    if order is None and invoice.get("sales"):
        order = books.rpc.read(SALE, invoice["sales"][:1], ["number"])[0]["number"]
    return _state(books, invoice, number_of(invoice), invoice["party."]["name"], order)


def _state(books: Books, invoice: Record, number: str, customer: str, order: str | None) -> InvoiceState:
    to_pay = books.rpc.read("account.move.line", invoice.get("lines_to_pay") or [], ["maturity_date"])
    days = [line["maturity_date"] for line in to_pay if line["maturity_date"] is not None]
    return InvoiceState(
        invoice=number,
        customer=customer,
        order=order,
        state=invoice["state"],
        total=invoice["total_amount"],
        open=invoice["amount_to_pay"],
        currency=books.currency,
        due=max(days, default=None),
    )


INVOICING: dict[str, Read | Write] = {
    "draft_invoice": Draft(),
    "post_invoice": Post(),
    "credit_invoice": Credit(),
    "find_invoice": FindInvoices(),
}
