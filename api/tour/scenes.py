"""The scenes of the tour, in order. Each is played live, and each says itself whether it went as its title claims."""

import time
from collections.abc import Callable, Iterator

from agents.serving import BASE, Loader
from api.tour.gate import refuse_a_worse_release
from api.tour.scene import Line, Scene
from api.tour.stage import Stage
from core.types.message import Message

Play = Callable[[Stage, list[Line]], bool]
"""Plays a scene, writes down its lines, and says whether it went as its title claims."""
_BILL = "Draft an invoice for Orchid Nursery: 12 garden gnomes and 3 parasols."
_DEADLINE = "How many calendar days does a customer have to ask for a return?"
_PAGE, _BEFORE, _AFTER = "sales/returns-policy.md", "30 calendar days", "45 calendar days"


def play_all(stage: Stage) -> Iterator[Scene]:
    """Every scene, as soon as it has been played."""
    for title, play in _SCENES.items():
        started, lines = time.monotonic(), list[Line]()
        shown = play(stage, lines)
        yield Scene(title=title, lines=tuple(lines), shown=shown, seconds=round(time.monotonic() - started, 1))


def _bill_and_reconcile(stage: Stage, lines: list[Line]) -> bool:
    thread = stage.say(_BILL, None, lines).thread
    total = next((result["total"] for result in stage.results(thread) if "total" in result), 0)
    stage.say("Good. Post it.", thread, lines)
    stage.say(f"Advance of {total} from Orchid Nursery today by wire.", thread, lines)
    stage.say("Set the advance against the invoice.", thread, lines)
    done = stage.writes(thread)
    paid = any(result.get("state") == "paid" for result in stage.results(thread))
    base = Loader(stage.home).load(stage.release.toolset, BASE, base=stage.release.base)
    try:
        answer = base.predict([Message(role="user", content=_BILL)])
    finally:
        base.close()
    calls = "; ".join(f"{call.name}({call.arguments})" for call in answer.tool_calls) or f"no call ({answer.outcome})"
    lines.append(Line(who="base", text=f"The untrained base, asked the first of it with all schemas in its prompt: {calls}"))
    return paid and done == ["draft_invoice", "post_invoice", "record_advance", "reconcile_payment"]


def _edit_a_page(stage: Stage, lines: list[Line]) -> bool:
    before = stage.say(_DEADLINE, None, lines)
    page = stage.pages / _PAGE
    page.write_text(page.read_text(encoding="utf-8").replace(_BEFORE, _AFTER), encoding="utf-8")
    started = time.monotonic()
    stage.home.knowledge.add_folder(stage.pages)
    took = time.monotonic() - started
    lines.append(Line(who="note", text=f"{_PAGE}: {_BEFORE!r} becomes {_AFTER!r}; read again in {took:.2f} s"))
    after = stage.say(_DEADLINE, None, lines)
    cited = all(_PAGE in turn.receipt["sources"] for turn in (before, after))
    return cited and _BEFORE in before.text and _AFTER in after.text and _BEFORE not in after.text


def _two_that_fit(stage: Stage, lines: list[Line]) -> bool:
    turn = stage.say("Put Brightwater on hold, they do not pay.", None, lines)
    return turn.receipt["outcome"] == "ask" and not stage.writes(turn.thread)


def _nobody_said(stage: Stage, lines: list[Line]) -> bool:
    turn = stage.say("Raise the credit limit of Orchid Nursery.", None, lines)
    return turn.receipt["outcome"] == "ask" and not stage.writes(turn.thread)


_SCENES: dict[str, Play] = {
    "An invoice is drafted, its changes shown, posted, paid and reconciled": _bill_and_reconcile,
    "A question is answered from a page, and answered differently once the page is edited": _edit_a_page,
    "Two customers fit a name: it asks": _two_that_fit,
    "A value that nobody said cannot be written: it asks": _nobody_said,
    "A worse release is refused, and the slice it is worse at named": refuse_a_worse_release,
}
