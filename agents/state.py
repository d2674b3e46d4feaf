"""The state of a thread: what was said, what is being done, and what one turn has brought so far.

Everything is plain JSON: a checkpoint holds no classes, so that none of them is ever rebuilt from a file.
"""

from operator import add
from typing import Annotated, Any, TypedDict

Route = str
"""`knowledge`, `action`, `mixed`, `smalltalk` or `out_of_scope`."""
ROUTES: tuple[Route, ...] = ("knowledge", "action", "mixed", "smalltalk", "out_of_scope")


class State(TypedDict, total=False):
    """Of one thread."""

    messages: Annotated[list[dict[str, Any]], add]
    """The conversation in OpenAI form, oldest first."""
    turn: int
    """How many times the person has spoken."""
    said: str
    """What the person says now."""
    by: dict[str, Any]
    """Who says it, as a principal."""
    wishes: list[str]
    """What the person said and nothing was done about, until it is done or something else is said."""
    route: Route
    """Where this turn goes."""
    route_confidence: float
    """Of the router, in [0, 1]."""
    query: str
    """What is looked up."""
    steps: int
    """Steps of calls this turn has taken."""
    calls: list[dict[str, Any]]
    """Calls to carry out: id, tool, arguments as said and resolved, risk, names of the records found,
    arguments nobody vouches for, and the token of whoever let it through."""
    approved_by: str
    """The person who let calls of this turn be done; empty where none was asked."""
    judged: str
    """What a person made of this turn's writes before they were done, as a trace has it."""
    edited: list[str]
    """Ids of calls a person put right before they were done."""
    unseen: int
    """Writes of this turn that were done and nobody was shown before."""
    schemas: dict[str, str]
    """Schema hash that each tool called in this thread had then; `several` where it changed in between."""
    confidence: float
    """Of the least sure step of this turn."""
    replies: Annotated[list[dict[str, Any]], add]
    """What is shown: each with its turn, kind and text, and what belongs to it."""
    outcome: str
    """How the turn ended: `done`, `ask`, `knowledge`, `none`, `refused`, `escalated`, `error`."""
    receipt: dict[str, Any]
    """Of the turn, once it is recorded."""
