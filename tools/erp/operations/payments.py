"""Money received, and what it pays for."""

import datetime as dt

from pydantic import Field

from tools.erp.operations.kinds import (
    Amount,
    BankLine,
    Customer,
    Invoice,
    Money,
    Note,
    PastDay,
    Payment,
    PaymentMethod,
    Since,
)
from tools.erp.operations.operation import Arguments, Operation, Result


class RegisterPayment(Arguments):
    """Register money received for an invoice."""

    invoice: Invoice = Field(description="invoice number")
    amount: Amount = Field(description="amount")
    date: PastDay | None = Field(default=None, description="date as said")
    method: PaymentMethod | None = Field(default=None, description="payment method as said")


class PaymentRegistered(Result):
    """The payment; `residual` is still open on the invoice, `unallocated` is left of the payment."""

    payment: str
    invoice: str
    amount: Money
    residual: Money
    unallocated: Money
    currency: str


class RecordAdvance(Arguments):
    """Record money received from a customer on account, for no invoice yet."""

    customer: Customer = Field(description="customer as said")
    amount: Amount = Field(description="amount")
    date: PastDay | None = Field(default=None, description="date as said")
    method: PaymentMethod | None = Field(default=None, description="payment method as said")


class AdvanceRecorded(Result):
    """The payment, nothing of it allocated."""

    payment: str
    customer: str
    unallocated: Money
    currency: str


class ReconcilePayment(Arguments):
    """Match an existing payment with an invoice."""

    payment: Payment = Field(description="payment number")
    invoice: Invoice = Field(description="invoice number")


class Reconciled(Result):
    """What was matched; `state` is the invoice's."""

    payment: str
    invoice: str
    amount: Money
    residual: Money
    unallocated: Money
    state: str


class AllocatePayment(Arguments):
    """Spread one payment over several invoices, in the order stated."""

    payment: Payment = Field(description="payment number")
    invoices: list[Invoice] = Field(min_length=2, max_length=20, description="invoice numbers")


class Allocated(Result):
    """What went where."""

    payment: str
    paid: list[str]
    amount: Money
    unallocated: Money


class ListBankLines(Arguments):
    """List lines of the bank statement that are not matched yet."""

    amount: Amount | None = Field(default=None, description="amount if stated")
    since: Since | None = Field(default=None, description="first day, as said")


class BankLineFound(Result):
    """One line; a line that looks like the payment of an open invoice names it."""

    line: str
    date: dt.date
    amount: Money
    currency: str
    text: Note
    suggested_invoice: str | None


class BankLinesFound(Result):
    """The newest first; at most twenty."""

    lines: list[BankLineFound]


class MatchBankLine(Arguments):
    """Match a line of the bank statement with an invoice: registers the payment."""

    line: BankLine = Field(description="number of the statement line")
    invoice: Invoice = Field(description="invoice number")


PAYMENTS = (
    Operation(
        name="register_payment",
        risk="write",
        arguments=RegisterPayment,
        result=PaymentRegistered,
        says="{payment}: {amount} {currency} on {invoice}; still open {residual}, left over {unallocated}.",
    ),
    Operation(
        name="record_advance",
        risk="write",
        arguments=RecordAdvance,
        result=AdvanceRecorded,
        says="{payment}: {unallocated} {currency} from {customer} on account.",
    ),
    Operation(
        name="reconcile_payment",
        risk="write",
        arguments=ReconcilePayment,
        result=Reconciled,
        says="{amount} of {payment} matched with {invoice}, which is {state}; still open {residual}.",
    ),
    Operation(
        name="allocate_payment",
        risk="write",
        arguments=AllocatePayment,
        result=Allocated,
        says="{amount} of {payment} spread over {paid}; left over {unallocated}.",
    ),
    Operation(
        name="list_bank_lines", risk="read", arguments=ListBankLines, result=BankLinesFound, says="Not matched yet: {lines}."
    ),
    Operation(
        name="match_bank_line",
        risk="write",
        arguments=MatchBankLine,
        result=PaymentRegistered,
        says="{payment}: {amount} {currency} matched with {invoice}; still open {residual}, left over {unallocated}.",
    ),
)
