"""The words of an answer: what is said to a person where the next step is not a call."""

import re
from typing import Any

from core.types.prediction import Ask, Prediction
from core.types.tool import Tool, Toolset, schema_type

_VALUE_KINDS = ("text", "money", "quantity", "number", "days", "date", "time")
"""Kinds that are filled with a value; a thing of any other kind has a name, so one asks which."""


def reply_text(prediction: Prediction, toolset: Toolset) -> str | None:
    """What to say to the person; None where the answer is calls."""
    if prediction.outcome == "calls":
        return None
    if prediction.ask is not None:
        return question_text(prediction.ask, toolset)
    if prediction.outcome == "done":
        return "Done."
    if prediction.outcome == "knowledge":
        return f"That has to be looked up: {prediction.query}" if prediction.query else "That has to be looked up."
    return "None of the tools can do that."


def question_text(ask: Ask, toolset: Toolset) -> str:
    """The plain English question for one missing argument of a tool of `toolset`."""
    return question(ask, toolset.by_name.get(ask.tool))


def question(ask: Ask, tool: Tool | None) -> str:
    """The plain English question for one missing argument, such as "Which customer is it for?".

    Worded from the argument's `x-kind`, `enum`, type and description. A heuristic for short noun phrases ("expiry date as
    said") and for clauses that are questions already ("How much to change the brightness"): longer ones come out stiff.

    Args:
        ask: What is missing.
        tool: The tool it is missing for; without it, or without a schema of the argument, its name is all there is.
    """
    schema = tool.properties.get(ask.missing) if tool else None
    if not isinstance(schema, dict):
        schema = {}
    name = ask.missing.replace("_", " ").strip()
    topic = _topic(str(schema.get("description") or "")) or name
    choices = [str(choice) for choice in schema.get("enum") or () if choice is not None]
    kind = str(schema.get("x-kind") or "")
    if choices:
        return f"Which {name}: {_either(choices)}?"
    if re.match(r"(how|what|when|where|which|who)\b", topic, re.IGNORECASE):
        return f"{topic[0].upper()}{topic[1:]}?"
    if schema_type(schema) == "boolean":
        return f"{topic[0].upper()}{topic[1:]}: yes or no?"
    if "customer" in (kind, ask.missing):
        return f"Which {topic} is it for?"
    if kind and kind not in _VALUE_KINDS and not kind.endswith("_id"):
        return f"Which {topic} is it?"
    asked = f"What {'are' if _is_plural(topic) else 'is'} the {topic}?"
    parts = _parts(schema)
    return f"{asked} Please give {' and '.join(parts)} for each." if parts else asked


def _topic(description: str) -> str:
    """The noun phrase of an argument's description: "The expiry date as said (ISO)." is "expiry date"."""
    phrase = re.sub(r"\s*\([^)]*\)", "", description.strip())
    phrase = re.split(r"[.;?!](?:\s|$)|\n", phrase, maxsplit=1)[0].strip()
    phrase = re.sub(r"\s+(as|if|when) (said|stated|given|known|mentioned)$", "", phrase, flags=re.IGNORECASE)
    phrase = re.sub(r"^(the|an|a)\s+", "", phrase, flags=re.IGNORECASE)
    return phrase if phrase[:2].isupper() else phrase[:1].lower() + phrase[1:]


def _is_plural(topic: str) -> bool:
    head = re.split(r"\s+(?:of|for|to|in|on|from|at|with)\s+", topic, maxsplit=1)[0]
    return head.endswith("s") and not head.endswith(("ss", "us", "is"))


def _parts(schema: dict[str, Any]) -> list[str]:
    """What each item of an array of objects needs: its required fields."""
    items = schema.get("items")
    if not isinstance(items, dict):
        return []
    properties = items.get("properties") or {}
    return [_topic(str(properties.get(name, {}).get("description") or "")) or name for name in items.get("required") or ()]


def _either(choices: list[str]) -> str:
    *rest, last = (choice.replace("_", " ") for choice in choices)
    return f"{', '.join(rest)} or {last}" if rest else last
