"""Whether calls may be carried out, or a person is asked first."""

from typing import Any

from langchain_core.runnables import RunnableConfig

from agents.desk import Desk
from agents.state import State
from core.errors import ContactLost, ToolError
from core.types.message import read_messages
from core.types.principal import Principal
from tools.approvals import Request
from tools.executor import Call
from tools.ledger import derived_key
from tools.trust import CLEAN, Taint, taint_of


def review(desk: Desk, state: State, config: RunnableConfig) -> dict[str, Any]:
    """Let pass what policy allows and what is sure; have the rest wait, with what it would change and why.

    What waits is settled here and kept: the person is shown it and decides about it in a node of its own (`approve.py`), which
    judges nothing anew.
    """
    thread, asker = config["configurable"]["thread_id"], desk.speaker(state.get("by"))
    return {"calls": [_reviewed(desk, state, call, thread, asker) for call in state["calls"]]}


def _reviewed(desk: Desk, state: State, call: dict[str, Any], thread: str, asker: Principal) -> dict[str, Any]:
    taint = _taint(desk, state, call)
    request = _request(desk, call, taint, thread, asker)
    reviewed = {**call, "taint": taint.model_dump(mode="json"), "changes": [], "why": "", "approval": ""}
    if request is None:
        return reviewed
    changes = [change.model_dump(mode="json") for change in desk.executor.seen(request.shown.effect, asker).changes]
    return {**reviewed, "changes": changes, "why": request.shown.why, "approval": request.id}


def _taint(desk: Desk, state: State, call: dict[str, Any]) -> Taint:
    """What of a write nobody vouches for."""
    if call["risk"] == "read":
        return CLEAN
    quoted = [str(reply["text"]) for reply in state.get("replies", []) if reply["kind"] == "answer"]
    tool = desk.toolset.by_name[call["tool"]]
    taint = taint_of(read_messages(state["messages"]), quoted, tool, call["said"], desk.executor.trust)
    new_words = [f"the new description of {name}" for name in sorted(desk.guard.reworded())] if desk.guard is not None else []
    return taint.model_copy(update={"read": (*taint.read, *new_words)})


def _request(desk: Desk, call: dict[str, Any], taint: Taint, thread: str, asker: Principal) -> Request | None:
    """What waits for a person; None where the call may be carried out, or will be refused then."""
    if call["risk"] == "read":
        return None
    tool, arguments = call["tool"], call["arguments"]
    unsure = f"only {call['confidence']:.0%} sure" if call["confidence"] < desk.thresholds.act else ""
    try:
        verdict = desk.executor.judge(tool, arguments, asker, taint).verdict
        if verdict == "deny" or (verdict == "allow" and not unsure):
            return None
        key = derived_key(thread, call["id"], tool, arguments)
        asked = Call(tool=tool, arguments=arguments, principal=asker, key=key, taint=taint)
        return desk.executor.ask(asked, unsure, thread)
    except (ToolError, ContactLost):  # said when it is carried out, and refused
        return None
