"""Correction memory: what a person put right acts on the very next request like it, until a champion has learned it.

A request is like a corrected one where both are the same once names, numbers and dates are masked; the values of the correction
are then those the new request says in their places. What cannot be carried over that way is not remembered, but learned at night;
nor is what answers a question, which means something else after another one.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from core.chat import neutral
from core.types.mention import Mention
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.trace import Trace
from tools.marks import Marker
from tools.mentions import DATE, DIGITS, NUMBER
from tools.things import by_place, written_as


class _Correction(NamedTuple):
    """One request with the calls that are right for it."""

    text: str
    calls: tuple[ToolCall, ...]


class Memory:
    """Corrections of one toolset."""

    def __init__(self, marker: Marker, corrections: Callable[[], Iterable[Trace]]) -> None:
        """`corrections`: traces that hold corrections, the newest first; asked for at every turn."""
        self._marker, self._corrections = marker, corrections

    def recall(self, messages: Sequence[Message]) -> Prediction | None:
        """What a person said is right for a request like the last one; None where nobody did, or a tool spoke last."""
        if not messages or messages[-1].role != "user" or _answers(messages, len(messages) - 1):
            return None
        said = messages[-1].content
        mask = _key(self._marker.mask_text(said))
        for trace in self._corrections():
            known = _correction_of(trace)
            if known is None or _key(self._marker.mask_text(known.text)) != mask:
                continue
            calls = self._carried_over(known, said)
            if calls is not None:
                return Prediction(outcome="calls" if calls else "none", tool_calls=calls, confidence=1.0, latency_ms=0.0)
        return None

    def _carried_over(self, known: _Correction, said: str) -> tuple[ToolCall, ...] | None:
        places, others = self._places(known.text), self._places(said)
        if [kinds for kinds, _ in places] != [kinds for kinds, _ in others]:
            return None
        values: dict[tuple[str, Any], Any] = {}
        for (_, was), (_, now) in zip(places, others, strict=True):
            for kind, value in was.items():
                if kind not in now:
                    continue
                # A value said twice before and two values in its places now: nobody can say which one an argument means.
                if written_as(values.setdefault((kind, written_as(value)), now[kind])) != written_as(now[kind]):
                    return None
        try:
            return tuple(
                ToolCall(
                    name=call.name, arguments={name: _swapped(value, values, said) for name, value in call.arguments.items()}
                )
                for call in known.calls
            )
        except LookupError:
            return None

    def _places(self, text: str) -> list[tuple[str, dict[str, Any]]]:
        """What is mentioned, in reading order: kinds, and the value of each kind."""
        text = neutral(text)
        groups = by_place(self._marker.mentions(text))
        return [(_kinds(group), {mention.kind: mention.value for mention in group}) for group in groups]


def _kinds(group: Sequence[Mention]) -> str:
    """A number of two figures is a run of digits too, one of one figure is not; both are numbers."""
    kinds = {mention.kind for mention in group}
    return "/".join(sorted(kinds - {DIGITS} if NUMBER in kinds else kinds))


def _swapped(value: Any, values: dict[tuple[str, Any], Any], said: str) -> Any:
    """A value with what the new request says in its place.

    Raises:
        LookupError: A text that was said before and is not said now.
    """
    if isinstance(value, dict):
        return {name: _swapped(part, values, said) for name, part in value.items()}
    if isinstance(value, list):
        return [_swapped(part, values, said) for part in value]
    if isinstance(value, bool):
        return value
    figures = (NUMBER, DIGITS) if isinstance(value, int | float) else (DATE, DIGITS)
    kinds = [kind for kind, known in values if known == written_as(value)]
    preferred = [kind for kind in kinds if (kind in figures) == isinstance(value, int | float)] or kinds
    if preferred:
        return values[preferred[0], written_as(value)]
    if isinstance(value, str) and value.casefold() not in said.casefold():
        raise LookupError(value)
    return value


def _answers(messages: Sequence[Message], at: int) -> bool:
    """Whether what is said there answers a question: what it means hangs on that."""
    return at > 0 and messages[at - 1].role == "assistant" and messages[at - 1].content.rstrip().endswith("?")


def _correction_of(trace: Trace) -> _Correction | None:
    said = [at for at, message in enumerate(trace.messages) if message.role == "user"]
    if _answers(trace.messages, said[-1]):
        return None
    after = trace.messages[said[-1] + 1 :]
    if len(after) > 1 or (after and not after[0].tool_calls):
        return None
    return _Correction(trace.messages[said[-1]].content, after[0].tool_calls if after else ())


def _key(masked: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in masked.casefold()).split())
