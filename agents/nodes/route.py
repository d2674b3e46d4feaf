"""Where a turn goes."""

from typing import Any

from agents.desk import Desk
from agents.state import State


def route(desk: Desk, state: State) -> dict[str, Any]:
    """Take in what was said, and choose its route; without a router the caller finds out by itself."""
    said = state["said"]
    routed = desk.router.route([said])[0] if desk.router is not None else None
    return {
        "messages": [{"role": "user", "content": said}],
        "turn": state.get("turn", 0) + 1,
        "route": routed.label if routed else "action",
        "route_confidence": routed.confidence if routed else 1.0,
        "query": said,
        "steps": 0,
        "calls": [],
        "confidence": 1.0,
        "outcome": "",
        "receipt": {},
    }
