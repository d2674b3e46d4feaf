"""The journal of actions: what each one changed, so that it can be shown, found by its key, and undone."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field

from tools.erp.sandbox.tables.record import Record


class Action(Record, table=True):
    """One write, in the same transaction as its effect."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    """Idempotency key: the same key is the same action, done once."""
    operation: str
    arguments: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    result: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    changes: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    """Every field changed, with old and new value, in the order of the changes."""
    at: datetime
    """UTC."""
    undone: bool = False
