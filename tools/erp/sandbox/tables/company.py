"""The company itself: its day, its number sequences, its periods, its warehouses."""

from datetime import date

from sqlmodel import Field

from tools.erp.sandbox.tables.record import Record


class Company(Record, table=True):
    """The one company of this database."""

    id: int = Field(default=1, primary_key=True)
    name: str
    currency: str
    """ISO code of its own currency."""
    today: date | None = None
    """A fixed day for tests and lessons; None goes by the clock."""


class Sequence(Record, table=True):
    """A number sequence: `SO-0451` is prefix, next number, width."""

    name: str = Field(primary_key=True)
    prefix: str
    next_number: int
    width: int


class Period(Record, table=True):
    """A month; nothing is booked into a closed one."""

    month: str = Field(primary_key=True)
    """`2026-05`."""
    closed: bool = False


class Warehouse(Record, table=True):
    """A place that holds stock."""

    code: str = Field(primary_key=True)
    name: str
