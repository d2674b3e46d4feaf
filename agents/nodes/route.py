"""Where a turn goes."""

from typing import Any

from agents.desk import Desk
from agents.routed import route_of
from agents.state import State


def route(desk: Desk, state: State) -> dict[str, Any]:
    """Take in what was said, and choose its route; without a router the caller finds out by itself."""
    said = state["said"]
    routed = route_of(desk.router, said)
    return {
        "messages": [{"role": "user", "content": said}],
        "turn": state.get("turn", 0) + 1,
        "route": routed.label,
        "route_confidence": routed.confidence,
        "query": said,
        "steps": 0,
        "calls": [],
        "approved_by": "",
        "confidence": 1.0,
        "outcome": "",
        "receipt": {},
    }
