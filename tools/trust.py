"""Trust: what of a call nobody vouches for.

Ids, amounts, dates and enumerated words that our own tools return are clean; free texts, documents, and results of tools that
declare nothing are tainted. An argument is tainted that stands neither in the person's own words nor in a clean field, nor, where
no tainted text is in the conversation, in the schema; and whatever is to be written after such a text was read, before the person
has spoken again, may be the text's wish and not the person's. As in Debenedetti et al. 2025, "Defeating Prompt Injections by
Design", by values instead of by code.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from core.types.message import Message
from core.types.tool import Tool
from core.types.value import Value, is_number
from tools.kinds import leaves
from tools.mentions import NUMBER, NameIndex, find_mentions
from tools.plain import plain

Trust = Literal["clean", "tainted"]
_ERROR = "error"
"""What the write path itself says of a call that was refused."""
_NO_NAMES = NameIndex({})


class Taint(Value):
    """What of a call nobody vouches for."""

    arguments: tuple[str, ...] = ()
    """Paths of arguments that no clean source has."""
    read: tuple[str, ...] = ()
    """Texts nobody vouches for that were read since the person last spoke, by their tool: they may have asked for the call."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """In words; empty where all of it is clean."""
        values = [f"{name}: from a text nobody vouches for" for name in self.arguments]
        return (*values, *([f"decided after reading texts nobody vouches for: {', '.join(self.read)}"] if self.read else []))


CLEAN = Taint()
"""Of a call that a person or a program hands in."""


def taint_of(
    messages: Sequence[Message],
    quoted: Sequence[str],
    tool: Tool,
    arguments: Mapping[str, Any],
    trust_of: Callable[[str], Mapping[str, Trust]],
) -> Taint:
    """What of a call nobody vouches for.

    Args:
        messages: The conversation so far, results included.
        quoted: Texts of documents that were shown in it.
        tool: What is called.
        arguments: Of the call, as they are said.
        trust_of: Trust of each field of a tool's result by dotted path; a field that is not there is tainted.
    """
    sources = _Sources(messages, trust_of)
    clean = not sources.tainted and not any(quoted)
    spoken = max((at for at, message in enumerate(messages) if message.role == "user"), default=0)
    read = dict.fromkeys(name for at, name in sources.tainted if at > spoken)
    unknown = [
        name
        for name, schema, value in leaves(arguments, tool.parameters)
        if not sources.have(value) and not (clean and _may_be_unsaid(schema, value))
    ]
    return Taint(arguments=tuple(dict.fromkeys(unknown)), read=tuple(read))


def _may_be_unsaid(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is the schema's own, or a nought ("take them off the order"), which people say in many words."""
    return isinstance(value, bool) or value == 0 or bool(schema.get("enum"))


class _Sources:
    """What the clean sources of a conversation say, and which others it met."""

    def __init__(self, messages: Sequence[Message], trust_of: Callable[[str], Mapping[str, Trust]]) -> None:
        self.tainted: list[tuple[int, str]] = []
        """Place and tool of every result with a tainted text."""
        said = [message.content for message in messages if message.role == "user"]
        self._texts = [plain(text) for text in said]
        mentioned = (mention.value for text in said for mention in find_mentions(text, _NO_NAMES) if mention.kind == NUMBER)
        self._numbers = {float(value) for value in mentioned if isinstance(value, int | float)}
        tools = {call.id: call.name for message in messages for call in message.tool_calls}
        for at, message in enumerate(messages):
            if message.role == "tool":
                tool = tools.get(message.tool_call_id, "")
                if self._met_taint(message.content, trust_of(tool)):
                    self.tainted.append((at, tool or "a tool"))

    def have(self, value: Any) -> bool:
        """Whether a value stands in one of the clean ones."""
        if is_number(value):
            return float(value) in self._numbers
        said = plain(str(value))
        return any(said in text for text in self._texts)

    def _met_taint(self, content: str, trust: Mapping[str, Trust]) -> bool:
        """Take in the clean fields of a result; whether it has others."""
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return True
        met = False
        for path, value in _leaves(document):
            if path == _ERROR or value in (None, ""):
                continue
            if trust.get(path) != "clean":
                met = True
            elif is_number(value):
                self._numbers.add(float(value))
            else:
                self._texts.append(plain(str(value)))
        return met


def _leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from _leaves(value, f"{path}.{name}" if path else str(name))
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _leaves(value, path)
    else:
        yield path, document
