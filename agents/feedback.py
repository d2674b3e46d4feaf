"""Feedback: a person says of a turn that it was right, or what would have been."""

from collections.abc import Callable, Sequence

import numpy as np

from core.errors import BadInput, NotFound
from core.traces import TraceStore
from core.types.message import Message, ToolCall
from core.types.principal import Principal
from core.types.tool import Toolset
from core.types.trace import CORRECTION, Trace
from retrieval.answer import answer
from retrieval.asked import Asked
from retrieval.knowledge import Encoder, Knowledge
from tools.validate import argument_error

_PASSAGES = 5


def accept(
    traces: TraceStore, knowledge: Knowledge, encoder: Encoder, trace_id: str, may_see: Callable[[Principal, str], bool]
) -> Trace:
    """The turn was right: its trace teaches from now on, and a question like it will find the same words.

    Args:
        traces: Where it lies.
        knowledge: Where questions that were answered well are remembered.
        encoder: Tells which line of a passage answers.
        trace_id: The turn.
        may_see: Whether a page may be quoted to who asked.

    Raises:
        NotFound: No such trace.
    """
    trace = traces.accept(trace_id)
    if trace.outcome == "knowledge":
        question = trace.query or next(said.content for said in reversed(trace.messages) if said.role == "user")
        hits = knowledge.search(question, _PASSAGES, lambda page: may_see(trace.principal, page))
        found = answer(question, hits, encoder)
        if found.sources:
            words = _nearest_line(question, found.sources[0].quote, encoder)
            knowledge.learn([Asked(question, found.sources[0].document, words)], trace.principal)
    return trace


def _nearest_line(question: str, quote: str, encoder: Encoder) -> str:
    lines = quote.split("\n")
    vectors = encoder.embed([question, *lines])
    return lines[int(np.argmax(vectors[1:] @ vectors[0]))]


def correct(traces: TraceStore, toolset: Toolset, trace_id: str, calls: Sequence[ToolCall], author: str = "") -> Trace:
    """The first step of the turn should have been these calls; a new trace says so and teaches, the old one does not.

    Args:
        traces: Where both lie.
        toolset: What the calls are of.
        trace_id: The turn that went wrong.
        calls: What would have been right; none means that nothing was to be called.
        author: Who says so.

    Raises:
        NotFound: No such trace, or a tool the toolset has not.
        BadInput: Arguments that do not fit.
    """
    wrong = traces.get(trace_id)
    for call in calls:
        tool = toolset.by_name.get(call.name)
        if tool is None:
            raise NotFound(f"tool {call.name!r}: not in toolset {toolset.name!r}")
        if problem := argument_error(tool, call.arguments, True):
            raise BadInput(f"{call.name}: {problem}")
    said = max(at for at, message in enumerate(wrong.messages) if message.role == "user")
    right = tuple(call.model_copy(update={"id": f"c{number}"}) for number, call in enumerate(calls, 1))
    messages = (*wrong.messages[: said + 1], *((Message(role="assistant", tool_calls=right),) if right else ()))
    trace = wrong.model_copy(
        update={
            "messages": messages,
            "unlearned": answers_before(messages),
            "outcome": "calls" if right else "none",
            "query": None,
            "missing": None,
            "partial": None,
            "source": CORRECTION + trace_id,
            "accepted": True,
            "author": author,
            "schema_hashes": wrong.schema_hashes | {call.name: toolset.schema_hashes[call.name] for call in right},
        }
    )
    traces.add([trace])
    return trace


def answers_before(messages: Sequence[Message]) -> tuple[int, ...]:
    """Which messages are answers to earlier requests than the last: each turn is judged by itself."""
    said = max(at for at, message in enumerate(messages) if message.role == "user")
    return tuple(at for at, message in enumerate(messages[:said]) if message.role == "assistant")
