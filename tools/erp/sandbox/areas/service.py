"""Support tickets."""

from sqlmodel import select

from core.errors import ToolError
from tools.erp.operations import service as ask
from tools.erp.operations.words import PRIORITIES
from tools.erp.sandbox.areas.crm import one_of
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.books import Books
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.service import Ticket

_SOME = 20


def _state(books: Books, row: Ticket) -> ask.TicketState:
    customer = books.find(Customer, row.customer, "customer")
    return ask.TicketState(ticket=row.number, customer=customer.name, state=row.state, priority=row.priority)


def create_ticket(books: Books, call: ask.CreateTicket) -> ask.TicketState:
    """Open one; normal priority unless stated."""
    customer = books.find(Customer, call.customer, "customer")
    row = books.add(
        Ticket(
            number=books.next_number("ticket"),
            customer=customer.number,
            subject=call.subject,
            priority=one_of(call.priority or "normal", PRIORITIES, "priority"),
            opened=books.today,
        )
    )
    return _state(books, row)


def list_tickets(books: Books, call: ask.ListTickets) -> ask.TicketsFound:
    """Open ones, of a customer or a priority."""
    query = select(Ticket, Customer).join(Customer).where(Ticket.state == "open")
    if call.customer is not None:
        query = query.where(Ticket.customer == books.find(Customer, call.customer, "customer").number)
    if call.priority is not None:
        query = query.where(Ticket.priority == one_of(call.priority, PRIORITIES, "priority"))
    rows = sorted(books.session.exec(query).all(), key=lambda pair: (list(PRIORITIES).index(pair[0].priority), pair[0].number))
    return ask.TicketsFound(
        tickets=[
            ask.TicketFound(ticket=row.number, customer=customer.name, priority=row.priority, subject=row.subject)
            for row, customer in rows[:_SOME]
        ]
    )


def close_ticket(books: Books, call: ask.CloseTicket) -> ask.TicketState:
    """Done, once."""
    row = books.find(Ticket, call.ticket, "ticket")
    if row.state != "open":
        raise ToolError(f"ticket {row.number}: is {row.state} already", field="ticket", value=row.number)
    row.state, row.solution = "closed", call.solution or ""
    return _state(books, row)


SERVICE: dict[str, Handler] = {"create_ticket": create_ticket, "list_tickets": list_tickets, "close_ticket": close_ticket}
