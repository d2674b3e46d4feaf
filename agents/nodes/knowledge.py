"""Looking up, and answering with quotations."""

from typing import Any

from agents.desk import Desk
from agents.state import State
from retrieval.answer import answer
from tools.clauses import find_clauses

_PASSAGES = 5


def look_up(desk: Desk, state: State) -> dict[str, Any]:
    """Search the pages that whoever asks may see for the question, and answer with what they say and where."""
    question, asker = _question(desk, state), desk.speaker(state.get("by"))
    hits = desk.knowledge.search(question, _PASSAGES, lambda page: desk.executor.may_look_up(page, asker))
    found = answer(question, hits, desk.encoder)
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


def _question(desk: Desk, state: State) -> str:
    """What is looked up: of a request that is to be done and answered both, the clauses that ask."""
    said = state["query"]
    if state["route"] != "mixed" or desk.router is None:
        return said
    clauses = find_clauses(said, ())
    asking = [clause for clause, routed in zip(clauses, desk.router.route(clauses), strict=True) if routed.best == "knowledge"]
    return " ".join(asking) or said
