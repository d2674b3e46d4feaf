"""Langfuse's observations, as its export and its API give them: of each trace the last generation, whose input holds the rest."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from core.errors import BadInput
from tools.importers.rows import Row, Turn, labels_of, objects_in, whole_conversations


def rows(lines: Iterable[Row]) -> Iterator[Row]:
    """One conversation a trace; observations that are no generation say nothing of their own."""
    return whole_conversations(lines, _turns)


def _turns(line: int, document: Any) -> Iterator[Turn | BadInput | None]:
    for each in objects_in(document, "data", "observations"):
        if isinstance(each, BadInput):
            yield each
        elif isinstance(each.get("observations"), list):  # a whole trace
            yield from _turns(line, [_in_trace(one, each.get("id")) for one in each["observations"]])
        else:
            yield _turn(line, each)


def _in_trace(observation: Any, trace: Any) -> Any:
    return {"traceId": trace, **observation} if isinstance(observation, Mapping) else observation


def _turn(line: int, observation: Mapping[str, Any]) -> Turn | BadInput | None:
    if observation.get("type", "GENERATION") != "GENERATION":
        return None
    said = _decoded(observation.get("input"))
    said = said.get("messages") if isinstance(said, Mapping) else said
    if not isinstance(said, list):
        return BadInput("input: expected messages, or an object with messages", code="bad_messages")
    conversation = str(observation.get("traceId") or observation.get("trace_id") or observation.get("id") or line)
    written = [_message(each) for each in _answers(observation.get("output")) if each is not None]
    metadata = observation.get("metadata")
    labels = labels_of(metadata.get("nightschool") if isinstance(metadata, Mapping) else None)
    row = {"messages": [*said, *written], **labels}
    return Turn(line, conversation, str(observation.get("startTime") or observation.get("start_time") or ""), row)


def _decoded(value: Any) -> Any:
    """Newer versions give what was said as JSON in a text; other texts are what they are."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _answers(output: Any) -> list[Any]:
    """Answers as messages or texts; a text of JSON that is no message is what was said."""
    decoded = _decoded(output)
    answers = decoded if isinstance(decoded, list) else [decoded]
    return answers if not isinstance(output, str) or all(map(_is_message, answers)) else [output]


def _is_message(answer: Any) -> bool:
    return isinstance(answer, Mapping) and "role" in answer


def _message(answer: Any) -> Any:
    """An answer as a message: some integrations keep its text alone."""
    return {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
