"""Waiting for a person, and what comes of their answer."""

from typing import Any

from langgraph.types import interrupt

from agents.desk import Desk
from agents.state import State
from core.errors import NightschoolError

_SHOWN = ("id", "tool", "arguments", "names", "risk", "confidence", "taint", "changes", "why", "approval")


def approve(desk: Desk, state: State) -> dict[str, Any]:
    """Show the calls of a step, and go on with them, or not, as a person decides about those that wait.

    The node runs again from its start when the person has answered; it only reads what the review kept, so that the answer is
    about what was shown.
    """
    waiting = [call for call in state["calls"] if call["approval"]]
    answer = interrupt({"kind": "approval", "calls": [{name: call[name] for name in _SHOWN} for call in state["calls"]]})
    decision = answer if isinstance(answer, dict) else {}
    by = desk.speaker(decision.get("by"))
    try:
        if decision.get("approve") is True:
            tokens = {call["id"]: desk.executor.approve(call["approval"], by) for call in waiting}
            return {"approved_by": by.person, "calls": [{**call, "token": tokens.get(call["id"])} for call in state["calls"]]}
        reason = str(decision.get("reason", ""))
    except NightschoolError as error:
        reason = str(error)
    for call in waiting:
        desk.executor.withdraw(call["approval"], by, reason)
    return _not_done(state, reason)


def _not_done(state: State, reason: str) -> dict[str, Any]:
    text = f"Not done{': ' + reason if reason else ''}."
    return {
        "messages": [{"role": "assistant", "content": text}],
        "replies": [{"turn": state["turn"], "kind": "refused", "text": text}],
        "calls": [],
        "outcome": "refused",
    }
