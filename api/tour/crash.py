"""A scene: the process that posts an invoice is killed (`kill -9`) right after the business system did it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from agents.actions import Actions
from agents.home import Home
from api.tour.scene import Line
from api.tour.stage import Stage
from core import failpoints
from core.settings import Settings
from core.types.principal import Principal

_WHERE = "sandbox.committed"
_KEY = "tour/crash"
_CUSTOMER, _ITEM = "Orchid Nursery", "garden gnomes"


def crash_while_posting(stage: Stage, lines: list[Line]) -> bool:
    """Draft an invoice, have another process post it and die of it, and see what is left; then post it again."""
    actions, me = Actions(stage.home), stage.home.principal
    try:
        order = {"customer": _CUSTOMER, "lines": [{"item": _ITEM, "qty": 2}]}
        invoice = str(actions.act("draft_invoice", order, me).effect.result["invoice"])
        ended = subprocess.run([sys.executable, "-m", "api.tour.crash", str(stage.home.settings.home), invoice], check=False)
        left = actions.entry(_KEY).state
        died = f"The process that posts {invoice} is killed ({_signal(ended.returncode)}) after the company did it"
        lines.append(Line(who="note", text=f"{died}; the ledger says {left}"))
        closed = [f"{entry.tool}: {entry.state}" for entry in actions.executor.reconcile()]
        lines.append(Line(who="note", text=f"After the restart the company is asked by key: {', '.join(closed)}"))
        again = actions.act("post_invoice", {"invoice": invoice}, me, _KEY)
        lines.append(Line(who="agent", text=f"Asked for the same again: {again.effect.reply}"))
        entered = sum(entry.arguments == {"invoice": invoice} for entry in stage.home.ledger.newest(100))
        posted = stage.postings(invoice)
        lines.append(Line(who="note", text=f"{invoice} was posted {posted} time, {entered} in the ledger"))
        return left == "pending" and posted == entered == 1
    finally:
        actions.close()


def _signal(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _post_and_die(home: str, invoice: str) -> None:
    """In a process of its own."""

    def watch(name: str) -> None:
        if name == _WHERE:
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.watch(watch)
    Actions(Home(Settings(home=Path(home)))).act("post_invoice", {"invoice": invoice}, Principal(), _KEY)


if __name__ == "__main__":
    _post_and_die(*sys.argv[1:3])
