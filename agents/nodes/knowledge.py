"""Looking up, and answering with quotations."""

from typing import Any

from agents.desk import Desk
from agents.state import State
from retrieval.answer import answer

_PASSAGES = 5


def look_up(desk: Desk, state: State) -> dict[str, Any]:
    """Search the pages for the question, and answer with what they say and where."""
    question = state["query"]
    found = answer(question, desk.knowledge.search(question, _PASSAGES), desk.encoder)
    reply = {
        "turn": state["turn"],
        "kind": "answer",
        "text": found.text,
        "sources": [source.model_dump() for source in found.sources],
    }
    return {
        "messages": [{"role": "assistant", "content": found.text}],
        "replies": [reply],
        "outcome": "knowledge",
    }
