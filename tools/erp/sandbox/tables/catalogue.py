"""Products, their packs, prices and stand-ins."""

from decimal import Decimal

from sqlmodel import Field

from tools.erp.sandbox.tables.record import Cents, Milli, Record


class Product(Record, table=True):
    """What is bought, stocked and sold."""

    sku: str = Field(primary_key=True)
    name: str = Field(index=True)
    unit: str
    """What one of it is: `piece`, `kg`, `m`, `roll`."""
    whole: bool = True
    """Whether it comes in whole units only."""
    cost: Decimal = Field(sa_type=Cents)
    """Standard cost a unit, in the company's currency: what stock is valued at."""
    price: Decimal = Field(sa_type=Cents)
    """List price a unit, without tax, the same figure in every currency sold in."""
    tax_percent: Decimal = Field(sa_type=Cents)
    supplier: str = Field(default="", index=True)
    """Number of who usually delivers it."""


class Pack(Record, table=True):
    """A larger unit of a product: a box of 12."""

    sku: str = Field(primary_key=True, foreign_key="product.sku")
    unit: str = Field(primary_key=True)
    holds: Decimal = Field(sa_type=Milli)
    """How many of the product's own unit."""


class ListPrice(Record, table=True):
    """A price of a price list, from a quantity upwards."""

    price_list: str = Field(primary_key=True)
    sku: str = Field(primary_key=True, foreign_key="product.sku")
    min_quantity: Decimal = Field(primary_key=True, sa_type=Milli)
    price: Decimal = Field(sa_type=Cents)


class Substitute(Record, table=True):
    """A product that can stand in for another."""

    sku: str = Field(primary_key=True, foreign_key="product.sku")
    instead: str = Field(primary_key=True, foreign_key="product.sku")
