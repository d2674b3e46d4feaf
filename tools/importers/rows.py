"""What every importer gives: conversations in the contract's form, each from a line of its file, or why there is none."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from core.errors import BadInput
from core.types.message import read_messages, without_ids, write_messages

Row = tuple[int, Any | BadInput]
"""Line in the file, from 1, and the document of that line or the error."""
LABELS = ("outcome", "missing", "partial", "query", "shape", "unlearned")
"""Of a trace in the contract's form, besides its messages."""


class Turn(NamedTuple):
    """One call of a model as an observer recorded it."""

    line: int
    """Where it stands."""
    conversation: str
    """Which conversation it belongs to."""
    at: str
    """When, in any form that sorts."""
    row: dict[str, Any]
    """All messages up to it and its answer, in the contract's form, labels where it had some."""


def whole_conversations(lines: Iterable[Row], turns_in: Callable[[int, Any], Iterable[Turn | BadInput | None]]) -> Iterator[Row]:
    """Of each conversation the turns that no later one goes on from: what came before stands in their messages. One of several
    agents has several. What cannot be read is told at once.

    Args:
        lines: What a file holds.
        turns_in: Turns of a line and its document; None of what is no call of a model.
    """
    ends: dict[str, list[tuple[tuple[str, ...], Turn]]] = {}
    for line, document in lines:
        for turn in [document] if isinstance(document, BadInput) else turns_in(line, document):
            if isinstance(turn, BadInput):
                yield line, turn
            elif turn is not None:
                _place(ends.setdefault(turn.conversation, []), turn)
    yield from sorted(((turn.line, turn.row) for own in ends.values() for _, turn in own), key=lambda row: row[0])


def _place(ends: list[tuple[tuple[str, ...], Turn]], turn: Turn) -> None:
    """Put a turn among the ends of its conversation; of two that say the same the later one stays."""
    said = _said(turn.row)
    if any(len(other) > len(said) and other[: len(said)] == said for other, _ in ends):
        return
    if any(other == said and known.at > turn.at for other, known in ends):
        return
    ends[:] = [(other, known) for other, known in ends if said[: len(other)] != other]
    ends.append((said, turn))


def _said(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What is said, called and returned, message by message; instructions, which programs rewrite, and ids aside."""
    try:
        messages = without_ids(read_messages(row["messages"]))
    except BadInput:
        return (json.dumps(row["messages"], default=str),)  # told when the row is read
    spoken = [(message, written) for message, written in zip(messages, write_messages(messages), strict=True)]
    return tuple(json.dumps(written, sort_keys=True) for message, written in spoken if message.role != "system")


def objects_in(document: Any, *envelopes: str) -> Iterator[Mapping[str, Any] | BadInput]:
    """The objects of a document: itself, the elements of an array, or what an envelope holds."""
    if isinstance(document, Mapping):
        held = next((document[name] for name in envelopes if isinstance(document.get(name), list)), [document])
    else:
        held = document if isinstance(document, Sequence) and not isinstance(document, str) else [document]
    for each in held:
        yield each if isinstance(each, Mapping) else BadInput("expected an object", code="bad_row")


def labels_of(document: Any) -> dict[str, Any]:
    """The labels among the keys of an object; none of anything else."""
    return {name: document[name] for name in LABELS if name in document} if isinstance(document, Mapping) else {}
