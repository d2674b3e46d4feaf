"""The nearest-row baseline: copy the answer of the most similar training row, its values swapped for those of the request.

What a person would build in an afternoon; a trained model has to beat it to be worth its night.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.offers import OfferFinder, Offers
from agents.picker import TextEmbedder
from core.chat import PSEUDO_HEADS, decide
from core.types.example import Example, Step
from core.types.message import Message, ToolCall, last_user_text
from core.types.prediction import Prediction
from core.types.tool import Toolset
from tools.kinds import KindTable, slot_of


class NearestRow:
    """Predicts by the nearest training step."""

    def __init__(self, toolset: Toolset, table: KindTable, examples: Sequence[Example], embedder: TextEmbedder) -> None:
        self._toolset, self._table, self._embedder = toolset, table, embedder
        self._finder = OfferFinder(toolset, table)
        self._steps = [(example, step) for example in examples for step in example.steps]
        self._vectors = embedder.embed([_text(e.messages[: s.position]) for e, s in self._steps])

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next; the confidence is the cosine to the nearest row."""
        started = time.perf_counter()
        cosines = self._vectors @ self._embedder.embed([_text(messages)])[0]
        best = int(np.argmax(cosines))
        offers = self._finder.collect(messages)
        calls = self._copied(self._steps[best][1], offers, messages)
        latency_ms = (time.perf_counter() - started) * 1000
        return decide(self._toolset, calls, float(np.clip(cosines[best], 0, 1)), latency_ms)

    def _copied(self, step: Step, offers: Offers, messages: Sequence[Message]) -> tuple[ToolCall, ...]:
        if step.outcome in PSEUDO_HEADS:
            arguments = {"query": last_user_text(messages)} if step.outcome == "knowledge" else {}
            return (ToolCall(name=PSEUDO_HEADS[step.outcome], arguments=arguments),)
        used: set[tuple[str, Any]] = set()
        return tuple(
            ToolCall(
                name=c.name, arguments=self._swapped(c.arguments, self._toolset.by_name[c.name].parameters, offers, used) or {}
            )
            for c in step.calls
        )

    def _swapped(self, value: Any, schema: Any, offers: Offers, used: set[tuple[str, Any]], name: str = "") -> Any:
        """The value with each scalar replaced by the first unused mention of its kind; None where nothing fits."""
        if isinstance(value, dict):
            properties = schema.get("properties") or {}
            inner = {k: self._swapped(v, properties.get(k) or {}, offers, used, k) for k, v in value.items()}
            return {k: v for k, v in inner.items() if v is not None}
        if isinstance(value, list):
            items = [self._swapped(v, schema.get("items") or {}, offers, used, name) for v in value]
            return [item for item in items if item] or None
        slot = slot_of(self._toolset, self._table, name, schema)
        if slot.mode == "choice":
            return value
        for candidate in offers.of(slot):
            if (slot.kind, str(candidate)) not in used:
                used.add((slot.kind, str(candidate)))
                return candidate
        return _last_user_words(offers) if slot.mode == "span" else None


def _last_user_words(offers: Offers) -> str | None:
    words = offers.texts[0] if offers.texts else []
    return "".join(word.gap + word.before + word.core + word.after for word in words).strip() or None


def _text(messages: Sequence[Message]) -> str:
    calls = " ".join(call.name for message in messages for call in message.tool_calls)
    return f"{last_user_text(messages)} | {messages[-1].role} {calls}".strip()
