"""Credit: what a customer owes and has ordered, against what they may."""

from decimal import Decimal

from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.settlement import open_invoices
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.record import ZERO, rounded
from tools.erp.sandbox.tables.sales import Order, OrderLine


def used_credit(books: Books, customer: Customer) -> Decimal:
    """Open on posted invoices, and ordered but not invoiced, in the customer's currency."""
    owed = sum((amount for _, amount in open_invoices(books, customer.number)), ZERO)
    query = (
        select(OrderLine).join(Order).where(Order.customer == customer.number, col(Order.state).in_(("confirmed", "delivered")))
    )
    for line in books.session.exec(query).all():
        net = rounded(max(ZERO, line.quantity - line.returned - line.invoiced) * line.price)
        owed += net + rounded(net * line.tax_percent / 100)
    return owed


def require_credit(books: Books, customer: Customer, more: Decimal, field: str, value: object) -> None:
    """Refuse what a customer on hold, or at their limit, would order.

    Raises:
        ToolError: Names the customer and the rule.
    """
    if customer.on_hold:
        raise ToolError(f"{field} {value}: {customer.name} is on credit hold", field=field, value=value)
    used = used_credit(books, customer)
    if used + more > customer.credit_limit:
        raise ToolError(
            f"{field} {value}: {more} more would pass the credit limit of {customer.name}, {customer.credit_limit} "
            f"{customer.currency} with {used} used",
            field=field,
            value=value,
        )
