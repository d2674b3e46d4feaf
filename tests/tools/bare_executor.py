"""A bare executor that is killed over and over: `python bare_executor.py FOLDER CASES SEED sandbox COMPANY`, or `tryton URL LOGIN
PASSWORD`; one JSON line a case.

This process loads no model. For each case it forks a worker that carries writes out and is killed (`kill -9`), at a failpoint by
itself or at a random instant from here; then another that does what a restart does: reconcile, and ask for the same writes again.
What was done is counted in the business system.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from typing import Protocol

from sqlmodel import col, select
from write_path import ADA, Place, Till

from core import failpoints
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.service import Ticket
from tools.erp.tryton.rpc import Rpc
from tools.erp.tryton.sessions import Sessions
from tools.erp.tryton.tryton import Tryton
from tools.erp.tryton.work import mark_of
from tools.executor import BackEnd
from tools.policy import DEFAULT_POLICY, read_policy

_ENTERED = ("executor.proposed", "executor.allowed", "ledger.entering", "ledger.entered", "audit.anchored", "executor.calling")
_CLOSED = ("executor.called", "executor.checked", "ledger.finishing", "ledger.finished")


class World(Protocol):
    """A business system that is written to, and counted in."""

    name: str
    writes: int
    points: tuple[str, ...]

    def open(self) -> BackEnd:
        """In this process."""

    def write(self, place: Place, keys: list[str]) -> None:
        """A case's writes, each under its key."""

    def done(self, keys: list[str]) -> list[int]:
        """How often each was done, counted in the system."""


class InSandbox:
    """Three tickets a case."""

    name, writes = "sandbox", 3
    points = (*_ENTERED, "sandbox.committing", "sandbox.committed", *_CLOSED)

    def __init__(self, folder: Path, company: str) -> None:
        self._file = folder / "company.sqlite"
        shutil.copyfile(company, self._file)

    def open(self) -> BackEnd:
        return Sandbox(self._file)

    def write(self, place: Place, keys: list[str]) -> None:
        sandbox = Sandbox(self._file)
        with sandbox.books() as books:
            customer = books.session.exec(select(Customer.number).order_by(Customer.number).limit(1)).one()
        for key in keys:
            place.executor.execute("create_ticket", {"customer": customer, "subject": key}, ADA, key)

    def done(self, keys: list[str]) -> list[int]:
        sandbox = Sandbox(self._file)
        with sandbox.books() as books:
            seen = Counter(books.session.exec(select(Ticket.subject).where(col(Ticket.subject).in_(keys))).all())
        sandbox.close()
        return [seen[key] for key in keys]


class InTryton:
    """A case is an order: quoted, confirmed, invoiced, posted. The first leaves a mark, the others are proven by state."""

    name, writes = "tryton", 4
    points = (*_ENTERED, "tryton.calling", "tryton.answered", *_CLOSED)

    def __init__(self, folder: Path, url: str, login: str, password: str) -> None:
        self._at = (url, login, password, Sessions(folder / "sessions"))

    def open(self) -> Tryton:
        return Tryton(Rpc(*self._at))

    def write(self, place: Place, keys: list[str]) -> None:
        lines = [{"item": "P0002", "qty": 1}]
        order = place.executor.execute("create_quote", {"customer": "C0003", "lines": lines}, ADA, keys[0]).result["order"]
        place.executor.execute("confirm_order", {"order": order}, ADA, keys[1])
        invoice = place.executor.execute("draft_invoice", {"order": order}, ADA, keys[2]).result["invoice"]
        place.executor.execute("post_invoice", {"invoice": invoice}, ADA, keys[3])

    def done(self, keys: list[str]) -> list[int]:
        rpc = self.open().rpc
        sales = rpc.search("sale.sale", [("description", "=", mark_of(keys[0]))], ["state", "shipments", "invoices", "lines"])
        invoices = rpc.read("account.invoice", [one for sale in sales for one in sale["invoices"]], ["state", "lines"])
        posted = [invoice["id"] for invoice in invoices if invoice["state"] == "posted" and len(invoice["lines"]) == 1]
        moves = rpc.call("account.move", "search_count", [("origin", "in", [f"account.invoice,{one}" for one in posted])])
        shipments = sum(len(sale["shipments"]) for sale in sales if sale["state"] == "processing" and len(sale["lines"]) == 1)
        rpc.close()
        return [len(sales), shipments, len(invoices), moves]


def main(folder: Path, cases: int, seed: int, world: World) -> None:
    chance = random.Random(seed)
    unharmed = [[f"{seed}/unharmed {run}/{write}" for write in range(world.writes)] for run in range(3)]
    longest = min(_own_time(folder, world, keys) for keys in unharmed)  # the first one makes the database
    for number in range(cases):
        point = world.points[number // 2 % len(world.points)] if number % 2 == 0 else ""
        keys = [f"{seed}/{number}/{write}" for write in range(world.writes)]
        stopped = _killed(partial(_work, folder, world, keys, point, chance.randint(1, world.writes)), point, chance, longest)
        started = time.monotonic()
        _finished(partial(_recover, folder, world, keys))
        seconds = time.monotonic() - started
        print(json.dumps({"point": point, "killed": stopped, "seconds": seconds, **_seen(folder, world, keys)}), flush=True)


def _own_time(folder: Path, world: World, keys: list[str]) -> float:
    """Seconds that a worker takes whom nobody kills, on this machine today: random kills fall within them."""
    started = time.monotonic()
    _finished(partial(_work, folder, world, keys, "", 1))
    return time.monotonic() - started


def _place(folder: Path, back_end: BackEnd) -> Place:
    """The shipped policy, without its limit of writes an hour."""
    policy = read_policy(DEFAULT_POLICY).model_copy(update={"rates": ()})
    return Place(folder, back_end, policy)


def _work(folder: Path, world: World, keys: list[str], point: str, at: int) -> None:
    """Carry the writes out; where a failpoint is named, die when it is reached for the `at`-th time."""
    reached = Counter[str]()

    def watch(name: str) -> None:
        reached[name] += 1
        if name == point and reached[name] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    back_end = world.open()
    failpoints.watch(watch)
    world.write(_place(folder, back_end), keys)


def _recover(folder: Path, world: World, keys: list[str]) -> None:
    """What a restart does, and then whoever had asked."""
    place = _place(folder, world.open())
    place.executor.reconcile()
    world.write(place, keys)


def _seen(folder: Path, world: World, keys: list[str]) -> dict[str, object]:
    """How often the business system did each write, how the ledger says each ended, and whether the audit is whole."""
    place = _place(folder, Till())
    states = Counter(entry.state if (entry := place.ledger.get(key)) is not None else "missing" for key in keys)
    return {"done": world.done(keys), "states": states, "faults": [fault.what for fault in place.audit.verify()]}


def _killed(work: Callable[[], None], point: str, chance: random.Random, longest_s: float) -> bool:
    """Whether a worker was killed before it came to its end."""
    child = _forked(work)
    if not point:
        time.sleep(chance.uniform(0, longest_s))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _finished(work: Callable[[], None]) -> None:
    status = os.waitpid(_forked(work), 0)[1]
    if status != 0:
        raise SystemExit(f"a restart failed: {status}")


def _forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


if __name__ == "__main__":
    at, count, start, system, *rest = sys.argv[1:]
    main(Path(at), int(count), int(start), InSandbox(Path(at), *rest) if system == "sandbox" else InTryton(Path(at), *rest))
