"""Augmentation: the same phrasings with other names, ids and amounts, and pairs of wishes said in one breath.

A few thousand rows show each phrasing once or twice, always with the same values. Swapping values teaches that they are to be
copied, not remembered; joining two requests teaches that the second wish is not to be dropped. Only values of training rows
are used, so nothing of an exam and no name reserved for it can leak in.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import Toolset
from tools.kinds import KindTable, leaves, slot_of
from tools.numbers import find_numbers

_MIN_NUMBER = 10
_JOINTS = (". ", ", and ", " and also ", "; ", ". Also ", " then ", ", plus ", ". And ", "\n", " & ", ", then ", ". After that ")


class Swapper:
    """Writes variants of conversations: the same words around other values, used by training rows elsewhere."""

    def __init__(self, toolset: Toolset, table: KindTable, training: Sequence[Example], seed: int) -> None:
        self._toolset, self._table, self._seed = toolset, table, seed
        self._patterns = {
            kind: [re.compile(pattern, re.IGNORECASE) for pattern in entry.patterns] for kind, entry in toolset.vocabulary.items()
        }
        pools: dict[str, set[str]] = defaultdict(set)
        known = {kind: {n.casefold(): n for n in entry.names} for kind, entry in toolset.vocabulary.items()}
        for example in training:
            for kind, value in self._mentioned(example):
                if value.casefold() in known.get(kind, {}):
                    pools[kind].add(known[kind][value.casefold()])
        self._pools = {kind: sorted(names) for kind, names in pools.items()}

    def variant(self, example: Example, number: int) -> Example:
        """Variant `number` of an example; the same number gives the same variant. Values that cannot be swapped stay."""
        order = random.Random(f"{self._seed}/{number}/{example.id}")
        table = self._names(example, order)
        if len(example.steps) == 1 and not any(message.role == "tool" for message in example.messages):
            numbers = self._numbers(example, order)
        else:
            numbers = {}  # a number may be what a condition on a result hangs on
        return _rewritten(example, table, numbers) if table or numbers else example

    def _mentioned(self, example: Example) -> Iterator[tuple[str, str]]:
        """Kind and value of every argument that is filled by a mention."""
        for call in _calls(example):
            tool = self._toolset.by_name.get(call.name)
            for name, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
                slot = slot_of(self._toolset, self._table, name, schema)
                if slot.mode == "mention" and isinstance(value, str):
                    yield slot.kind, value

    def _names(self, example: Example, order: random.Random) -> dict[str, str]:
        said = "\n".join(message.content for message in example.messages)
        table: dict[str, str] = {}
        for kind, value in self._mentioned(example):
            if value in table or value not in said:
                continue
            if any(pattern.fullmatch(value) for pattern in self._patterns.get(kind, ())):
                table[value] = _scrambled(value, order)
            elif len(pool := self._pools.get(kind, [])) > 1:
                new = order.choice(pool)
                table[value] = new.lower() if value.islower() else new
        return table

    def _numbers(self, example: Example, order: random.Random) -> dict[float, tuple[str, str, float]]:
        """By value: the words that say it, the words and the value to put in their place."""
        said = "\n".join(message.content for message in example.messages if message.role == "user")
        spoken = find_numbers(said)
        table: dict[float, tuple[str, str, float]] = {}
        for call in _calls(example):
            tool = self._toolset.by_name.get(call.name)
            for _, _, value in leaves(call.arguments, tool.parameters if tool else {}):
                if isinstance(value, bool) or not isinstance(value, int | float) or value < _MIN_NUMBER:
                    continue
                places = [said[s.start : s.end] for s in spoken if s.value == value]
                if len(places) == 1 and re.fullmatch(r"\d[\d,]*(?:\.\d+)?", places[0]) and said.count(places[0]) == 1:
                    new = float(_scrambled(places[0].replace(",", ""), order))
                    words = f"{new:,.10g}" if "," in places[0] else f"{new:.10g}"
                    table[float(value)] = (places[0], words, new)
        return table


def paired(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """Requests joined in pairs: one user turn, one step with the calls of both, in the order said.

    Args:
        examples: Training rows; only those of one user turn and one complete step without results are joined.
        share: How many pairs to make, as a share of all examples.
        seed: Other seeds give other pairs.
    """
    order = random.Random(f"{seed}/pairs")
    single = [e for e in examples if _is_single(e)]
    pairs = []
    for number in range(round(share * len(examples))) if len(single) > 1 else ():
        first, second = order.sample(single, 2)
        pairs.append(_joined(first, second, order.choice(_JOINTS), number))
    return pairs


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


def _joined(first: Example, second: Example, joint: str, number: int) -> Example:
    said = first.messages[0].content.strip().rstrip(".!,; ") + joint + second.messages[0].content.strip()
    message = Message(role="user", content=said)
    calls = (*first.steps[0].calls, *second.steps[0].calls)
    return Example(
        trace_id=f"{first.trace_id}+{second.trace_id}#{number}",
        cluster=first.cluster,
        messages=(message, Message(role="assistant", tool_calls=calls)),
        steps=(Step(position=1, outcome="calls", calls=calls),),
    )


def _calls(example: Example) -> list[ToolCall]:
    return [*(call for step in example.steps for call in step.calls), *(c for m in example.messages for c in m.tool_calls)]


def _scrambled(text: str, order: random.Random) -> str:
    """Every digit of the last run of digits drawn anew; the first of a run stays above zero where it was."""
    runs = list(re.finditer(r"\d+", text))
    if not runs:
        return text
    last = runs[-1]
    drawn = [str(order.randint(1, 9)) if i == 0 and last[0][0] != "0" else str(order.randint(0, 9)) for i in range(len(last[0]))]
    return text[: last.start()] + "".join(drawn) + text[last.end() :]


def _rewritten(example: Example, table: dict[str, str], numbers: dict[float, tuple[str, str, float]]) -> Example:
    words = {**table, **{old: new for old, new, _ in numbers.values()}}
    alternatives = "|".join(re.escape(old) for old in sorted(words, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w.,/-])(?:{alternatives})(?![\w/-]|[.,]\d)")

    def text(content: str) -> str:
        return pattern.sub(lambda match: words[match[0]], content)

    def value(old: Any) -> Any:
        if isinstance(old, str):
            return table.get(old, old)
        if isinstance(old, dict):
            return {key: value(inner) for key, inner in old.items()}
        if isinstance(old, list):
            return [value(inner) for inner in old]
        if isinstance(old, int | float) and not isinstance(old, bool) and float(old) in numbers:
            return numbers[float(old)][2]
        return old

    def call(old: ToolCall) -> ToolCall:
        return old.model_copy(update={"arguments": value(old.arguments)})

    def message(old: Message) -> Message:
        return old.model_copy(update={"content": text(old.content), "tool_calls": tuple(call(c) for c in old.tool_calls)})

    steps = tuple(
        step.model_copy(update={"calls": tuple(call(c) for c in step.calls), "query": step.query and text(step.query)})
        for step in example.steps
    )
    return example.model_copy(update={"messages": tuple(message(m) for m in example.messages), "steps": steps})
