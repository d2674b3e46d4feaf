"""Procedures become cases for review: a named tool, or what a release would do; never more than a proposal."""

from collections.abc import Sequence
from typing import Any

from core.errors import BadInput
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.tool import Toolset, read_toolset
from finetune.procedure_cases import draft_cases
from finetune.progress import Silent
from retrieval.procedures import Procedure

_ORDER = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
TOOLSET: Toolset = read_toolset(
    "shop",
    [
        {"name": "cancel", "parameters": _ORDER},
        {"name": "sweep", "parameters": {"type": "object"}},
        {"name": "look", "parameters": _ORDER},
    ],
)


class Release:
    """Looks up what is numbered, asks where somebody says status, and refuses what is long."""

    def predict(self, messages: Sequence[Message]) -> Prediction:
        said = messages[-1].content
        if len(said) > 200:
            raise BadInput("too long")
        sure: dict[str, Any] = {"confidence": 0.5, "latency_ms": 1.0}
        if "SO-1" in said:
            return Prediction(outcome="calls", tool_calls=(ToolCall(name="look", arguments={"order": "SO-1"}),), **sure)
        if "status" in said:
            return Prediction(outcome="ask", ask=Ask(tool="look", missing="order", arguments={}), **sure)
        return Prediction(outcome="none", **sure)


def drafted(*steps: str, requests: tuple[str, ...] = ()) -> Any:
    procedure = Procedure(document="p.md", title="Cancelling", requests=requests, steps=steps)
    return draft_cases([procedure], TOOLSET, Release(), Silent())


def test_steps_come_to_what_a_release_would_do() -> None:
    proposals, left_out = drafted("Check the status.", "Tell the customer.", requests=("where is SO-1?",))
    assert [(one.stratum, one.case.messages[0].content) for one in proposals] == [
        ("procedure: look", "where is SO-1?"),
        ("procedure: ask", "Check the status."),
    ]
    assert proposals[0].case.expected[0].arguments == {"order": "SO-1"} and proposals[1].case.ask.missing == "order"
    assert all(one.trace == "procedure p.md: Cancelling" and one.state(TOOLSET) == "proposed" for one in proposals)
    assert left_out == {"nothing that a tool does": 1}


def test_a_named_tool_is_believed_before_a_release() -> None:
    proposals, _ = drafted("Check the status, then `cancel`.", "sweep", "Use look for SO-1")
    assert proposals[0].case.ask == Ask(tool="cancel", missing="order", arguments={})
    assert proposals[1].case.expected == (ToolCall(name="sweep", arguments={}),)
    assert proposals[2].case.expected[0].arguments == {"order": "SO-1"}, "the release agrees, and knows which"


def test_what_names_two_tools_is_left_to_the_release_and_nothing_is_proposed_twice() -> None:
    proposals, left_out = drafted("cancel or sweep", "Check the status.", "Check the status.", "canceled", "x" * 300)
    assert [one.stratum for one in proposals] == ["procedure: ask"]
    assert left_out == {"nothing that a tool does": 2, "said before": 1, "too long to be said": 1}


def test_what_examines_already_or_was_learned_is_not_proposed() -> None:
    procedure = Procedure(document="p.md", title="Cancelling", requests=(), steps=("Check the status of an order now.", "sweep"))
    met = [(Message(role="user", content="check the status of an order, please"),)]
    proposals, left_out = draft_cases([procedure], TOOLSET, Release(), Silent(), met)
    assert [one.case.messages[0].content for one in proposals] == ["sweep"] and left_out == {"like what is known": 1}
