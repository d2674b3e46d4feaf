"""Stock: every move, and what the moves add up to."""

import datetime as dt
from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import ZERO, Milli, Record


class StockLevel(Record, table=True):
    """How much of a product lies in a warehouse: the sum of its moves."""

    __tablename__ = "stock_level"

    sku: str = Field(primary_key=True, foreign_key="product.sku")
    warehouse: str = Field(primary_key=True, foreign_key="warehouse.code")
    on_hand: Decimal = Field(default=ZERO, sa_type=Milli)
    reserved: Decimal = Field(default=ZERO, sa_type=Milli)
    """Promised to order lines; never more than on hand."""

    @property
    def free(self) -> Decimal:
        """On hand and promised to nobody."""
        return self.on_hand - self.reserved


class StockMove(Record, table=True):
    """So much in (positive) or out (negative) of one warehouse."""

    __tablename__ = "stock_move"

    id: int | None = Field(default=None, primary_key=True)
    sku: str = Field(foreign_key="product.sku", index=True)
    warehouse: str = Field(foreign_key="warehouse.code")
    quantity: Decimal = Field(sa_type=Milli)
    date: dt.date
    document: str
    """Number of what caused it."""
    reason: str = ""
