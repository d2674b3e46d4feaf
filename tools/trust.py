"""Trust: which arguments of a call come from texts that nobody vouches for.

Ids, amounts, dates and enumerated words that our own tools return are clean; free texts, documents, and results of tools that
declare nothing are tainted. Once a tainted text is in a conversation, every argument is tainted that stands neither in the
person's own words nor in a clean field. As in Debenedetti et al. 2025, "Defeating Prompt Injections by Design", by values instead
of by code.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from core.types.message import Message
from tools.mentions import NUMBER, NameIndex, find_mentions

Trust = Literal["clean", "tainted"]
_ERROR = "error"
"""What the write path itself says of a call that was refused."""
_NO_NAMES = NameIndex({})
_SPACE = re.compile(r"\W+")


def tainted_arguments(
    messages: Sequence[Message],
    quoted: Sequence[str],
    arguments: Mapping[str, Any],
    trust_of: Callable[[str], Mapping[str, Trust]],
) -> tuple[str, ...]:
    """Paths of the arguments that no clean source has.

    Args:
        messages: The conversation so far, results included.
        quoted: Texts of documents that were shown in it.
        arguments: Of the call, as they are said.
        trust_of: Trust of each field of a tool's result by dotted path; a field that is not there is tainted.
    """
    clean = _Clean(messages, trust_of)
    if not (clean.met_taint or any(quoted)):
        return ()
    return tuple(dict.fromkeys(path for path, value in _leaves(arguments) if not clean.has(value)))


class _Clean:
    """What the clean sources of a conversation say."""

    def __init__(self, messages: Sequence[Message], trust_of: Callable[[str], Mapping[str, Trust]]) -> None:
        self.met_taint = False
        said = [message.content for message in messages if message.role == "user"]
        self._texts = [_plain(text) for text in said]
        mentioned = (mention.value for text in said for mention in find_mentions(text, _NO_NAMES) if mention.kind == NUMBER)
        self._numbers = {float(value) for value in mentioned if isinstance(value, int | float)}
        tools = {call.id: call.name for message in messages for call in message.tool_calls}
        for message in messages:
            if message.role == "tool":
                self._read(message.content, trust_of(tools.get(message.tool_call_id, "")))

    def has(self, value: Any) -> bool:
        """Whether a value stands in one of them."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) in self._numbers
        plain = _plain(str(value))
        return any(plain in text for text in self._texts)

    def _read(self, content: str, trust: Mapping[str, Trust]) -> None:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            self.met_taint = True
            return
        for path, value in _leaves(document):
            if path == _ERROR or value in (None, ""):
                continue
            if trust.get(path) != "clean":
                self.met_taint = True
            elif isinstance(value, int | float) and not isinstance(value, bool):
                self._numbers.add(float(value))
            else:
                self._texts.append(_plain(str(value)))


def _plain(text: str) -> str:
    """Words in lower case between single spaces, with one at either end, so that a part matches whole words only."""
    return f" {_SPACE.sub(' ', text.casefold()).strip()} "


def _leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from _leaves(value, f"{path}.{name}" if path else str(name))
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _leaves(value, path)
    else:
        yield path, document
