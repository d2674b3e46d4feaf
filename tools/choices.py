"""Choices: values of enumerations where a request says them, near enough for dictation ("checkin", "stolin").

Some enumerated arguments are only ever filled with what was said, others by judgement ("someone" for a department). Training
rows tell which; for the former a value that nobody said is not offered.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from core.types.example import Example
from core.types.mention import Mention
from core.types.tool import Toolset, Vocabulary
from tools.kinds import KindTable, leaves, slot_of, slots
from tools.mentions import NameIndex

_MIN_LENGTH, _CUTOFF = 3, 76.0
_SAID_SHARE, _MIN_SEEN = 0.85, 5


def is_findable(choice: Any) -> bool:
    """Whether a value can be heard in a request at all: two letters stand in too many words, and no number is looked for."""
    return isinstance(choice, str) and len(choice) >= _MIN_LENGTH


class ChoiceFinder:
    """Finds enumerated values in a text."""

    def __init__(self, toolset: Toolset, table: KindTable) -> None:
        self._arguments: dict[str, str] = {}
        for _, slot in slots(toolset, table):
            for choice in slot.choices if slot.mode == "choice" else ():
                if is_findable(choice):
                    self._arguments.setdefault(choice, slot.kind)
        names = {choice: Vocabulary(names=(choice.replace("_", " "),)) for choice in self._arguments}
        self._index = NameIndex(names, _CUTOFF)

    def find(self, text: str) -> list[Mention]:
        """Choices said, in reading order; the kind is the first argument that takes the value, the value as it is written."""
        return [
            mention.model_copy(update={"kind": self._arguments[mention.kind], "value": mention.kind})
            for mention in self._index.find(text)
            if not mention.inside
        ]


def with_said_choices(toolset: Toolset, table: KindTable, examples: Sequence[Example]) -> KindTable:
    """The table with the arguments whose enumerated values are nearly always said, by training examples only."""
    finder = ChoiceFinder(toolset, table)
    seen: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for example in examples:
        for step in example.steps:
            before = example.messages[: step.position]
            heard = {m.value for message in before if message.role == "user" for m in finder.find(message.content)}
            earlier = [call for message in before for call in message.tool_calls]
            called = {str(value) for call in earlier for _, _, value in leaves(call.arguments, {})}
            for call in step.calls:
                tool = toolset.by_name.get(call.name)
                for name, schema, value in leaves(call.arguments, tool.parameters if tool else {}):
                    if slot_of(toolset, table, name, schema).mode == "choice" and isinstance(value, str):
                        seen[name] += 1
                        said[name] += value in heard or value in called
    always = sorted(name for name, count in seen.items() if count >= _MIN_SEEN and said[name] >= _SAID_SHARE * count)
    return table.model_copy(update={"said": tuple(always)})
