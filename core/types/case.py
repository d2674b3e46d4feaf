"""A case: a request with what is expected, to examine with."""

from collections.abc import Mapping
from typing import Any, Literal

from core.errors import BadInput
from core.types.example import Example, Step
from core.types.message import Message, ToolCall, read_call, read_messages, write_messages
from core.types.prediction import Ask
from core.types.tool import Toolset
from core.types.trace import OUTCOMES, Outcome
from core.types.value import Value

Part = Literal["gate", "report"]
"""`gate` decides promotions, `report` is only ever reported."""
PARTS: tuple[Part, ...] = ("gate", "report")


class Case(Value):
    """One request and the right next step."""

    messages: tuple[Message, ...]
    """The last message is the user's or a tool's."""
    expected: tuple[ToolCall, ...] = ()
    """The right calls of the step; a multiset."""
    outcome: Outcome | None = None
    """The right outcome, where given."""
    ask: Ask | None = None
    """For `ask`: tool and missing count, arguments are reported."""
    query: str | None = None
    """For `knowledge`: the core of the question, where given."""
    shape: str | None = None
    """Cluster for intervals."""
    part: Part = "gate"
    """Half of a golden set: the gate's, which decides, or the report's, which is only looked at."""


def read_case(raw: Any) -> Case:
    """Read one case of the contract.

    Raises:
        BadInput: Names the field.
    """
    if not isinstance(raw, Mapping):
        raise BadInput("expected an object with messages", code="bad_row")
    messages = read_messages(raw.get("messages"))
    if messages[-1].role not in ("user", "tool"):
        raise BadInput(f"messages: the last one must be the user's or a tool's, is {messages[-1].role}", code="bad_messages")
    outcome = raw.get("outcome")
    if outcome is not None and outcome not in OUTCOMES:
        raise BadInput(f"outcome: expected one of {', '.join(OUTCOMES)}, got {outcome!r}", code="bad_outcome")
    expected = raw.get("expected", [])
    if not isinstance(expected, list):
        raise BadInput("expected: must be an array of calls", code="bad_row")
    part = raw.get("part", "gate")
    if part not in PARTS:
        raise BadInput(f"part: expected one of {', '.join(PARTS)}, got {part!r}", code="bad_row")
    return Case(
        messages=messages,
        part=part,
        expected=tuple(read_call(call, f"expected[{i}]") for i, call in enumerate(expected)),
        outcome=outcome,
        ask=_read_ask(raw.get("ask")),
        query=raw.get("query") if isinstance(raw.get("query"), str) else None,
        shape=str(raw["shape"]) if raw.get("shape") is not None else None,
    )


def write_case(case: Case) -> dict[str, Any]:
    """The case as `read_case` reads it."""
    return {
        "messages": write_messages(case.messages),
        "expected": [{"name": call.name, "arguments": call.arguments} for call in case.expected],
        "outcome": case.outcome,
        "ask": case.ask.model_dump() if case.ask else None,
        "query": case.query,
        "shape": case.shape,
        "part": case.part,
    }


def _read_ask(raw: Any) -> Ask | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping) or not isinstance(raw.get("tool"), str) or not isinstance(raw.get("missing"), str):
        raise BadInput("ask: expected {tool, missing, arguments}", code="bad_row")
    return Ask(tool=raw["tool"], missing=raw["missing"].rpartition(".")[2], arguments=raw.get("arguments") or {})


def cases_of(example: Example, toolset: Toolset) -> list[Case]:
    """One case for each teaching step of an example, the turns before it as they were."""
    return [_case(example, step, toolset) for step in example.steps]


def _case(example: Example, step: Step, toolset: Toolset) -> Case:
    ask = None
    if step.outcome == "ask":
        partial = step.calls[0]
        missing = step.missing or toolset.by_name[partial.name].first_unmet(partial.arguments) or ""
        ask = Ask(tool=partial.name, missing=missing, arguments=partial.arguments)
    return Case(
        messages=example.messages[: step.position],
        expected=step.calls if step.outcome == "calls" else (),
        outcome=step.outcome,
        ask=ask,
        query=step.query,
        shape=example.cluster,
    )
