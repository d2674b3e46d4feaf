"""Purchase orders, receipts, supplier invoices, and changes of where suppliers are paid."""

import datetime as dt

from pydantic import Field

from tools.erp.operations.kinds import (
    Amount,
    BankAccount,
    Bill,
    Day,
    Money,
    Note,
    Number,
    PastDay,
    Product,
    Purchase,
    Quantity,
    Supplier,
    Text,
    Unit,
    Warehouse,
)
from tools.erp.operations.operation import Arguments, Operation, Result
from tools.erp.operations.sales import ItemQuantity


class PurchaseLine(Arguments):
    """One line of a purchase order."""

    item: Product = Field(description="product as said")
    qty: Quantity = Field(description="quantity")
    price: Amount | None = Field(default=None, description="unit price if stated")
    unit: Unit | None = Field(default=None, description="unit or pack if stated")


class FindSupplier(Arguments):
    """Look up a supplier by name, or who supplies an item."""

    query: Text | None = Field(default=None, description="name or e-mail")
    item: Product | None = Field(default=None, description="product as said")


class SupplierFound(Result):
    """One supplier."""

    supplier: str
    number: str
    city: Note
    email: Note


class SuppliersFound(Result):
    """At most ten."""

    suppliers: list[SupplierFound]


class CreatePurchase(Arguments):
    """Order goods from a supplier."""

    supplier: Supplier = Field(description="supplier as said")
    lines: list[PurchaseLine] = Field(min_length=1, max_length=50, description="lines")
    expected: Day | None = Field(default=None, description="expected arrival, as said")


class PurchaseState(Result):
    """A purchase order as it now stands."""

    purchase: str
    supplier: str
    state: str
    total: Money
    expected: dt.date | None
    to_receive: Number


class ReceiveGoods(Arguments):
    """Book goods of a purchase order into stock: all of them, or the stated lines."""

    purchase: Purchase = Field(description="purchase order number")
    lines: list[ItemQuantity] | None = Field(default=None, min_length=1, max_length=50, description="lines, if only a part")
    warehouse: Warehouse | None = Field(default=None, description="warehouse as said")


class Received(Result):
    """What came in, and what is still to come."""

    receipt: str
    purchase: str
    received: Number
    to_receive: Number
    state: str


class RecordBill(Arguments):
    """Record a supplier's invoice for a purchase order."""

    purchase: Purchase = Field(description="purchase order number")
    amount: Amount = Field(description="amount, tax included")
    date: PastDay | None = Field(default=None, description="invoice date as said")
    reference: Text | None = Field(default=None, description="the supplier's own number")


class MatchBill(Arguments):
    """Three-way match: compare a supplier's invoice with order and receipt, and approve it where all three agree."""

    bill: Bill = Field(description="number of the supplier invoice")


class BillState(Result):
    """A supplier invoice as it now stands; `difference` is what it asks above what was received."""

    bill: str
    supplier: str
    purchase: str
    amount: Money
    difference: Money
    state: str


class PayBill(Arguments):
    """Pay an approved supplier invoice."""

    bill: Bill = Field(description="number of the supplier invoice")
    date: PastDay | None = Field(default=None, description="date as said")


class ChangeBankDetails(Arguments):
    """Change the bank account a supplier is paid to."""

    supplier: Supplier = Field(description="supplier as said")
    iban: BankAccount = Field(description="new account, as IBAN")


class BankDetailsChanged(Result):
    """The account from now on; only its end is shown."""

    supplier: str
    account_ends_in: str


PURCHASING = (
    Operation(name="find_supplier", risk="read", arguments=FindSupplier, result=SuppliersFound, says="Suppliers: {suppliers}."),
    Operation(
        name="create_purchase",
        risk="write",
        arguments=CreatePurchase,
        result=PurchaseState,
        says="Purchase order {purchase} to {supplier}: {total}, expected {expected}.",
    ),
    Operation(
        name="receive_goods",
        risk="write",
        arguments=ReceiveGoods,
        result=Received,
        says="{receipt}: {received} received of {purchase}, {to_receive} still to come.",
    ),
    Operation(
        name="record_bill",
        risk="write",
        arguments=RecordBill,
        result=BillState,
        says="{bill} of {supplier} recorded: {amount} for {purchase}.",
    ),
    Operation(
        name="match_bill",
        risk="write",
        arguments=MatchBill,
        result=BillState,
        says="{bill} is {state}; asked above what was received: {difference}.",
    ),
    Operation(
        name="pay_bill",
        risk="destructive",
        arguments=PayBill,
        result=BillState,
        says="{bill} of {supplier} is {state}: {amount}.",
    ),
    Operation(
        name="change_bank_details",
        risk="destructive",
        arguments=ChangeBankDetails,
        result=BankDetailsChanged,
        says="{supplier} is paid to the account ending in {account_ends_in} from now on.",
    ),
)
