"""Invoices and credit notes."""

from datetime import date

from pydantic import ConfigDict, Field, model_validator

from tools.erp.operations.kinds import Amount, Customer, Invoice, Money, Order, Since, Text
from tools.erp.operations.operation import Arguments, Operation, Result
from tools.erp.operations.sales import SalesLine


class DraftInvoice(Arguments):
    """Draft an invoice from an order, or for a customer with lines."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["order"]}, {"required": ["customer", "lines"]}]})

    order: Order | None = Field(default=None, description="order number")
    customer: Customer | None = Field(default=None, description="customer as said")
    lines: list[SalesLine] | None = Field(default=None, min_length=1, max_length=50, description="lines")

    @model_validator(mode="after")
    def _has_a_source(self) -> "DraftInvoice":
        if self.order is None and (self.customer is None or self.lines is None):
            raise ValueError("an invoice needs an order, or a customer and lines")
        return self


class InvoiceState(Result):
    """An invoice as it now stands."""

    invoice: str
    customer: str
    order: str | None
    state: str
    total: Money
    open: Money
    currency: str
    due: date | None


class PostInvoice(Arguments):
    """Post (validate) a draft invoice."""

    invoice: Invoice = Field(description="invoice number")


class SendInvoice(Arguments):
    """Send a posted invoice to the customer by e-mail."""

    invoice: Invoice = Field(description="invoice number")
    email: Text | None = Field(default=None, description="another e-mail address, if stated")


class InvoiceSent(Result):
    """Where it went."""

    invoice: str
    customer: str
    sent: bool


class CreditInvoice(Arguments):
    """Credit a posted invoice, whole or in part."""

    invoice: Invoice = Field(description="invoice number")
    amount: Amount | None = Field(default=None, description="amount if only a part, tax included")
    reason: Text | None = Field(default=None, description="reason as said")


class Credited(Result):
    """The credit note, and what is still open on the invoice."""

    credit_note: str
    invoice: str
    amount: Money
    open: Money
    currency: str


class FindInvoice(Arguments):
    """Show an invoice, or the invoices of a customer, since a date if stated."""

    invoice: Invoice | None = Field(default=None, description="invoice number")
    customer: Customer | None = Field(default=None, description="customer as said")
    since: Since | None = Field(default=None, description="first day, as said")


class InvoicesFound(Result):
    """The newest first; at most ten."""

    invoices: list[InvoiceState]


INVOICING = (
    Operation(
        name="draft_invoice",
        risk="write",
        arguments=DraftInvoice,
        result=InvoiceState,
        says="Draft {invoice} for {customer}: {total} {currency}.",
    ),
    Operation(
        name="post_invoice",
        risk="write",
        arguments=PostInvoice,
        result=InvoiceState,
        says="{invoice} is {state}: {total} {currency}, due {due}.",
    ),
    Operation(
        name="send_invoice", risk="write", arguments=SendInvoice, result=InvoiceSent, says="{invoice} was sent to {customer}."
    ),
    Operation(
        name="credit_invoice",
        risk="write",
        arguments=CreditInvoice,
        result=Credited,
        says="{credit_note}: {amount} {currency} credited on {invoice}, {open} still open.",
    ),
    Operation(name="find_invoice", risk="read", arguments=FindInvoice, result=InvoicesFound, says="Invoices: {invoices}."),
)
