"""What customers owe: overdue invoices, reminders, ages, credit."""

from datetime import date

from pydantic import Field

from tools.erp.operations.kinds import Customer, Days, Invoice, Limit, Money, PastDay, Text, Tone
from tools.erp.operations.operation import Arguments, Operation, Result


class ListOverdue(Arguments):
    """List overdue invoices."""

    customer: Customer | None = Field(default=None, description="customer as said")
    min_days: Days | None = Field(default=None, description="at least this many days late")


class OverdueFound(Result):
    """One overdue invoice."""

    invoice: str
    customer: str
    amount: Money
    currency: str
    days: int


class OverduesFound(Result):
    """The latest first; at most twenty."""

    invoices: list[OverdueFound]


class SendReminder(Arguments):
    """Send a payment reminder for an invoice."""

    invoice: Invoice = Field(description="invoice number")
    tone: Tone | None = Field(default=None, description="tone as said")


class ReminderSent(Result):
    """How often it was reminded of by now."""

    invoice: str
    customer: str
    sent: bool
    reminders: int


class AgeReceivables(Arguments):
    """Show what is owed by age: not due, 1-30, 31-60, 61-90 and over 90 days late."""

    customer: Customer | None = Field(default=None, description="customer as said")
    as_of: PastDay | None = Field(default=None, description="day, as said")


class AgedReceivables(Result):
    """One currency's sums."""

    currency: str
    not_due: Money
    days_1_30: Money
    days_31_60: Money
    days_61_90: Money
    over_90: Money
    total: Money


class ReceivablesAged(Result):
    """One entry a currency."""

    customer: str | None
    as_of: date
    ages: list[AgedReceivables]


class SetCreditLimit(Arguments):
    """Set a customer's credit limit."""

    customer: Customer = Field(description="customer as said")
    amount: Limit = Field(description="limit; 0 allows none")


class CreditState(Result):
    """A customer's credit as it now stands."""

    customer: str
    limit: Money
    used: Money
    on_hold: bool
    currency: str


class HoldCustomer(Arguments):
    """Put a customer on credit hold: no order of theirs is confirmed or shipped."""

    customer: Customer = Field(description="customer as said")
    reason: Text | None = Field(default=None, description="reason as said")


class ReleaseCustomer(Arguments):
    """Take a customer off credit hold."""

    customer: Customer = Field(description="customer as said")


RECEIVABLES = (
    Operation(name="list_overdue", risk="read", arguments=ListOverdue, result=OverduesFound, says="Overdue: {invoices}."),
    Operation(
        name="send_reminder",
        risk="write",
        arguments=SendReminder,
        result=ReminderSent,
        says="Reminder {reminders} for {invoice} was sent to {customer}.",
    ),
    Operation(
        name="age_receivables", risk="read", arguments=AgeReceivables, result=ReceivablesAged, says="Owed on {as_of}: {ages}."
    ),
    Operation(
        name="set_credit_limit",
        risk="write",
        arguments=SetCreditLimit,
        result=CreditState,
        says="Credit limit of {customer}: {limit} {currency}, {used} used.",
    ),
    Operation(
        name="hold_customer",
        risk="write",
        arguments=HoldCustomer,
        result=CreditState,
        says="{customer} is on credit hold; {used} {currency} used of {limit}.",
    ),
    Operation(
        name="release_customer",
        risk="write",
        arguments=ReleaseCustomer,
        result=CreditState,
        says="{customer} is off credit hold; {used} {currency} used of {limit}.",
    ),
)
