"""Carrying calls out: through the executor, each under a key that names its place in the thread."""

import json
from typing import Any

from langchain_core.runnables import RunnableConfig

from agents.desk import Desk
from agents.state import State
from core.errors import ContactLost, StoreError, ToolError
from tools.ledger import derived_key
from tools.trust import Taint

_MOST_CHARACTERS = 6_000
"""Of a tool's result in the conversation; what is longer is cut and says so."""


def execute(desk: Desk, state: State, config: RunnableConfig) -> dict[str, Any]:
    """Do the calls in order. One that breaks a rule, or is not answered, does not stop the others; its error is its result.

    A crash in the middle runs this node again: every write has the same key then, and happens once.
    """
    thread, principal = config["configurable"]["thread_id"], desk.speaker(state.get("by"))
    told = [
        {"id": call["id"], "type": "function", "function": {"name": call["tool"], "arguments": json.dumps(call["said"])}}
        for call in state["calls"]
    ]
    messages: list[dict[str, Any]] = [{"role": "assistant", "content": "", "tool_calls": told}]
    replies: list[dict[str, Any]] = []
    for call in state["calls"]:
        reply = {"turn": state["turn"], "kind": "done", "call": {key: call[key] for key in ("id", "tool", "arguments", "names")}}
        try:
            tool, arguments = call["tool"], call["arguments"]
            key = derived_key(thread, call["id"], tool, arguments)
            effect = desk.executor.execute(
                tool, arguments, principal, key, call.get("token"), Taint.model_validate(call["taint"])
            )
            result: dict[str, Any] = effect.result
            reply |= {"text": effect.reply, "changes": [change.model_dump(mode="json") for change in effect.changes]}
        except (ToolError, StoreError, ContactLost) as error:
            result = {"error": str(error)}
            reply |= {"kind": "failed", "text": str(error), "changes": []}
        messages.append(
            {"role": "tool", "tool_call_id": call["id"], "content": _shortened(json.dumps(result, ensure_ascii=False))}
        )
        replies.append(reply)
    unseen = sum(call["risk"] != "read" and not call.get("token") for call in state["calls"])
    schemas = _schemas(desk, state)
    return {"messages": messages, "replies": replies, "calls": [], "unseen": state.get("unseen", 0) + unseen, "schemas": schemas}


def _schemas(desk: Desk, state: State) -> dict[str, str]:
    """What the tools of this thread are called by, this step's among them: a thread may go on after a tool has changed."""
    known, now = state.get("schemas", {}), desk.toolset.schema_hashes
    called = {call["tool"]: now[call["tool"]] for call in state["calls"] if call["tool"] in now}
    return {**known, **{tool: schema if known.get(tool, schema) == schema else "several" for tool, schema in called.items()}}


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "… (cut)"
