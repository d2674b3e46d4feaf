"""What every importer gives: conversations in the contract's form, each from a line of its file, or why there is none."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from core.errors import BadInput

Row = tuple[int, Any | BadInput]
"""Line in the file, from 1, and the document of that line or the error."""
LABELS = ("outcome", "missing", "partial", "query", "shape")
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
    """Of each conversation the last turn: what came before stands in its messages. What cannot be read is told at once.

    Args:
        lines: What a file holds.
        turns_in: Turns of a line and its document; None of what is no call of a model.
    """
    last: dict[str, Turn] = {}
    for line, document in lines:
        for turn in [document] if isinstance(document, BadInput) else turns_in(line, document):
            if isinstance(turn, BadInput):
                yield line, turn
            elif turn is not None:
                known = last.get(turn.conversation)
                if known is None or (len(turn.row["messages"]), turn.at) >= (len(known.row["messages"]), known.at):
                    last[turn.conversation] = turn
    yield from sorted(((turn.line, turn.row) for turn in last.values()), key=lambda row: row[0])


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
