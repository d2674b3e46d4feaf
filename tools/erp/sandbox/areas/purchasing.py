"""Purchase orders, receipts, supplier invoices, three-way match."""

from decimal import Decimal

from rapidfuzz import fuzz
from sqlmodel import col, select

from core.errors import ToolError
from tools.erp.operations import purchasing as ask
from tools.erp.sandbox.areas.handler import Handler
from tools.erp.sandbox.areas.sales import MAIN
from tools.erp.sandbox.books import BANK, INPUT_TAX, NOT_INVOICED, PAYABLE, PRICE_DIFFERENCE, Books
from tools.erp.sandbox.books import STOCK as STOCK_ACCOUNT
from tools.erp.sandbox.prices import require_amount
from tools.erp.sandbox.shelves import in_units, move, pack_size
from tools.erp.sandbox.stated import stated_lines
from tools.erp.sandbox.tables.catalogue import Product
from tools.erp.sandbox.tables.company import Warehouse
from tools.erp.sandbox.tables.parties import Supplier
from tools.erp.sandbox.tables.purchasing import Bill, Purchase, PurchaseLine, Receipt
from tools.erp.sandbox.tables.record import ZERO, rounded

_FEW, _NEAR = 10, 80.0


def lines_of(books: Books, purchase: str) -> list[PurchaseLine]:
    """A purchase order's lines, in order."""
    query = select(PurchaseLine).where(PurchaseLine.purchase == purchase).order_by(col(PurchaseLine.position))
    return list(books.session.exec(query).all())


def _net_and_tax(line: PurchaseLine, quantity: Decimal) -> tuple[Decimal, Decimal]:
    net = rounded(quantity * line.price)
    return net, rounded(net * line.tax_percent / 100)


def find_supplier(books: Books, call: ask.FindSupplier) -> ask.SuppliersFound:
    """By name, or who usually delivers an item."""
    rows = list(books.session.exec(select(Supplier).order_by(col(Supplier.name))).all())
    if call.item is not None:
        product = books.find(Product, call.item, "item")
        rows = [row for row in rows if row.number == product.supplier]
    if call.query is not None:
        wanted = call.query.casefold()
        scores = {row.number: _likeness(wanted, row) for row in rows}
        rows = sorted((row for row in rows if scores[row.number] >= _NEAR), key=lambda row: -scores[row.number])
    return ask.SuppliersFound(
        suppliers=[ask.SupplierFound(supplier=row.name, number=row.number, city=row.city, email=row.email) for row in rows[:_FEW]]
    )


def _likeness(wanted: str, row: Supplier) -> float:
    if wanted == row.email.casefold() or wanted in row.name.casefold():
        return 100.0
    return float(fuzz.WRatio(wanted, row.name.casefold()))


def create_purchase(books: Books, call: ask.CreatePurchase) -> ask.PurchaseState:
    """At standard cost, or at the prices stated."""
    supplier = books.find(Supplier, call.supplier, "supplier")
    if call.expected is not None and call.expected < books.today:
        raise ToolError(f"expected {call.expected}: lies before today, {books.today}", field="expected", value=call.expected)
    purchase = books.add(
        Purchase(
            number=books.next_number("purchase"),
            supplier=supplier.number,
            date=books.today,
            expected=call.expected,
            warehouse=MAIN,
        )
    )
    for position, line in enumerate(call.lines, 1):
        product = books.find(Product, line.item, "item")
        price = product.cost if line.price is None else rounded(line.price / pack_size(books, product, line.unit))
        quantity = in_units(books, product, line.qty, line.unit, "qty")
        require_amount(quantity, price, line.qty)
        books.add(
            PurchaseLine(
                purchase=purchase.number,
                position=position,
                sku=product.sku,
                quantity=quantity,
                price=price,
                tax_percent=product.tax_percent,
            )
        )
    return _state(books, purchase)


def _state(books: Books, purchase: Purchase) -> ask.PurchaseState:
    lines = lines_of(books, purchase.number)
    return ask.PurchaseState(
        purchase=purchase.number,
        supplier=books.find(Supplier, purchase.supplier, "supplier").name,
        state=purchase.state,
        total=sum((sum(_net_and_tax(line, line.quantity), ZERO) for line in lines), ZERO),
        expected=purchase.expected,
        to_receive=sum((line.to_receive for line in lines), ZERO),
    )


def receive_goods(books: Books, call: ask.ReceiveGoods) -> ask.Received:
    """All that is still to come, or the stated lines; never more than was ordered."""
    purchase = books.find(Purchase, call.purchase, "purchase")
    if purchase.state != "ordered":
        raise ToolError(f"purchase {purchase.number}: is {purchase.state} already", field="purchase", value=purchase.number)
    warehouse = books.find(Warehouse, call.warehouse or purchase.warehouse, "warehouse")
    lines = lines_of(books, purchase.number)
    if call.lines is not None:
        wanted = stated_lines(books, call.lines, lines, f"purchase {purchase.number}", lambda line: line.to_receive)
    else:
        wanted = [(line, line.to_receive) for line in lines]
    number = books.next_number("receipt")
    value = sum((_take_in(books, number, warehouse.code, line, quantity) for line, quantity in wanted if quantity), ZERO)
    books.add(Receipt(number=number, purchase=purchase.number, date=books.today, value=value))
    if all(line.to_receive == 0 for line in lines):
        purchase.state = "received"
    return ask.Received(
        receipt=number,
        purchase=purchase.number,
        received=sum((quantity for _, quantity in wanted), ZERO),
        to_receive=sum((line.to_receive for line in lines), ZERO),
        state=purchase.state,
    )


