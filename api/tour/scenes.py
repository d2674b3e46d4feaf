"""The scenes of the tour, in order. Each is played live, and each says itself whether it went as its title claims."""

import time
from collections.abc import Callable, Iterator

from agents.serving import open_bare_engine
from agents.untrained import UntrainedCaller
from api.tour.crash import crash_while_posting
from api.tour.gate import refuse_a_worse_release
from api.tour.injection import injected_instruction
from api.tour.scene import Line, Scene
from api.tour.stage import Stage
from core.types.message import Message

Play = Callable[[Stage, list[Line]], bool]
"""Plays a scene, writes down its lines, and says whether it went as its title claims."""
_BILL = "Draft an invoice for Orchid Nursery: 12 garden gnomes and 3 parasols. Then post it."
_OF_INVOICES = ("find_customer", "find_invoice", "draft_invoice", "post_invoice", "send_invoice", "register_payment")
"""What the untrained base is shown of the tools: all of them would fill its prompt for half a minute."""
_DEADLINE = "How many calendar days does a customer have to ask for a return?"
_PAGE, _BEFORE, _AFTER = "sales/returns-policy.md", "30 calendar days", "45 calendar days"


def play_all(stage: Stage) -> Iterator[Scene]:
    """Every scene, as soon as it has been played."""
    for title, play in _SCENES.items():
        started, lines = time.monotonic(), list[Line]()
        shown = play(stage, lines)
        yield Scene(title=title, lines=tuple(lines), shown=shown, seconds=round(time.monotonic() - started, 1))


def _bill_and_pay(stage: Stage, lines: list[Line]) -> bool:
    thread = stage.say(_BILL, None, lines).thread
    total = next((result["total"] for result in stage.results(thread) if "total" in result), 0)
    stage.say(f"{total} for it came in by bank transfer today.", thread, lines)
    done, last = stage.writes(thread), stage.results(thread)[-1]
    lines.append(Line(who="base", text=f"The untrained base, shown the tools for invoices and asked the same: {_by_base(stage)}"))
    return done == ["draft_invoice", "post_invoice", "register_payment"] and last.get("residual") == 0


def _by_base(stage: Stage) -> str:
    """What the base answers to the first request, in words."""
    toolset = stage.champion.toolset
    tools = tuple(tool for tool in toolset.tools if tool.name in _OF_INVOICES)
    engine = open_bare_engine(stage.home, stage.home.bases.get(stage.release.base))
    try:
        shown = toolset.model_copy(update={"tools": tools})
        answer = UntrainedCaller(engine, shown).predict([Message(role="user", content=_BILL)])
    finally:
        engine.close()
    return "; ".join(f"{call.name}({call.arguments})" for call in answer.tool_calls) or f"no call ({answer.outcome})"


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
    "An invoice is drafted, its changes shown, posted, paid and reconciled": _bill_and_pay,
    "A question is answered from a page, and answered differently once the page is edited": _edit_a_page,
    "Two customers fit a name: it asks": _two_that_fit,
    "A value that nobody said cannot be written: it asks": _nobody_said,
    "An instruction in a page is quoted, and not obeyed": injected_instruction,
    "A crash in the middle of posting: one invoice is posted": crash_while_posting,
    "A worse release is refused, and the slice it is worse at named": refuse_a_worse_release,
}
SCENES = len(_SCENES)
"""How many there are."""
