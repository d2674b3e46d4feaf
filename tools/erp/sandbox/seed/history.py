"""Eighteen months of business, done by the same operations that people call: the books are right by construction."""

import heapq
import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from core.errors import ToolError
from tools.erp.operations import ALL
from tools.erp.operations.operation import Result
from tools.erp.operations.words import ACTIVITY_TYPES, STAGES
from tools.erp.sandbox.areas import HANDLERS
from tools.erp.sandbox.books import BANK, EQUITY, Books
from tools.erp.sandbox.books import STOCK as STOCK_ACCOUNT
from tools.erp.sandbox.credit import drafted
from tools.erp.sandbox.seed.master import master
from tools.erp.sandbox.settlement import open_amount
from tools.erp.sandbox.shelves import move
from tools.erp.sandbox.tables.catalogue import Product
from tools.erp.sandbox.tables.company import Period
from tools.erp.sandbox.tables.invoicing import Invoice
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.payments import BankLine
from tools.erp.sandbox.tables.purchasing import PurchaseLine
from tools.erp.sandbox.tables.record import rounded
from tools.erp.sandbox.tables.sales import Order
from tools.erp.sandbox.tables.stock import StockLevel

_CAPITAL = Decimal(500_000)
"""In the bank on the first day."""
_QUOTES, _ORDERS, _DRAFTS, _PURCHASES, _BILLS = 45, 30, 40, 20, 24
"""What lies open on the last day, beside what history left open."""
_MONTHS_OPEN = 2
"""The newest months that are not closed."""
_OPERATIONS = {operation.name: operation for operation in ALL}
_SUBJECTS = ("yearly prices", "new catalogue", "late delivery", "samples", "visit of the warehouse", "payment plan")
_PROBLEMS = (
    "parcel arrived wet",
    "wrong colour delivered",
    "handle came loose",
    "invoice shows the old address",
    "two pieces missing",
    "does not switch on",
    "scratched on arrival",
    "manual is missing",
)
_LEADS = (
    ("Marta Olsen", "shelving for a new shop"),
    ("Quarry Lane Stables", "rubber mats and buckets"),
    ("Dr. Ines Faria", "furniture for a practice"),
    ("Tobias Brandt", "tools for an apprentice workshop"),
    ("Harbour Street Bakery", "packaging"),
    ("Lena Vogt", "lamps for an office"),
    ("Sunny Side Camping", "tents and sleeping bags"),
    ("Westbrook Primary", "whiteboards"),
    ("Omar Haddad", "espresso machines"),
    ("Nils Aker", "winter tyres for a fleet"),
    ("Beacon Church Hall", "foldable tables"),
    ("Riverside Rowing Club", "wetsuits"),
)


Progress = Callable[[int, int], None]
"""Called with the days played and the days there are."""