def _take_in(books: Books, document: str, warehouse: str, line: PurchaseLine, quantity: Decimal) -> Decimal:
    """Into stock at standard cost; returns what a bill may ask for it, tax included.

    That is what all received so far is worth less what it was worth before: parts come to what the whole would.
    """
    product = books.find(Product, line.sku, "item")
    move(books, product, warehouse, quantity, document)
    net_before, tax_before = _net_and_tax(line, line.received)
    line.received += quantity
    net, tax = _net_and_tax(line, line.received)
    net, tax = net - net_before, tax - tax_before
    worth = rounded(quantity * product.cost)
    books.book(
        document,
        books.today,
        books.company.currency,
        [(STOCK_ACCOUNT, "", worth), (PRICE_DIFFERENCE, "", net - worth), (NOT_INVOICED, "", -net)],
    )
    return net + tax


def record_bill(books: Books, call: ask.RecordBill) -> ask.BillState:
    """As the supplier wrote it; nothing is owed before it is approved."""
    purchase = books.find(Purchase, call.purchase, "purchase")
    if call.date is not None:
        books.require_open(call.date, "date")
    if call.reference is not None:
        known = books.session.exec(
            select(Bill).where(Bill.supplier == purchase.supplier, Bill.reference == call.reference)
        ).first()
        if known is not None:
            raise ToolError(f"reference {call.reference!r}: is {known.number} already", field="reference", value=call.reference)
    ordered = [_net_and_tax(line, line.quantity) for line in lines_of(books, purchase.number)]
    gross = sum((net + tax for net, tax in ordered), ZERO)
    share = sum((tax for _, tax in ordered), ZERO) / gross if gross else ZERO
    bill = books.add(
        Bill(
            number=books.next_number("bill"),
            supplier=purchase.supplier,
            purchase=purchase.number,
            date=call.date or books.today,
            amount=call.amount,
            tax=rounded(call.amount * share),
            reference=call.reference or "",
        )
    )
    return _bill_state(books, bill)


def _difference(books: Books, bill: Bill) -> Decimal:
    """What it asks above what was received and is not billed by others; at least 0."""
    receipts = books.session.exec(select(Receipt).where(Receipt.purchase == bill.purchase)).all()
    received = sum((receipt.value for receipt in receipts), ZERO)
    bills = books.session.exec(select(Bill).where(Bill.purchase == bill.purchase, Bill.number != bill.number)).all()
    others = sum((other.amount for other in bills if other.state in ("approved", "paid")), ZERO)
    return max(ZERO, bill.amount - (received - others))


def _bill_state(books: Books, bill: Bill) -> ask.BillState:
    return ask.BillState(
        bill=bill.number,
        supplier=books.find(Supplier, bill.supplier, "supplier").name,
        purchase=bill.purchase,
        amount=bill.amount,
        difference=ZERO if bill.state in ("approved", "paid") else _difference(books, bill),
        state=bill.state,
    )


def match_bill(books: Books, call: ask.MatchBill) -> ask.BillState:
    """Order, receipt and bill agree: approved and owed. The bill asks for more: blocked, to be matched again later."""
    bill = books.find(Bill, call.bill, "bill")
    if bill.state not in ("recorded", "blocked"):
        raise ToolError(f"bill {bill.number}: is {bill.state} already", field="bill", value=bill.number)
    if _difference(books, bill) > 0:
        bill.state = "blocked"
        return _bill_state(books, bill)
    bill.state = "approved"
    books.book(
        bill.number,
        books.today,
        books.company.currency,
        [(NOT_INVOICED, "", bill.amount - bill.tax), (INPUT_TAX, "", bill.tax), (PAYABLE, bill.supplier, -bill.amount)],
    )
    return _bill_state(books, bill)


def pay_bill(books: Books, call: ask.PayBill) -> ask.BillState:
    """An approved one, to the account on file."""
    bill = books.find(Bill, call.bill, "bill")
    if bill.state != "approved":
        raise ToolError(f"bill {bill.number}: is {bill.state}; only approved ones are paid", field="bill", value=bill.number)
    supplier = books.find(Supplier, bill.supplier, "supplier")
    if not supplier.iban:
        raise ToolError(f"bill {bill.number}: {supplier.name} has no bank account on file", field="bill", value=bill.number)
    books.book(
        f"PAID-{bill.number}",
        call.date or books.today,
        books.company.currency,
        [(PAYABLE, bill.supplier, bill.amount), (BANK, "", -bill.amount)],
    )
    bill.state = "paid"
    return _bill_state(books, bill)


def change_bank_details(books: Books, call: ask.ChangeBankDetails) -> ask.BankDetailsChanged:
    """Where a supplier is paid from now on; the check digits must be right (ISO 13616)."""
    supplier = books.find(Supplier, call.supplier, "supplier")
    if not _is_iban(call.iban):
        raise ToolError(f"iban {call.iban}: its check digits are wrong", field="iban", value=call.iban)
    if supplier.iban == call.iban:
        raise ToolError(f"iban {call.iban}: is the account on file already", field="iban", value=call.iban)
    supplier.iban = call.iban
    return ask.BankDetailsChanged(supplier=supplier.name, account_ends_in=call.iban[-4:])


def _is_iban(text: str) -> bool:
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


PURCHASING: dict[str, Handler] = {
    "find_supplier": find_supplier,
    "create_purchase": create_purchase,
    "receive_goods": receive_goods,
    "record_bill": record_bill,
    "match_bill": match_bill,
    "pay_bill": pay_bill,
    "change_bank_details": change_bank_details,
}
