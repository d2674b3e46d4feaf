"""The base of every row, and exact decimals in SQLite."""

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel


class Record(SQLModel, registry=registry()):
    """A row of the company's own database, apart from Nightschool's."""


class Fixed(TypeDecorator[Decimal]):
    """A decimal kept as a whole number of its smallest part: SQLite has no decimals, and money must not be a float."""

    impl = BigInteger
    cache_ok = True
    places = 2

    @property
    def python_type(self) -> type[Decimal]:
        """What a row holds."""
        return Decimal

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Decimal to whole parts; what does not fit exactly is an error of the caller."""
        if value is None:
            return None
        scaled = Decimal(value).scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {self.places} decimals")
        return int(scaled)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Whole parts to decimal."""
        return None if value is None else Decimal(value).scaleb(-self.places)


class Cents(Fixed):
    """Money and percent: two decimals."""

    cache_ok = True


class Milli(Fixed):
    """Quantities in a product's own unit: three decimals."""

    cache_ok = True
    places = 3


ZERO = Decimal(0)
_CENT = Decimal("0.01")


def rounded(amount: Decimal) -> Decimal:
    """Round to cents, half to even, so that errors do not pile up on one side."""
    return amount.quantize(_CENT)
