"""Joining: rows of two wishes made out of rows of one.

Few rows have a second wish, and a writer that has seen few drops it. Two requests are said in one breath ("pairs"), or one
request of two records instead of one ("doubles": "confirm SO-1 and SO-2"); the step holds both calls, in the order said.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Toolset
from tools.kinds import KindTable, slot_of

_FRAMES = (
    *(
        ("", joint)
        for joint in (". ", ", and ", " and also ", "; ", ". Also ", ", also ", ", plus ", ". And ", "\n", " & ", " / ")
    ),
    *(("", joint) for joint in (". Besides, ", ", besides ", ". Oh and ", ". Other thing: ", ", and while you are at it ")),
    *(("1. ", "\n2. "), ("a) ", "\nb) "), ("- ", "\n- "), ("* ", "\n* "), ("Two things: ", ", and ")),
)
"""What stands before the first of two wishes, and between them; nothing like "then", which has the second wait for a result."""
_BETWEEN = (
    *(("", joint) for joint in (" and ", ", ", " & ", " plus ", " as well as ", " and also ", " + ")),
    *(("both ", joint) for joint in (" and ", " & ")),
)
"""What stands before the first of two records, and between them."""
_DOUBLES = 1 / 3
"""Share of the joined rows that are of one verb and two records."""


class Joiner:
    """Joins rows of one toolset."""

    def __init__(self, toolset: Toolset, table: KindTable, share: float, seed: int) -> None:
        """Other seeds join other rows.

        Args:
            toolset: What the calls are of.
            table: Kinds inferred from the dataset; where no step has two calls, nothing is joined.
            share: Joined rows to make, as a share of the rows given.
            seed: Of the choice.
        """
        self._toolset, self._table, self._seed = toolset, table, seed
        self._share = share if table.max_calls > 1 else 0.0

    def join(self, examples: Sequence[Example]) -> list[Example]:
        """Joined rows of those examples that have one user turn and one step of one call, and ask nothing."""
        single = [example for example in examples if _is_single(example)]
        wanted = self._share * len(examples)
        return [*self._pairs(single, round(wanted * (1 - _DOUBLES))), *self._doubles(single, round(wanted * _DOUBLES))]

    def _pairs(self, single: Sequence[Example], count: int) -> list[Example]:
        order = random.Random(f"{self._seed}/pairs")
        made = []
        for number in range(count) if len(single) > 1 else ():
            first, second = order.sample(single, 2)
            before, between = order.choice(_FRAMES)
            said = before + first.messages[0].content.strip().rstrip(".!,; ") + between + second.messages[0].content.strip()
            calls = (*first.steps[0].calls, *second.steps[0].calls)
            made.append(_row(f"{first.trace_id}+{second.trace_id}#{number}", first.cluster, said, calls))
        return made

    def _doubles(self, single: Sequence[Example], count: int) -> list[Example]:
        order = random.Random(f"{self._seed}/doubles")
        records = [(example, list(self._records(example))) for example in single]
        known: dict[str, list[str]] = defaultdict(list)
        for _, found in records:
            for _, kind, value in found:
                known[kind].append(value)
        fit = [(example, found) for example, found in records if found and not _counts(example.steps[0].calls[0])]
        made = []
        for number in range(count) if fit else ():
            example, found = order.choice(fit)
            name, kind, value = order.choice(found)
            other = order.choice(known[kind])
            if other != value:
                made.append(_doubled(example, name, value, other, order.choice(_BETWEEN), number))
        return made

    def _records(self, example: Example) -> Iterator[tuple[str, str, str]]:
        """Argument, kind and value of every record the single call names and the request says once."""
        call = example.steps[0].calls[0]
        tool = self._toolset.by_name.get(call.name)
        for name, schema in tool.properties.items() if tool else ():
            value: Any = call.arguments.get(name)
            slot = slot_of(self._toolset, self._table, name, schema)
            said_once = isinstance(value, str) and len(_places(value, example.messages[0].content)) == 1
            if said_once and slot.mode == "mention":
                yield name, slot.kind, value


def _is_single(example: Example) -> bool:
    users = [message for message in example.messages if message.role == "user"]
    return (
        len(example.steps) == len(users) == 1
        and example.steps[0].outcome == "calls"
        and len(example.steps[0].calls) == 1
        and example.steps[0].position == 1
        and "?" not in users[0].content
        and "\n" not in users[0].content
    )


def _counts(call: ToolCall) -> bool:
    """Whether a call holds a number or a list: whether it counts for each record or for both is not said."""
    return any(isinstance(value, int | float | list) for value in call.arguments.values())


def _places(value: str, text: str) -> list[int]:
    return [match.start() for match in re.finditer(rf"(?<![\w/-]){re.escape(value)}(?![\w/-])", text)]


def _doubled(example: Example, name: str, value: str, other: str, joint: tuple[str, str], number: int) -> Example:
    said = example.messages[0].content
    (place,) = _places(value, said)
    before, between = joint
    said = said[:place] + before + value + between + other + said[place + len(value) :]
    call = example.steps[0].calls[0]
    second = call.model_copy(update={"arguments": {**call.arguments, name: other}})
    return _row(f"{example.trace_id}*2#{number}", example.cluster, said, (call, second))


def _row(identity: str, cluster: str, said: str, calls: tuple[ToolCall, ...]) -> Example:
    return Example(
        trace_id=identity,
        cluster=cluster,
        messages=(Message(role="user", content=said), Message(role="assistant", tool_calls=calls)),
        steps=(Step(position=1, outcome="calls", calls=calls),),
    )
