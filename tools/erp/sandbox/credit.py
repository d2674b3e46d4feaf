"""Credit: what a customer owes and has ordered, against what they may."""

from decimal import Decimal

from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.settlement import open_invoices
from tools.erp.sandbox.tables.invoicing import Invoice
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.record import ZERO, rounded
from tools.erp.sandbox.tables.sales import Order, OrderLine


def used_credit(books: Books, customer: Customer) -> Decimal:
    """Open on posted invoices, drafted of orders, and ordered but not invoiced, in the customer's currency."""
    owed = sum((amount for _, amount in open_invoices(books, customer.number)), drafted(books, customer))
    query = (
        select(OrderLine).join(Order).where(Order.customer == customer.number, col(Order.state).in_(("confirmed", "delivered")))
    )
    for line in books.session.exec(query).all():
        net = rounded(max(ZERO, line.quantity - line.returned - line.invoiced) * line.price)
        owed += net + rounded(net * line.tax_percent / 100)
    return owed


def drafted(books: Books, customer: Customer) -> Decimal:
    """What of a customer's orders is on drafts: no longer to be invoiced, and not owed yet."""
    query = select(Invoice).where(Invoice.customer == customer.number, Invoice.state == "draft", col(Invoice.order).is_not(None))
    return sum((draft.total for draft in books.session.exec(query).all()), ZERO)


def require_credit(
    books: Books, customer: Customer, more: Decimal, field: str, value: object, used: Decimal | None = None
) -> None:
    """Refuse what a customer on hold, or at their limit, would order.

    Args:
        books: To look up what they owe.
        customer: Who orders.
        more: What is ordered now.
        field: That asks for it.
        value: Of the field.
        used: What was used before, where the books hold the order already.

    Raises:
        ToolError: Names the customer and the rule.
    """
    if customer.on_hold:
        raise ToolError(f"{field} {value}: {customer.name} is on credit hold", field=field, value=value)
    used = used_credit(books, customer) if used is None else used
    if used + more > customer.credit_limit:
        raise ToolError(
            f"{field} {value}: {more} more would pass the credit limit of {customer.name}, {customer.credit_limit} "
            f"{customer.currency} with {used} used",
            field=field,
            value=value,
        )
