"""TRL's conversational rows: `messages`, or `prompt` and `completion`; a chosen answer beside a rejected one counts alone.

Where `messages` is there it is the whole conversation, whatever stands beside it. A row that says of its answer that it was not
wanted (`label`, unpaired preference) is refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.errors import BadInput
from tools.importers.rows import Row, labels_of, objects_in


def rows(lines: Iterable[Row]) -> Iterator[Row]:
    """One conversation an object."""
    for line, document in lines:
        for each in [document] if isinstance(document, BadInput) else objects_in(document):
            yield line, each if isinstance(each, BadInput) else _row(each)


def _row(document: Mapping[str, Any]) -> dict[str, Any] | BadInput:
    label = document.get("label")
    if label in (False, 0):
        return BadInput(f"label: {label}: an answer that was not wanted", code="unwanted")
    whole, prompt, completion, chosen = (document.get(name) for name in ("messages", "prompt", "completion", "chosen"))
    answer = chosen if completion is None else completion
    pieces = [whole] if isinstance(whole, list) else [piece for piece in (prompt, answer) if piece is not None]
    if not pieces or not all(isinstance(piece, list) for piece in pieces):
        return BadInput("messages: expected an array of messages, or prompt and completion", code="bad_messages")
    return {"messages": [message for piece in pieces for message in piece], **labels_of(document)}