class History:
    """Plays business day by day: what happens today makes things happen later."""

    def __init__(self, session: Session, rng: random.Random, progress: Progress) -> None:
        self._books, self._rng, self._progress = Books(session), rng, progress
        self._agenda: list[tuple[date, int, Callable[[], None]]] = []
        self._events = 0
        self._customers = session.exec(select(Customer).order_by(col(Customer.number))).all()
        self._products = session.exec(select(Product).order_by(col(Product.sku))).all()

    def play(self, first: date, last: date) -> None:
        """Every working day from `first` to `last`; what lies after `last` has not happened yet."""
        self._stock_up(first)
        day = first
        while day <= last:
            self._books.company.today = day
            self._progress((day - first).days, (last - first).days)
            while self._agenda and self._agenda[0][0] <= day:
                heapq.heappop(self._agenda)[2]()
            if day.weekday() < 5:
                for _ in range(self._rng.choice((1, 1, 2, 2, 3))):
                    self._sell()
                if day.weekday() == 0:
                    self._reorder()
            day += timedelta(days=1)
        self._books.company.today = last
        self._open_business()
        self._loose_ends(last)
        self._close_periods(first, last)
        self._books.session.flush()

    def _do(self, operation: str, /, **arguments: Any) -> Result | None:
        """One operation; what the rules refuse does not happen."""
        try:
            with self._books.session.begin_nested():
                return HANDLERS[operation](self._books, _OPERATIONS[operation].read(arguments))
        except ToolError:
            return None

    def _later(self, least: int, most: int, act: Callable[[], None]) -> None:
        day = self._books.today + timedelta(days=self._rng.randint(least, most))
        self._events += 1
        heapq.heappush(self._agenda, (day, self._events, act))

    def _stock_up(self, day: date) -> None:
        self._books.company.today = day
        books = self._books
        books.book("OPENING", day, books.company.currency, [(BANK, "", _CAPITAL), (EQUITY, "", -_CAPITAL)])
        places = [entry["code"] for entry in master()["warehouses"]]
        for product in self._products:
            worth = Decimal(0)
            for place in ("MAIN", *self._rng.sample(places[1:], 2)):
                quantity = Decimal(self._quantity(product) * self._rng.randint(2, 5))
                move(self._books, product, place, quantity, "OPENING")
                worth += quantity * product.cost
            lines = [(STOCK_ACCOUNT, "", rounded(worth)), (EQUITY, "", -rounded(worth))]
            self._books.book("OPENING", day, self._books.company.currency, lines)

    def _quantity(self, product: Product) -> int:
        most = 4 if product.price >= 200 else 12 if product.price >= 40 else 40 if product.price >= 4 else 300
        return self._rng.randint(1, most)

    def _quote(self) -> str | None:
        customer = self._rng.choice(self._customers)
        products = self._rng.sample(self._products, self._rng.choice((1, 1, 2, 2, 3, 4)))
        lines = [{"item": product.sku, "qty": self._quantity(product)} for product in products]
        until = self._books.today + timedelta(days=30)
        quote = self._do("create_quote", customer=customer.number, lines=lines, valid_until=until)
        return quote.order if quote is not None else None  # type: ignore[attr-defined]  # the result of create_quote

    def _sell(self) -> None:
        number, fate = self._quote(), self._rng.random()
        if number is None:
            return
        if fate < 0.8:
            self._later(0, 6, lambda: self._confirm(number))
        elif fate < 0.87:
            self._later(2, 20, lambda: self._ignore(self._do("cancel_order", order=number, reason="customer changed plans")))

    @staticmethod
    def _ignore(_result: Result | None) -> None:
        """An act has no result."""

    def _confirmed(self, order: str) -> Result | None:
        """Confirm an order, within a limit that leaves out what lies in drafts.

        Golden cases name documents by their numbers, and an order less would number anew all that come after it.
        """
        customer = self._books.find(Customer, self._books.find(Order, order, "order").customer, "customer")
        drafts = drafted(self._books, customer)
        customer.credit_limit += drafts
        done = self._do("confirm_order", order=order)
        customer.credit_limit -= drafts
        return done

    def _confirm(self, order: str) -> None:
        if self._confirmed(order) is not None:
            self._later(1, 7, lambda: self._deliver(order, 3))

    def _deliver(self, order: str, attempts: int) -> None:
        done = self._do("deliver_order", order=order)
        if done is not None:
            self._later(0, 3, lambda: self._invoice(order))
        if attempts and (done is None or done.backordered):  # type: ignore[attr-defined]  # the result of deliver_order
            self._later(7, 14, lambda: self._deliver(order, attempts - 1))
        elif self._rng.random() < 0.03 and done is not None:
            self._later(3, 15, lambda: self._take_back(order))

    def _take_back(self, order: str) -> None:
        found = self._do("find_order", order=order)
        lines = found.orders[0].lines if found is not None else []  # type: ignore[attr-defined]  # the result of find_order
        if lines:
            product = next(p for p in self._products if p.name == lines[0].item)
            self._do("return_goods", order=order, item=product.sku, qty=1, reason="damaged in transport")

    def _invoice(self, order: str) -> None:
        draft = self._do("draft_invoice", order=order)
        if draft is not None:
            number = draft.invoice  # type: ignore[attr-defined]  # the result of draft_invoice
            self._later(0, 2, lambda: self._post(number))

    def _post(self, invoice: str) -> None:
        posted = self._do("post_invoice", invoice=invoice)
        if posted is None:
            return
        self._do("send_invoice", invoice=invoice)
        wait = (posted.due - self._books.today).days  # type: ignore[attr-defined]  # the result of post_invoice
        fate = self._rng.random()
        if fate < 0.93:
            self._later(max(1, wait - 12), wait + self._rng.choice((0, 0, 3, 20, 50)), lambda: self._pay(invoice))
        if self._rng.random() < 0.02:
            self._later(2, 10, lambda: self._ignore(self._do("credit_invoice", invoice=invoice, amount=5, reason="goodwill")))

    def _pay(self, number: str) -> None:
        invoice = self._books.find(Invoice, number, "invoice")
        rest = open_amount(self._books, invoice)
        if not rest:
            return
        fate = self._rng.random()
        amount = rest if fate < 0.88 else rounded(rest / 2) if fate < 0.95 else rest + 10
        if self._rng.random() < 0.75 and amount > 0:
            line = self._bank_line(invoice, amount)
            if self._rng.random() < 0.92:
                self._later(0, 4, lambda: self._ignore(self._do("match_bank_line", line=line, invoice=number)))
        else:
            method = self._rng.choice(("card", "cash", "cheque", "direct debit"))
            self._do("register_payment", invoice=number, amount=amount, method=method)

    def _bank_line(self, invoice: Invoice, amount: Decimal) -> str:
        customer = self._books.find(Customer, invoice.customer, "customer")
        row = BankLine(
            number=self._books.next_number("bank_line"),
            date=self._books.today,
            amount=amount,
            currency=invoice.currency,
            text=f"{customer.name} {invoice.number if self._rng.random() < 0.6 else 'thank you'}",
        )
        return self._books.add(row).number

    def _reorder(self) -> None:
        """What runs low in the main warehouse is ordered from its supplier."""
        session = self._books.session
        levels = session.exec(select(StockLevel).where(StockLevel.warehouse == "MAIN").order_by(col(StockLevel.sku))).all()
        by_sku = {product.sku: product for product in self._products}
        for level in levels:
            product = by_sku[level.sku]
            usual = self._quantity(product) * 3
            coming = session.exec(select(PurchaseLine).where(PurchaseLine.sku == level.sku)).all()
            if level.free < usual and not any(line.to_receive for line in coming) and self._rng.random() < 0.6:
                self._purchase(product, Decimal(usual * 2))

    def _purchase(self, product: Product, quantity: Decimal) -> None:
        number = self._ordered(product, quantity)
        if number is not None:
            total = rounded(quantity * product.cost)
            total += rounded(total * product.tax_percent / 100)
            self._later(4, 16, lambda: self._receive(number, total))

    def _ordered(self, product: Product, quantity: Decimal) -> str | None:
        lines = [{"item": product.sku, "qty": quantity}]
        expected = self._books.today + timedelta(days=self._rng.randint(4, 16))
        order = self._do("create_purchase", supplier=product.supplier, lines=lines, expected=expected)
        return order.purchase if order is not None else None  # type: ignore[attr-defined]  # the result of create_purchase

    def _receive(self, purchase: str, total: Decimal) -> None:
        self._do("receive_goods", purchase=purchase)
        asked = total if self._rng.random() < 0.93 else rounded(total * Decimal("1.04"))
        self._later(1, 6, lambda: self._bill(purchase, asked))

    def _bill(self, purchase: str, amount: Decimal) -> None:
        bill = self._do("record_bill", purchase=purchase, amount=amount, reference=f"R{self._rng.randint(10000, 99999)}")
        if bill is not None:
            number = bill.bill  # type: ignore[attr-defined]  # the result of record_bill
            self._later(0, 3, lambda: self._approve(number))

    def _approve(self, bill: str) -> None:
        self._do("match_bill", bill=bill)
        self._later(10, 30, lambda: self._ignore(self._do("pay_bill", bill=bill)))

    def _open_business(self) -> None:
        """Documents of the last day in every state that somebody may want to do something about."""
        for _ in range(_QUOTES):
            self._quote()
        for _ in range(_ORDERS):
            if (order := self._quote()) is not None:
                self._confirmed(order)
        for _ in range(_DRAFTS):
            order = self._quote()
            if order is not None and self._confirmed(order) is not None:
                self._do("deliver_order", order=order)
                self._do("draft_invoice", order=order)
        for number in range(_PURCHASES + _BILLS):
            product = self._rng.choice(self._products)
            quantity = Decimal(self._quantity(product) * 3)
            order = self._ordered(product, quantity)
            if order is not None and number >= _PURCHASES:
                self._do("receive_goods", purchase=order)
                amount = rounded(quantity * product.cost * Decimal("1.2"))
                bill = self._do("record_bill", purchase=order, amount=amount, reference=f"R{self._rng.randint(10000, 99999)}")
                if bill is not None and number % 2:
                    self._do("match_bill", bill=bill.bill)  # type: ignore[attr-defined]  # the result of record_bill

    def _loose_ends(self, today: date) -> None:
        """What a company has lying about on any day."""
        rng = self._rng
        for title in master()["opportunities"]:
            customer = rng.choice(self._customers).number
            state = self._do(
                "create_opportunity",
                customer=customer,
                title=title,
                amount=rng.randint(5, 400) * 100,
                close_date=today + timedelta(days=rng.randint(-20, 200)),
            )
            if state is not None:
                number = state.number  # type: ignore[attr-defined]  # the result of create_opportunity
                self._do("update_opportunity", opportunity=number, stage=rng.choice(list(STAGES)))
        for name, interest in _LEADS:
            self._do("create_lead", name=name, interest=interest)
        for _ in range(60):
            self._do(
                "schedule_activity",
                customer=rng.choice(self._customers).number,
                type=rng.choice(list(ACTIVITY_TYPES)),
                date=today + timedelta(days=rng.randint(0, 30)),
                subject=rng.choice(_SUBJECTS),
            )
        for _ in range(40):
            ticket = self._do(
                "create_ticket",
                customer=rng.choice(self._customers).number,
                subject=rng.choice(_PROBLEMS),
                priority=rng.choice(("urgent", "high", "normal", "normal", "low")),
            )
            if ticket is not None and rng.random() < 0.4:
                self._do("close_ticket", ticket=ticket.ticket, solution="replaced")  # type: ignore[attr-defined]
        for late in self._do("list_overdue", min_days=15).invoices[:12]:  # type: ignore[union-attr]  # its own result
            self._do("send_reminder", invoice=late.invoice)
        for slow in rng.sample(list(self._customers), 6):
            self._do("hold_customer", customer=slow.number, reason="pays late")
        for early in rng.sample(list(self._customers), 16):
            self._do("record_advance", customer=early.number, amount=rng.randint(2, 60) * 50, method="bank transfer")

    def _close_periods(self, first: date, last: date) -> None:
        month, months = first.replace(day=1), []
        while month <= last:
            months.append(f"{month:%Y-%m}")
            month = (month + timedelta(days=32)).replace(day=1)
        self._books.session.add_all(Period(month=name, closed=name not in months[-_MONTHS_OPEN:]) for name in months)
