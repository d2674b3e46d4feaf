"""A turn, from what is said to what is recorded, as a LangGraph.

    route ─┬─ knowledge ────────────────────────────────────── look up ─┐
           ├─ action, mixed ── decide ── review ─(approve)─ execute     ├─ record
           │                     ▲ └─ ask, done ──────────────┘ (again) │
           └─ small talk, out of scope ─────────────────────── refuse ──┘

The state is checkpointed before every node: a thread goes on where it was after a crash, and waits for a person as long as it
takes. What a checkpoint cannot do is keep an effect from happening twice; the executor's ledger does.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agents.desk import Desk
from agents.nodes.approve import approve
from agents.nodes.close import record, refuse
from agents.nodes.decide import decide
from agents.nodes.execute import execute
from agents.nodes.knowledge import look_up
from agents.nodes.review import review
from agents.nodes.route import route
from agents.state import State


def build_graph(desk: Desk, saver: BaseCheckpointSaver[Any]) -> CompiledStateGraph[State, None, State, State]:
    """The graph of one desk, ready to be invoked with `{"said": …}` under a thread id."""
    graph = StateGraph(State)
    nodes: dict[str, Callable[..., dict[str, Any]]] = {
        "route": route,
        "decide": decide,
        "review": review,
        "approve": approve,
        "execute": execute,
        "look up": look_up,
        "refuse": refuse,
        "record": record,
    }
    for name, node in nodes.items():
        graph.add_node(name, partial(node, desk))
    graph.add_edge(START, "route")
    graph.add_conditional_edges("route", _after_route, ["decide", "look up", "refuse"])
    graph.add_conditional_edges("decide", _after_decide, ["review", "look up", "refuse", "record"])
    graph.add_conditional_edges("review", _after_review, ["approve", "execute"])
    graph.add_conditional_edges("approve", _after_approve, ["execute", "record"])
    graph.add_edge("execute", "decide")
    graph.add_edge("look up", "record")
    graph.add_edge("refuse", "record")
    graph.add_edge("record", END)
    return graph.compile(checkpointer=saver)


def _after_route(state: State) -> str:
    return {"knowledge": "look up", "smalltalk": "refuse", "out_of_scope": "refuse"}.get(state["route"], "decide")


def _after_decide(state: State) -> str:
    if state["calls"]:
        return "review"
    if state["outcome"] == "look_up" or (state["route"] == "mixed" and state["outcome"] in ("done", "none")):
        return "look up"
    return "refuse" if state["outcome"] == "none" else "record"


def _after_review(state: State) -> str:
    return "approve" if any(call["approval"] for call in state["calls"]) else "execute"


def _after_approve(state: State) -> str:
    return "execute" if state["calls"] else "record"
