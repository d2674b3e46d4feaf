"""The end of a turn: what is said where nothing was done, and the record of it all."""

import json
import re
from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig

from agents.desk import Desk
from agents.feedback import answers_before, correct
from agents.state import State
from core.types.message import ToolCall, read_messages
from core.types.trace import OUTCOMES, THREAD, Trace

_SMALL_TALK = "I am here for the work: orders, invoices, stock, tickets, and what our handbook says."
_OUT_OF_SCOPE = "That is nothing I can do or look up; a colleague will have to."
_DONE = "Done."
_BROKEN_OFF = "Something failed there and I stopped. What was done before it stands."
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def refuse(desk: Desk, state: State) -> dict[str, Any]:
    """Say politely that nothing is done."""
    text = _SMALL_TALK if state["route"] == "smalltalk" else _OUT_OF_SCOPE
    return {
        "messages": [{"role": "assistant", "content": text}],
        "replies": [{"turn": state["turn"], "kind": "none", "text": text}],
        "outcome": "none",
    }


def broken_off(state: Mapping[str, Any]) -> dict[str, Any]:
    """The end of a turn in which something failed: the thread says so, as whoever spoke was told it as an error.

    It leaves no trace to learn from, and what failed is not repeated here: errors may name what is not for everybody.
    """
    return {
        "messages": [{"role": "assistant", "content": _BROKEN_OFF}],
        "replies": [{"turn": state["turn"], "kind": "error", "text": _BROKEN_OFF}],
        "calls": [],
        "outcome": "error",
    }


def record(desk: Desk, state: State, config: RunnableConfig) -> dict[str, Any]:
    """Keep the turn as a trace, and write its receipt.

    It is unconfirmed until somebody says it was right, and teaches nothing of earlier turns: these have traces of their own.
    Where a person saw every write of it before it was done and let it be, somebody has; what they put right first is right for
    the next such request, too.
    """
    said = state["messages"][-1]
    closing = [] if said["role"] == "assistant" and not said.get("tool_calls") else [{"role": "assistant", "content": _DONE}]
    outcome = state["outcome"] if state["outcome"] in OUTCOMES else None
    judged = state.get("judged", "")
    messages = read_messages([*state["messages"], *closing])
    trace = Trace(
        toolset=desk.toolset.name,
        messages=messages,
        unlearned=answers_before(messages),
        outcome=outcome,
        query=state["query"] if outcome == "knowledge" else None,
        source=THREAD + config["configurable"]["thread_id"],
        accepted=_was_seen_whole(state) and _says_its_values(state),
        judged=judged,
        principal=desk.speaker(state.get("by")),
        schema_hashes=desk.toolset.schema_hashes | state.get("schemas", {}),
    )
    desk.traces.add([trace])
    if trace.accepted and any(identity.startswith(f"t{state['turn']}s1c") for identity in state.get("edited", [])):
        correct(desk.traces, desk.toolset, trace.id, _first_step(trace))
    receipt = {
        "trace": trace.id,
        "route": state["route"],
        "route_confidence": round(state["route_confidence"], 4),
        "release": desk.caller.release_id,
        "confidence": round(state["confidence"], 4),
        "outcome": state["outcome"],
        "approved_by": state.get("approved_by", ""),
        "sources": [
            source["document"]
            for reply in state["replies"]
            if reply["turn"] == state["turn"]
            for source in reply.get("sources", [])
        ],
    }
    return {"messages": closing, "receipt": receipt}


def _was_seen_whole(state: State) -> bool:
    """Whether a person let every write of a turn be done, and all of it was."""
    if state.get("judged", "") not in ("approved", "edited") or state.get("unseen", 0) or state["outcome"] != "done":
        return False
    return all(reply["kind"] not in ("failed", "open") for reply in state["replies"] if reply["turn"] == state["turn"])


def _first_step(trace: Trace) -> tuple[ToolCall, ...]:
    said = max(at for at, message in enumerate(trace.messages) if message.role == "user")
    return trace.messages[said + 1].tool_calls


def _says_its_values(state: State) -> bool:
    """Whether what a person put right stands in the request; what they merely wished differently is no lesson."""
    edited, said = set(state.get("edited", [])), state["messages"]
    words = " ".join(str(message["content"]) for message in said if message["role"] == "user").casefold()
    calls = [call for message in said for call in message.get("tool_calls") or [] if call["id"] in edited]
    return all(_is_said(value, words) for call in calls for value in json.loads(call["function"]["arguments"]).values())


def _is_said(value: Any, words: str) -> bool:
    if isinstance(value, dict | list):
        return all(_is_said(part, words) for part in (value.values() if isinstance(value, dict) else value))
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return any(float(number) == value for number in _NUMBER.findall(words.replace(",", "")))
    return str(value).casefold() in words
