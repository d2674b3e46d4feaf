"""What the conformance suite stands on: a business system, the write path to it, and a few records that it has."""

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from core import failpoints
from core.types.effect import Effect
from core.types.principal import Principal
from tests.tools.write_path import Place
from tools.erp.operations.operation import Operation
from tools.executor import BackEnd
from tools.policy import DEFAULT_POLICY, read_policy

ANYBODY = Principal(person="ada", role="operator")


class Crash(BaseException):
    """The process has died."""


@dataclass
class Ground:
    """One system, and what of it the suite may use."""

    back_end: BackEnd
    place: Place
    operations: Mapping[str, Operation]
    customer: str
    supplier: str
    item: str
    """A product of which at least ten lie in `warehouse`."""
    warehouse: str
    other_warehouse: str

    def do(self, tool: str, key: str | None = None, **arguments: Any) -> Effect:
        """Through the whole write path."""
        return self.place.executor.execute(tool, arguments, ANYBODY, key or uuid4().hex)

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A read's result."""
        return self.do(tool, **arguments).result

    def abandon(self) -> None:
        """As if the process that carries out what is pending had died."""
        with self.place.engine.begin() as connection:
            connection.execute(text("UPDATE ledger SET owner = 'elsewhere:1:1', lease_until = '2020-01-01'"))

    def order(self, quantity: int = 2, confirmed: bool = True) -> str:
        """A new order's number."""
        made = self.do("create_quote", customer=self.customer, lines=[{"item": self.item, "qty": quantity}])
        number: str = made.result["order"]
        if confirmed:
            self.do("confirm_order", order=number)
        return number

    def invoice(self, posted: bool = True) -> str:
        """A new invoice's number."""
        made = self.do("draft_invoice", customer=self.customer, lines=[{"item": self.item, "qty": 1}])
        number: str = made.result["invoice"]
        return str(self.do("post_invoice", invoice=number).result["invoice"]) if posted else number


@contextmanager
def crash_at(point: str, times: int):  # type: ignore[no-untyped-def]  # a generator of nothing
    """Die when a failpoint is reached for the so-many-th time; yields whether it was."""
    left, died = times, []

    def watch(name: str) -> None:
        nonlocal left
        left -= name == point
        if name == point and left == 0:
            died.append(True)
            raise Crash

    failpoints.watch(watch)
    try:
        yield died
    except Crash:
        pass
    finally:
        failpoints.unwatch(watch)


def place_for(folder: Path, back_end: BackEnd) -> Place:
    """A write path with the shipped policy, without its limit of writes an hour."""
    return Place(folder, back_end, read_policy(DEFAULT_POLICY).model_copy(update={"rates": ()}))
