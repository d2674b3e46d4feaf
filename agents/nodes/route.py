"""Where a turn goes."""

from typing import Any

from agents.desk import Desk
from agents.routed import route_of
from agents.state import State
from agents.yes_no import yes_or_no


def route(desk: Desk, state: State) -> dict[str, Any]:
    """Take in what was said, and choose its route; without a router the caller finds out by itself.

    A plain yes to wishes that stayed open means these; whatever else is said, they are dropped.
    """
    said = _meant(state["said"], state.get("wishes") or [])
    routed = route_of(desk.router, said)
    return {
        "messages": [{"role": "user", "content": said}],
        "turn": state.get("turn", 0) + 1,
        "route": routed.label,
        "route_confidence": routed.confidence,
        "query": said,
        "wishes": [],
        "steps": 0,
        "calls": [],
        "approved_by": "",
        "judged": "",
        "edited": [],
        "unseen": 0,
        "confidence": 1.0,
        "outcome": "",
        "receipt": {},
    }


def _meant(said: str, wishes: list[str]) -> str:
    return f"Yes, {', and '.join(wishes)}" if wishes and yes_or_no(said) else said
