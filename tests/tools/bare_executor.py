"""A bare executor that is killed over and over: `python bare_executor.py FOLDER COMPANY CASES SEED`, one JSON line a case.

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

from sqlmodel import select
from write_path import ADA, Place

from core import failpoints
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.tables.parties import Customer
from tools.erp.sandbox.tables.service import Ticket
from tools.policy import DEFAULT_POLICY, read_policy

POINTS = (
    "executor.proposed",
    "executor.allowed",
    "ledger.entering",
    "ledger.entered",
    "audit.anchored",
    "executor.calling",
    "sandbox.committing",
    "sandbox.committed",
    "executor.called",
    "executor.checked",
    "ledger.finishing",
    "ledger.finished",
)
_WRITES = 3
_LONGEST_S = 0.25


def main(folder: Path, company: Path, cases: int, seed: int) -> None:
    chance = random.Random(seed)
    shutil.copyfile(company, folder / "company.sqlite")
    for number in range(cases):
        point = POINTS[number // 2 % len(POINTS)] if number % 2 == 0 else ""
        keys = [f"{seed}/{number}/{write}" for write in range(_WRITES)]
        stopped = _killed(partial(_work, folder, keys, point, chance.randint(1, _WRITES)), point, chance)
        started = time.monotonic()
        _finished(partial(_recover, folder, keys))
        seconds = time.monotonic() - started
        print(json.dumps({"point": point, "killed": stopped, "seconds": seconds, **_seen(folder, keys)}), flush=True)


def _place(folder: Path) -> Place:
    """The shipped policy, without its limit of writes an hour."""
    policy = read_policy(DEFAULT_POLICY).model_copy(update={"rates": ()})
    return Place(folder, Sandbox(folder / "company.sqlite"), policy)


def _work(folder: Path, keys: list[str], point: str, at: int) -> None:
    """Carry the writes out; where a failpoint is named, die when it is reached for the `at`-th time."""
    reached = Counter[str]()

    def watch(name: str) -> None:
        reached[name] += 1
        if name == point and reached[name] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.watch(watch)
    place = _place(folder)
    for key in keys:
        _write(place, key)


def _recover(folder: Path, keys: list[str]) -> None:
    """What a restart does, and then whoever had asked."""
    place = _place(folder)
    place.executor.reconcile()
    for key in keys:
        _write(place, key)


def _write(place: Place, key: str) -> None:
    sandbox = Sandbox(place.folder / "company.sqlite")
    with sandbox.books() as books:
        customer = books.session.exec(select(Customer.number).order_by(Customer.number).limit(1)).one()
    place.executor.execute("create_ticket", {"customer": customer, "subject": key}, ADA, key)


def _seen(folder: Path, keys: list[str]) -> dict[str, object]:
    """How often the business system did each write, how the ledger says each ended, and whether the audit is whole."""
    place, sandbox = _place(folder), Sandbox(folder / "company.sqlite")
    with sandbox.books() as books:
        done = Counter(ticket.subject for ticket in books.session.exec(select(Ticket)).all())
    states = Counter(entry.state if (entry := place.ledger.get(key)) is not None else "missing" for key in keys)
    sandbox.close()
    return {"done": [done[key] for key in keys], "states": states, "faults": [fault.what for fault in place.audit.verify()]}


def _killed(work: Callable[[], None], point: str, chance: random.Random) -> bool:
    """Whether a worker was killed before it came to its end."""
    child = _forked(work)
    if not point:
        time.sleep(chance.uniform(0, _LONGEST_S))
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
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
