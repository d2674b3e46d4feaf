"""Joining: rows of two wishes made out of rows of one.

Few rows have a second wish, and a writer that has seen few drops it. Two requests are said in one breath ("pairs"), or one
request of two records instead of one ("doubles": "confirm SO-1 and SO-2"): the step holds both calls, in the order said. Or the
second waits for the first ("sequences": "confirm SO-1, then bill Acme"): a step for each, with results as other rows show them.
Or it hangs on the first one's result ("conditions", finetune/conditions.py).
"""

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

from core.chat import json_text
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Toolset
from finetune.conditions import Condition, on_finding, on_number
from tools.kinds import KindTable, slot_of
from tools.numbers import find_numbers

_FRAMES = (
    *(
        ("", joint)
        for joint in (". ", ", and ", " and also ", "; ", ". Also ", ", also ", ", plus ", ". And ", "\n", " & ", " / ")
    ),
    *(("", joint) for joint in (". Besides, ", ", besides ", ". Oh and ", ". Other thing: ", ", and while you are at it ")),
    *(("1. ", "\n2. "), ("a) ", "\nb) "), ("- ", "\n- "), ("* ", "\n* "), ("Two things: ", ", and ")),
)
"""What stands before the first of two wishes, and between them; nothing like "then", which has the second wait for a result."""
_SEQUENCES = (
    *(
        ("", joint)
        for joint in (", then ", " and then ", ". Then ", ". After that ", ". Once that is done, ", ", and afterwards ")
    ),
    *(("", joint) for joint in ("; when done, ", " -> ", ", and right after ", ". Next, ")),
    *(("First ", joint) for joint in (", then ", ". Then ", ", after that ")),
    ("Step 1: ", ". Step 2: "),
)
"""The same of two wishes of which the second waits."""
_BETWEEN = (
    *(("", joint) for joint in (" and ", ", ", " & ", " plus ", " as well as ", " and also ", " + ")),
    *(("both ", joint) for joint in (" and ", " & ")),
)
"""What stands before the first of two records, and between them."""
_PAIRS, _DOUBLES, _SEQUENTIAL, _BY_NUMBER = 0.35, 0.15, 0.2, 0.15
"""Shares of the joined rows; the rest are conditions on whether anything is found."""


Draw = Callable[[Any, random.Random], Condition | None]


class Answered(NamedTuple):
    """A call and what came of it."""

    call: ToolCall
    result: Any
    """As JSON holds it."""


class Record(NamedTuple):
    """What a call is about."""

    argument: str
    kind: str
    value: str


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
        single = [example for example in examples if _is_single(example) and not _asks(example)]
        answered = list(_answered(examples))
        wanted = self._share * len(examples)
        return [
            *self._pairs(single, round(wanted * _PAIRS)),
            *self._doubles(single, round(wanted * _DOUBLES)),
            *self._sequences(single, answered, round(wanted * _SEQUENTIAL)),
            *self._conditions(
                [e for e in examples if not _says_number(e)], single, answered, round(wanted * _BY_NUMBER), on_number
            ),
            *self._conditions(
                examples, single, answered, round(wanted * (1 - _PAIRS - _DOUBLES - _SEQUENTIAL - _BY_NUMBER)), on_finding
            ),
        ]

    def _pairs(self, single: Sequence[Example], count: int) -> list[Example]:
        order = random.Random(f"{self._seed}/pairs")
        made = []
        for number in range(count) if len(single) > 1 else ():
            first, second = order.sample(single, 2)
            calls = (*first.steps[0].calls, *second.steps[0].calls)
            said = _said(first, second, order.choice(_FRAMES))
            made.append(_row(f"{_named(first, second)}#{number}", first.cluster, said, calls))
        return made

    def _sequences(self, single: Sequence[Example], answered: Sequence[Answered], count: int) -> list[Example]:
        order = random.Random(f"{self._seed}/sequences")
        made = []
        for number in range(count) if len(single) > 1 else ():
            first, second = order.sample(single, 2)
            results = [_result(example.steps[0].calls[0], answered, order) for example in (first, second)]
            if None not in results:
                said = _said(first, second, order.choice(_SEQUENCES))
                made.append(_sequence(f"{_named(first, second)}>{number}", said, (first, second), [str(r) for r in results]))
        return made

    def _conditions(
        self, examples: Sequence[Example], single: Sequence[Example], answered: Sequence[Answered], count: int, draw: Draw
    ) -> list[Example]:
        order = random.Random(f"{self._seed}/{draw.__name__}")
        conditional = {one.call.name for one in answered if draw(one.result, order)}
        firsts = [e for e in examples if _is_single(e) and e.steps[0].calls[0].name in conditional]
        made = []
        for number in range(count) if firsts and single else ():
            first, second = order.choice(firsts), order.choice(single)
            result = _result(first.steps[0].calls[0], answered, order)
            condition = draw(json.loads(result), order) if result is not None else None
            if condition is None or first is second:
                continue
            said = _said(first, second, ("", condition.joint))
            wishes = (first, second) if condition.met else (first,)
            results = [json_text(condition.result), _result(second.steps[0].calls[0], answered, order)][: len(wishes)]
            if None not in results:
                identity = f"{_named(first, second)}?{draw.__name__}{number}"
                made.append(_sequence(identity, said, wishes, [str(r) for r in results]))
        return made

    def _doubles(self, single: Sequence[Example], count: int) -> list[Example]:
        order = random.Random(f"{self._seed}/doubles")
        records = {example.id: record for example in single if (record := self._record(example))}
        known: dict[str, list[str]] = defaultdict(list)
        for record in records.values():
            known[record.kind].append(record.value)
        fit = [example for example in single if example.id in records and not _counts(example.steps[0].calls[0])]
        made = []
        for number in range(count) if fit else ():
            example = order.choice(fit)
            record = records[example.id]
            other = order.choice(known[record.kind])
            if other != record.value:
                made.append(_doubled(example, record, other, order.choice(_BETWEEN), number))
        return made

    def _record(self, example: Example) -> Record | None:
        """What the single call is about: its tool's first required argument, where the request says its value just once."""
        call = example.steps[0].calls[0]
        tool = self._toolset.by_name.get(call.name)
        if tool is None:
            return None
        required = tool.parameters.get("required") or list(tool.properties)
        name = next((name for name in tool.properties if name in required), "")
        value = call.arguments.get(name)
        if not isinstance(value, str) or len(_places(value, example.messages[0].content)) != 1:
            return None
        slot = slot_of(self._toolset, self._table, name, tool.properties[name])
        return Record(name, slot.kind, value) if slot.mode == "mention" else None


