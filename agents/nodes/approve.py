"""Waiting for a person, and what comes of their answer."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from agents.desk import Desk
from agents.state import State
from core.errors import BadInput, Denied, NightschoolError
from core.types.principal import Principal
from tools.executor import Call
from tools.ledger import derived_key
from tools.resolve import Resolution, resolve
from tools.trust import CLEAN
from tools.validate import argument_error

_SHOWN = ("id", "tool", "arguments", "names", "risk", "confidence", "taint", "changes", "why", "approval")


def approve(desk: Desk, state: State, config: RunnableConfig) -> dict[str, Any]:
    """Show the calls of a step, and go on with them, or not, as a person decides about those that wait.

    The node runs again from its start when the person has answered; it only reads what the review kept, so that the answer is
    about what was shown. What the person puts right waits anew, and is let through by the same answer.
    """
    waiting = [call for call in state["calls"] if call["approval"]]
    answer = interrupt({"kind": "approval", "calls": [{name: call[name] for name in _SHOWN} for call in state["calls"]]})
    decision = answer if isinstance(answer, dict) else {}
    by, edits = desk.speaker(decision.get("by")), decision.get("edits") or {}
    calls = list(state["calls"])
    try:
        if decision.get("approve") is True:
            thread, asker = config["configurable"]["thread_id"], desk.speaker(state.get("by"))
            for at, call in enumerate(calls):
                if call["id"] in edits:
                    calls[at] = _put_right(desk, call, edits[call["id"]], thread, asker, by)
            tokens = {call["id"]: desk.executor.approve(call["approval"], by) for call in calls if call["approval"]}
            return {
                "approved_by": by.person,
                "judged": "edited" if edits or state.get("judged") == "edited" else "approved",
                "edited": [*state.get("edited", []), *edits],
                "calls": [{**call, "token": tokens.get(call["id"])} for call in calls],
            }
        reason = str(decision.get("reason", ""))
    except NightschoolError as error:
        reason = str(error)
    for identity in dict.fromkeys(call["approval"] for call in (*waiting, *calls) if call["approval"]):
        desk.executor.withdraw(identity, by, reason)
    return _not_done(state, reason)


def edited(desk: Desk, call: dict[str, Any], said: dict[str, Any], by: Principal) -> Resolution:
    """The arguments a person wants instead, resolved. Who writes them answers for them: they must be theirs to write, too.

    Raises:
        BadInput: They do not fit the tool, or name no record, or several.
        Denied: The call takes two people, and an edit would be one's alone; or policy would not let this person write it.
        ToolError: A rule of the business system would be broken.
    """
    if not call["approval"]:
        raise BadInput(f"call {call['id']!r}: does not wait; only what waits can be put right")
    if desk.executor.approvals.get(call["approval"]).four_eyes:
        raise Denied(f"{call['tool']}: takes two people; reject it, and have it asked for anew")
    tool = desk.toolset.by_name[call["tool"]]
    if problem := argument_error(tool, said, True):
        raise BadInput(f"{call['tool']}: {problem}")
    found = resolve(tool, said, desk.book)
    if found.questions:
        raise BadInput(" ".join(question.text for question in found.questions))
    decision = desk.executor.judge(call["tool"], found.arguments, by)
    if decision.verdict == "deny" or decision.four_eyes:
        raise Denied(f"{call['tool']}: not {by.person}'s to write: {decision.why}")
    return found


def _put_right(
    desk: Desk, call: dict[str, Any], said: dict[str, Any], thread: str, asker: Principal, by: Principal
) -> dict[str, Any]:
    found = edited(desk, call, said, by)
    key = derived_key(thread, call["id"], call["tool"], found.arguments)
    wanted = Call(tool=call["tool"], arguments=found.arguments, principal=asker, key=key)
    request = desk.executor.ask(wanted, f"edited by {by.person}", thread)
    if request.id != call["approval"]:
        desk.executor.withdraw(call["approval"], by, f"edited by {by.person}")
    new = {"said": said, "arguments": found.arguments, "names": found.names, "approval": request.id}
    return {**call, **new, "taint": CLEAN.model_dump(mode="json")}


def _not_done(state: State, reason: str) -> dict[str, Any]:
    text = f"Not done{': ' + reason if reason else ''}."
    return {
        "messages": [{"role": "assistant", "content": text}],
        "replies": [{"turn": state["turn"], "kind": "refused", "text": text}],
        "calls": [],
        "judged": "rejected",
        "outcome": "refused",
    }
