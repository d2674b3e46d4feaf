"""Swaps known names in cases for names no training conversation used: does the caller copy, or remember?"""

import random
from collections.abc import Sequence
from typing import Any

from core.types.case import Case
from core.types.example import Example
from core.types.message import Message, ToolCall
from core.types.prediction import Ask
from core.types.tool import Toolset, Vocabulary
from tools.kinds import leaves
from tools.mentions import NameIndex


class NameSwap:
    """Replaces names of a vocabulary by unused names of the same kind, the same way throughout a case."""

    def __init__(self, toolset: Toolset, training: Sequence[Example], seed: int) -> None:
        self._toolset, self._seed = toolset, seed
        said = "\n".join(_texts(training)).casefold()
        self._unused = {
            kind: [name for name in entry.names if name.casefold() not in said]
            for kind, entry in toolset.vocabulary.items()
            if entry.names
        }
        swappable = {kind: toolset.vocabulary[kind] for kind, names in self._unused.items() if names}
        self._index = NameIndex({kind: Vocabulary(names=entry.names) for kind, entry in swappable.items()})

    def swap(self, case: Case) -> Case:
        """The case with its names swapped; a case without swappable names comes back as it is."""
        table = self._table(case)
        if not table:
            return case
        return case.model_copy(
            update={
                "messages": tuple(self._message(message, table) for message in case.messages),
                "expected": tuple(_swap_call(call, table) for call in case.expected),
                "ask": case.ask and Ask(tool=case.ask.tool, missing=case.ask.missing, arguments=_swap(case.ask.arguments, table)),
                "query": case.query and _swap(case.query, table),
            }
        )

    def _table(self, case: Case) -> dict[str, str]:
        """Old surface to new name, for names that stand in calls as whole values."""
        values = {str(value) for call in _calls(case) for _, _, value in leaves(call.arguments, {})}
        order = random.Random(f"{self._seed}/{case.messages[0].content}")
        pools = {kind: order.sample(names, len(names)) for kind, names in self._unused.items()}
        table: dict[str, str] = {}
        for text in (m.content for m in case.messages if m.role == "user"):
            for mention in self._index.find(text):
                pool = pools.get(mention.kind)
                if not mention.inside and mention.surface in values and mention.surface not in table and pool:
                    table[mention.surface] = pool.pop()
        return table

    def _message(self, message: Message, table: dict[str, str]) -> Message:
        calls = tuple(_swap_call(call, table) for call in message.tool_calls)
        return message.model_copy(update={"content": _swap(message.content, table), "tool_calls": calls})


def _calls(case: Case) -> list[ToolCall]:
    asked = [ToolCall(name=case.ask.tool, arguments=case.ask.arguments)] if case.ask else []
    return [*case.expected, *asked, *(call for message in case.messages for call in message.tool_calls)]


def _swap_call(call: ToolCall, table: dict[str, str]) -> ToolCall:
    return call.model_copy(update={"arguments": _swap(call.arguments, table)})


def _swap(value: Any, table: dict[str, str]) -> Any:
    """Replace every old surface in every string inside a JSON value, longest first."""
    if isinstance(value, str):
        for old in sorted(table, key=len, reverse=True):
            value = value.replace(old, table[old])
        return value
    if isinstance(value, dict):
        return {key: _swap(inner, table) for key, inner in value.items()}
    if isinstance(value, list):
        return [_swap(inner, table) for inner in value]
    return value


def _texts(examples: Sequence[Example]) -> list[str]:
    messages = [message for example in examples for message in example.messages]
    return [*(m.content for m in messages), *(str(c.arguments) for m in messages for c in m.tool_calls)]