def _answered(examples: Sequence[Example]) -> Iterator[Answered]:
    """Calls that stood alone in their step, with their results, where these are JSON."""
    for example in examples:
        for message, following in pairwise(example.messages):
            if len(message.tool_calls) == 1 and following.role == "tool":
                with suppress(ValueError, RecursionError):
                    yield Answered(message.tool_calls[0], json.loads(following.content))


def _result(call: ToolCall, answered: Sequence[Answered], order: random.Random) -> str | None:
    """A result of another call of the tool, with this call's values in the place of that one's; None where none fits."""
    fit = [one for one in answered if one.call.name == call.name and one.call.arguments.keys() == call.arguments.keys()]
    if not fit:
        return None
    known = order.choice(fit)
    values = {key: value for key, value in known.call.arguments.items() if isinstance(value, str | int | float)}

    def told(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {inner: told(inner, below) for inner, below in value.items()}
        if isinstance(value, list):
            return [told(key, below) for below in value]
        return call.arguments[key] if key in values and values[key] == value else value

    try:
        return json_text(told("", known.result))
    except RecursionError:  # what a reader in C could nest
        return None


def _is_single(example: Example) -> bool:
    users = [message for message in example.messages if message.role == "user"]
    return (
        len(example.steps) == len(users) == 1
        and example.steps[0].outcome == "calls"
        and len(example.steps[0].calls) == 1
        and example.steps[0].position == 1
        and "\n" not in users[0].content
    )


def _asks(example: Example) -> bool:
    return "?" in example.messages[0].content


def _says_number(example: Example) -> bool:
    return bool(find_numbers(example.messages[0].content))


def _counts(call: ToolCall) -> bool:
    """Whether a call holds a number or a list: whether it counts for each record or for both is not said."""
    return any(isinstance(value, int | float | list) for value in call.arguments.values())


def _places(value: str, text: str) -> list[int]:
    return [match.start() for match in re.finditer(rf"(?<![\w/-]){re.escape(value)}(?![\w/-])", text)]


def _doubled(example: Example, record: Record, other: str, joint: tuple[str, str], number: int) -> Example:
    said = example.messages[0].content
    (place,) = _places(record.value, said)
    before, between = joint
    said = said[:place] + before + record.value + between + other + said[place + len(record.value) :]
    call = example.steps[0].calls[0]
    second = call.model_copy(update={"arguments": {**call.arguments, record.argument: other}})
    return _row(f"{example.trace_id}*2#{number}", example.cluster, said, (call, second))


def _named(first: Example, second: Example) -> str:
    return f"{first.trace_id}+{second.trace_id}"


def _said(first: Example, second: Example, frame: tuple[str, str]) -> str:
    before, between = frame
    opening = first.messages[0].content.strip().rstrip(".!,; ")
    between = between.lstrip(".,;:") if opening.endswith("?") else between
    return before + opening + between + second.messages[0].content.strip()


def _sequence(identity: str, said: str, wishes: Sequence[Example], results: Sequence[str]) -> Example:
    messages = [Message(role="user", content=said)]
    steps = []
    for wish, result in zip(wishes, results, strict=True):
        calls = wish.steps[0].calls
        steps.append(Step(position=len(messages), outcome="calls", calls=calls))
        messages.extend((Message(role="assistant", tool_calls=calls), Message(role="tool", content=result)))
    steps.append(Step(position=len(messages), outcome="done"))
    return Example(trace_id=identity, cluster=wishes[0].cluster, messages=tuple(messages), steps=tuple(steps))


def _row(identity: str, cluster: str, said: str, calls: tuple[ToolCall, ...]) -> Example:
    return Example(
        trace_id=identity,
        cluster=cluster,
        messages=(Message(role="user", content=said), Message(role="assistant", tool_calls=calls)),
        steps=(Step(position=1, outcome="calls", calls=calls),),
    )
