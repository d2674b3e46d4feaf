"""Support tickets."""

from pydantic import Field

from tools.erp.operations.kinds import Customer, Note, Priority, Text, Ticket
from tools.erp.operations.operation import Arguments, Operation, Result


class CreateTicket(Arguments):
    """Open a support ticket."""

    customer: Customer = Field(description="customer as said")
    subject: Text = Field(description="problem as said")
    priority: Priority | None = Field(default=None, description="priority as said")


class TicketState(Result):
    """A ticket as it now stands."""

    ticket: str
    customer: str
    state: str
    priority: str


class ListTickets(Arguments):
    """List open support tickets."""

    customer: Customer | None = Field(default=None, description="customer as said")
    priority: Priority | None = Field(default=None, description="priority as said")


class TicketFound(Result):
    """One open ticket."""

    ticket: str
    customer: str
    priority: str
    subject: Note


class TicketsFound(Result):
    """The most urgent first; at most twenty."""

    tickets: list[TicketFound]


class CloseTicket(Arguments):
    """Close a support ticket."""

    ticket: Ticket = Field(description="ticket number")
    solution: Text | None = Field(default=None, description="what solved it, as said")


SERVICE = (
    Operation(
        name="create_ticket",
        risk="write",
        arguments=CreateTicket,
        result=TicketState,
        says="Ticket {ticket} opened for {customer}, priority {priority}.",
    ),
    Operation(name="list_tickets", risk="read", arguments=ListTickets, result=TicketsFound, says="Open tickets: {tickets}."),
    Operation(name="close_ticket", risk="write", arguments=CloseTicket, result=TicketState, says="Ticket {ticket} is {state}."),
)
