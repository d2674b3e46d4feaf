"""Support tickets."""

from datetime import date

from sqlmodel import Field

from tools.erp.sandbox.tables.record import Record


class Ticket(Record, table=True):
    """Somebody's problem."""

    number: str = Field(primary_key=True)
    customer: str = Field(foreign_key="customer.number", index=True)
    subject: str
    priority: str
    state: str = "open"
    """`open` or `closed`."""
    solution: str = ""
    opened: date
