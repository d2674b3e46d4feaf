"""Whether calls may be carried out, or a person is asked first."""

from typing import Any

from langgraph.types import interrupt

from agents.desk import Desk
from agents.state import State
from core.errors import ToolError


def review(desk: Desk, state: State) -> dict[str, Any]:
    """Let sure calls pass; show the others with what they would change, and wait for a person.

    Nothing here has an effect: the node runs again from its start when the person has answered.
    """
    doubtful = [call for call in state["calls"] if call["risk"] != "read" and _needs_a_person(desk, call)]
    if not doubtful:
        return {}
    answer = interrupt({"kind": "approval", "calls": [_proposed(desk, call) for call in state["calls"]]})
    if isinstance(answer, dict) and answer.get("approve") is True:
        return {"approved_by": desk.speaker(answer.get("by")).person}
    reason = str(answer.get("reason", "")) if isinstance(answer, dict) else ""
    text = f"Not done{': ' + reason if reason else ''}."
    return {
        "messages": [{"role": "assistant", "content": text}],
        "replies": [{"turn": state["turn"], "kind": "refused", "text": text}],
        "calls": [],
        "outcome": "refused",
    }


def _needs_a_person(desk: Desk, call: dict[str, Any]) -> bool:
    return bool(call["risk"] == "destructive" or call["confidence"] < desk.thresholds.act)


def _proposed(desk: Desk, call: dict[str, Any]) -> dict[str, Any]:
    """The call with what it would change, or with the rule it would break."""
    shown = {key: call[key] for key in ("id", "tool", "arguments", "names", "risk", "confidence")}
    try:
        effect = desk.executor.propose(call["tool"], call["arguments"])
    except ToolError as error:
        return {**shown, "error": str(error), "changes": []}
    return {**shown, "changes": [change.model_dump(mode="json") for change in effect.changes]}
