"""OpenAI's rows: fine-tuning examples (`messages`, `tools`), and stored completions (`messages` or `input`, and `choices`).

Of a fine-tuning example, answers of `weight` 0 are there to be read and not to be learned.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.errors import BadInput
from tools.importers.rows import Row, labels_of, objects_in


def rows(lines: Iterable[Row]) -> Iterator[Row]:
    """One conversation an object; of several choices the first."""
    for line, document in lines:
        if isinstance(document, BadInput):
            yield line, document
            continue
        for each in objects_in(document, "data"):
            yield line, each if isinstance(each, BadInput) else _row(each)


def _row(document: Mapping[str, Any]) -> dict[str, Any] | BadInput:
    messages = document.get("messages", document.get("input"))
    if not isinstance(messages, list):
        return BadInput("messages: expected an array", code="bad_messages")
    unlearned = [at for at, message in enumerate(messages) if isinstance(message, Mapping) and message.get("weight") == 0]
    return {"messages": [*messages, *_answer(document.get("choices"))], "unlearned": unlearned, **labels_of(document)}


def _answer(choices: Any) -> list[Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return [first["message"]] if isinstance(first, Mapping) and "message" in first else []
