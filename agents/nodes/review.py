"""Whether calls may be carried out, or a person is asked first."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from agents.desk import Desk
from agents.state import State
from core.errors import NightschoolError, ToolError
from core.types.message import read_messages
from core.types.principal import Principal
from tools.approvals import Request
from tools.ledger import derived_key
from tools.trust import CLEAN, Taint, taint_of


def review(desk: Desk, state: State, config: RunnableConfig) -> dict[str, Any]:
    """Let pass what policy allows and what is sure; show the rest with what it would change, and wait for a person.

    The node runs again from its start when the person has answered: asking for the same again changes nothing.
    """
    thread, asker = config["configurable"]["thread_id"], desk.speaker(state.get("by"))
    calls = [{**call, "taint": _taint(desk, state, call).model_dump(mode="json")} for call in state["calls"]]
    requests = {call["id"]: found for call in calls if (found := _request(desk, call, thread, asker)) is not None}
    if not requests:
        return {"calls": calls}
    answer = interrupt({"kind": "approval", "calls": [_shown(desk, call, requests.get(call["id"]), asker) for call in calls]})
    decision = answer if isinstance(answer, dict) else {}
    by = desk.speaker(decision.get("by"))
    try:
        if decision.get("approve") is True:
            tokens = {number: desk.executor.approve(request.id, by) for number, request in requests.items()}
            return {"approved_by": by.person, "calls": [{**call, "token": tokens.get(call["id"])} for call in calls]}
        reason = str(decision.get("reason", ""))
    except NightschoolError as error:
        reason = str(error)
    for request in requests.values():
        desk.executor.withdraw(request.id, by, reason)
    return _not_done(state, reason)


def _taint(desk: Desk, state: State, call: dict[str, Any]) -> Taint:
    """What of a write nobody vouches for."""
    if call["risk"] == "read":
        return CLEAN
    quoted = [str(reply["text"]) for reply in state.get("replies", []) if reply["kind"] == "answer"]
    tool = desk.toolset.by_name[call["tool"]]
    taint = taint_of(read_messages(state["messages"]), quoted, tool, call["said"], desk.executor.trust)
    new_words = [f"the new description of {name}" for name in sorted(desk.guard.reworded())] if desk.guard is not None else []
    return taint.model_copy(update={"read": (*taint.read, *new_words)})


def _request(desk: Desk, call: dict[str, Any], thread: str, asker: Principal) -> Request | None:
    """What waits for a person; None where the call may be carried out, or will be refused then."""
    if call["risk"] == "read":
        return None
    tool, arguments, taint = call["tool"], call["arguments"], Taint.model_validate(call["taint"])
    unsure = f"only {call['confidence']:.0%} sure" if call["confidence"] < desk.thresholds.act else ""
    try:
        verdict = desk.executor.judge(tool, arguments, asker, taint).verdict
        if verdict == "deny" or (verdict == "allow" and not unsure):
            return None
        key = derived_key(thread, call["id"], tool, arguments)
        return desk.executor.ask(tool, arguments, asker, key, taint, unsure, thread)
    except ToolError:
        return None


def _shown(desk: Desk, call: dict[str, Any], request: Request | None, asker: Principal) -> dict[str, Any]:
    """The call with what it would change, and why it waits, if it does."""
    shown = {key: call[key] for key in ("id", "tool", "arguments", "names", "risk", "confidence", "taint")}
    if request is None:
        return {**shown, "changes": []}
    changes = [change.model_dump(mode="json") for change in desk.executor.seen(request.shown.effect, asker).changes]
    return {**shown, "changes": changes, "approval": request.id, "why": request.shown.why}


def _not_done(state: State, reason: str) -> dict[str, Any]:
    text = f"Not done{': ' + reason if reason else ''}."
    return {
        "messages": [{"role": "assistant", "content": text}],
        "replies": [{"turn": state["turn"], "kind": "refused", "text": text}],
        "calls": [],
        "outcome": "refused",
    }
