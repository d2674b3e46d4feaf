"""The plan of a night: how many epochs over how many conversations fit the time, by the speed this machine showed."""

import json
from collections.abc import Sequence
from pathlib import Path

from core.types.example import Example
from core.types.value import Value, content_hash
from core.whole import write_whole

DEFAULT_EPOCHS = 4.0
MOST_EPOCHS = 8.0
"""Of few rows; as many as make `_FEW_TOKENS`."""
_FEW_TOKENS = 41_000
MIN_EPOCHS = 2.0
DEFAULT_TOKENS_PER_S = 320.0
"""Two cores with AVX512-BF16, 135M base; replaced by what the last night on this machine measured."""
_FIXED_S = 175.0
"""Base, and the untrained base's exam."""
_PICKER_S_PER_ROW = 0.05
_REVIEW_S_PER_ROW, _REVIEW_SHARE, _REVIEW_MAX = 1.6, 0.15, 400
_EXAM_S_PER_ROW, _EXAM_SHARE, _EXAM_MAX = 1.0, 0.15, 200
_WRITER_SHARE = 0.8
"""Of the rows; the others are reserved for the reviewer, where one is fitted."""
_CHARS_PER_TOKEN = 1.75
"""With marks, picks and joined rows counted in."""
_NEARLY_ALL = 0.9
"""Rather three passes, or two and a half, over so many of the rows than two over all."""


class Plan(Value):
    """What a night will train on."""

    epochs: float
    """Passes."""
    conversations: int
    """How many of the curated conversations are used."""
    left_out: int
    """How many do not fit."""
    training_tokens: int
    """Estimate, all epochs."""
    minutes: float
    """Estimate for the whole night."""

    def __str__(self) -> str:
        left = f", {self.left_out} left out" if self.left_out else ""
        passes = f"{self.epochs:g} epochs, about {self.training_tokens:,} training tokens" if self.epochs else "no training"
        return f"{self.conversations} conversations{left}, {passes} and {self.minutes:.0f} minutes"


class Limits(Value):
    """What the person allowed."""

    epochs: float | None = None
    """Exactly so many epochs; None lets the planner choose."""
    conversations: int | None = None
    """At most so many."""
    minutes: float | None = None
    """At most so long, all in all."""
    tokens: int | None = None
    """At most so many training tokens, all epochs."""


def plan(examples: Sequence[Example], limits: Limits, tokens_per_s: float, with_reviewer: bool = True) -> Plan:
    """Choose epochs first (four down to two, up to eight of few rows), then leave conversations out, until all fits.

    Args:
        examples: All curated examples.
        limits: What the person allowed.
        tokens_per_s: What this machine trains.
        with_reviewer: Whether a reviewer is fitted, which keeps rows from the writer and takes minutes.
    """
    available = min(len(examples), limits.conversations or len(examples))
    per_row = sum(map(_characters, examples)) / _CHARS_PER_TOKEN / max(1, len(examples))

    def fewer(epochs: float, at_least: int) -> Plan:
        """As many conversations as fit, or `at_least`."""
        conversations = available
        while True:
            made = _made(conversations, available, epochs, per_row, tokens_per_s, with_reviewer)
            if _fits(made, limits) or conversations <= at_least:
                return made
            conversations = max(at_least, int(conversations * 0.98) - 1)

    if limits.epochs:
        return fewer(limits.epochs, 1)
    nearly_all = max(1, round(_NEARLY_ALL * available))
    tokens_an_epoch = max(1, fewer(1.0, available).training_tokens)
    wished = min(MOST_EPOCHS, max(DEFAULT_EPOCHS, _FEW_TOKENS // tokens_an_epoch))
    for chosen in (fewer(wished, available), fewer(DEFAULT_EPOCHS, available), fewer(3.0, nearly_all), fewer(2.5, nearly_all)):
        if _fits(chosen, limits):
            return chosen
    return fewer(MIN_EPOCHS, 1)


def plan_around(examples: Sequence[Example], limits: Limits) -> Plan:
    """The plan of a night that keeps its champion's weights: as many conversations as may be, and no pass over them."""
    available = min(len(examples), limits.conversations or len(examples))
    return _made(available, len(examples), 0.0, 0.0, DEFAULT_TOKENS_PER_S, with_reviewer=True)


def _made(conversations: int, available: int, epochs: float, per_row: float, tokens_per_s: float, with_reviewer: bool) -> Plan:
    tokens = conversations * per_row * epochs * (_WRITER_SHARE if with_reviewer else 1.0)
    reviewed = min(_REVIEW_MAX, _REVIEW_SHARE * conversations) if with_reviewer else 0.0
    examined = min(_EXAM_MAX, _EXAM_SHARE * conversations)
    around = _FIXED_S + conversations * _PICKER_S_PER_ROW + reviewed * _REVIEW_S_PER_ROW + examined * _EXAM_S_PER_ROW
    seconds = around + tokens / tokens_per_s
    return Plan(
        epochs=epochs,
        conversations=conversations,
        left_out=available - conversations,
        training_tokens=round(tokens),
        minutes=seconds / 60,
    )


def _fits(chosen: Plan, limits: Limits) -> bool:
    in_time = limits.minutes is None or chosen.minutes <= limits.minutes
    return in_time and (limits.tokens is None or chosen.training_tokens <= limits.tokens)


def _characters(example: Example) -> int:
    said = sum(len(message.content) + 12 for message in example.messages)
    called = sum(len(json.dumps(call.arguments)) + len(call.name) for step in example.steps for call in step.calls)
    return said + called


def measured_speed(folder: Path, base: str) -> float:
    """Tokens a second the last night on this machine trained a base, or the default."""
    try:
        return max(20.0, float(json.loads(_speed_file(folder, base).read_text())["tokens_per_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_TOKENS_PER_S


def remember_speed(folder: Path, base: str, tokens_per_s: float) -> None:
    """Keep the speed for the next night's plan."""
    write_whole(_speed_file(folder, base), json.dumps({"base": base, "tokens_per_s": round(tokens_per_s, 1)}))


def _speed_file(folder: Path, base: str) -> Path:
    return folder / f"speed-{content_hash(base, 8)}.json"
