"""TRL's conversational rows: `messages`, or `prompt` and `completion`; a chosen answer beside a rejected one counts alone.

A row that says of its answer that it was not wanted (`label`, unpaired preference) is refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.errors import BadInput
from tools.importers.rows import Row, labels_of


def rows(lines: Iterable[Row]) -> Iterator[Row]:
    """One conversation a line."""
    for line, document in lines:
        yield line, document if isinstance(document, BadInput) else _row(document)


def _row(document: Any) -> dict[str, Any] | BadInput:
    if not isinstance(document, Mapping):
        return BadInput("expected an object", code="bad_row")
    if document.get("label") is False:
        return BadInput("label: false: an answer that was not wanted", code="unwanted")
    pieces = [document.get(name) for name in ("messages", "prompt", "completion", "chosen")]
    said = [piece for piece in pieces if piece is not None]
    if not said or not all(isinstance(piece, list) for piece in said):
        return BadInput("messages: expected an array of messages, or prompt and completion", code="bad_messages")
    return {"messages": [message for piece in said for message in piece], **labels_of(document)}
