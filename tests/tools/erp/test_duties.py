"""The shipped policy on the company's own operations: who changes a supplier's bank details does not pay that supplier."""

import shutil
from pathlib import Path

from sqlmodel import select
from write_path import ADA, BEA, Place

from core.errors import ToolError
from core.types.effect import Effect
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.tables.parties import Supplier
from tools.erp.sandbox.tables.purchasing import Bill
from tools.executor import Call


def _payable(sandbox: Sandbox) -> tuple[str, Effect]:
    """A bill that can be paid now, and what paying it would do."""
    with sandbox.books() as books:
        numbers = list(books.session.exec(select(Bill.number)).all())
    for number in numbers:
        try:
            return number, sandbox.propose("pay_bill", {"bill": number})
        except ToolError:
            continue
    raise AssertionError("no bill can be paid")


def test_bank_details_and_payment_are_two_peoples_work(tmp_path: Path, short_company: Path) -> None:
    sandbox = Sandbox(Path(shutil.copyfile(short_company, tmp_path / "company.sqlite")))
    place = Place(tmp_path, sandbox)
    bill, effect = _payable(sandbox)
    with sandbox.books() as books:
        name = effect.result["supplier"]
        supplier = books.session.exec(select(Supplier.number).where(Supplier.name == name)).one()
    assert place.executor.judge("pay_bill", {"bill": bill}, ADA).verdict == "ask"
    change = ("change_bank_details", {"supplier": supplier, "iban": "DE89370400440532013000"})
    request = place.executor.ask(Call(tool=change[0], arguments=change[1], principal=ADA, key="k"))
    place.executor.execute(*change, ADA, "k", place.executor.approve(request.id, BEA))
    refused = place.executor.judge("pay_bill", {"bill": bill}, ADA)
    assert refused.verdict == "deny" and "bank details may not pay" in refused.why
    carl = ADA.model_copy(update={"person": "carl"})
    assert place.executor.judge("pay_bill", {"bill": bill}, carl).verdict == "ask"
    sandbox.close()
