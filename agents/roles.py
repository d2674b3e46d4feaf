"""Roles: which argument each thing said fills, judged by the words around it, given the tools of a step.

The writer binds values to arguments by likelihood of its whole text, and errs where two things of a kind are said ("Van 7 gets
three from the tool crib") or one more than usual (a date at the end, a second product). Roles bind each thing by itself, from
its neighbourhood alone, and err elsewhere: a draft that leaves a thing out, or gives it to the wrong argument, stands out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.linear import LinearClassifier, hashed
from core.chat import neutral
from core.types.message import Message, ToolCall, calls_this_turn, last_user_text
from core.types.tool import Toolset
from tools.kinds import leaves, scalars
from tools.marks import Marker
from tools.things import Thing, written_as

UNUSED = ""
"""The role of what fills no argument of the step."""
_HASHED = 2**16
_STRENGTH = 0.3
_NEAR, _MANY, _SHORT, _FEW = 7, 4, 12, 12
_UNSEEN = 1e-6
_WORD = re.compile(r"\w+|[^\w\s]")


class Binding(NamedTuple):
    """One thing said, and what a step makes of it."""

    thing: Thing
    """The thing."""
    roles: frozenset[str]
    """Names of the arguments it fills; `UNUSED` alone where it fills none."""
    chances: Mapping[str, float]
    """How likely each role is that it could have in a step of these tools; sums to 1."""

    @property
    def chance(self) -> float:
        """How likely its role is, the likeliest of several."""
        return max(self.chances.get(role, _UNSEEN) for role in self.roles)

    @property
    def best(self) -> str:
        """Its likeliest role."""
        return max(self.chances, key=lambda role: (self.chances[role], role))


class Roles:
    """A linear classifier over the words around a thing, shared by all tools and doubled for each."""

    def __init__(self, classifier: LinearClassifier, toolset: Toolset, marker: Marker) -> None:
        """Labels of the classifier are argument names and `UNUSED`."""
        self._classifier, self._toolset, self._marker = classifier, toolset, marker

    @classmethod
    def fit(
        cls,
        toolset: Toolset,
        conversations: Sequence[Sequence[Message]],
        steps: Sequence[Sequence[ToolCall]],
        marker: Marker,
        start: "Roles | None" = None,
    ) -> "Roles":
        """Fit on conversations up to a step, and the calls of that step; on from `start`, if given."""
        features: list[list[str]] = []
        labels: list[str] = []
        for messages, calls in zip(conversations, steps, strict=True):
            for words, label in _lessons(toolset, messages, calls, marker):
                features.append(words)
                labels.append(label)
        if not labels and start is not None:
            return start
        if not labels:
            nothing = LinearClassifier([UNUSED], np.zeros((_HASHED, 1), np.float32), np.zeros(1, np.float32))
            return cls(nothing, toolset, marker)
        known = start._classifier if start is not None else None
        fitted = LinearClassifier.fit(hashed(features, _HASHED), labels, _STRENGTH, quickly=True, start=known)
        return cls(fitted, toolset, marker)

    def read(self, messages: Sequence[Message]) -> "Reading":
        """What the last user turn says; judged when asked."""
        return Reading(self._classifier, self._toolset, messages, self._marker)

    def save(self, file: Path) -> None:
        """Write the classifier."""
        self._classifier.save(file)

    @classmethod
    def load(cls, file: Path, toolset: Toolset, marker: Marker) -> "Roles":
        """Read back what `save` wrote."""
        return cls(LinearClassifier.load(file), toolset, marker)


class Reading:
    """The things of one conversation's last user turn, and their roles."""

    def __init__(self, classifier: LinearClassifier, toolset: Toolset, messages: Sequence[Message], marker: Marker) -> None:
        self._classifier, self._toolset, self._messages, self._marker = classifier, toolset, messages, marker
        self._known: dict[tuple[str, ...], list[tuple[Thing, dict[str, float]]]] = {}

    def bind(self, calls: Sequence[ToolCall]) -> list[Binding]:
        """What a step with these calls makes of every thing that could fill one of its arguments."""
        real = [call for call in calls if call.name in self._toolset.by_name]
        tools = tuple(sorted(call.name for call in real))
        if tools not in self._known:
            self._known[tools] = list(self._chances(tools)) if tools else []
        filled = _filled(self._toolset, real)
        return [Binding(thing, _roles_of(thing, filled), chances) for thing, chances in self._known[tools]]

    def _chances(self, tools: tuple[str, ...]) -> Iterator[tuple[Thing, dict[str, float]]]:
        described = list(_described(self._toolset, self._messages, tools, self._marker))
        if not described:
            return
        probabilities = self._classifier.probabilities(hashed([features for _, _, features in described], _HASHED))
        for (thing, possible, _), row in zip(described, probabilities, strict=True):
            chances = {
                role: max(float(probability), _UNSEEN)
                for role, probability in zip(self._classifier.labels, row, strict=True)
                if role in possible
            }
            chances |= dict.fromkeys(possible - chances.keys(), _UNSEEN)
            total = sum(chances.values())
            yield thing, {role: chance / total for role, chance in chances.items()}


def _lessons(
    toolset: Toolset, messages: Sequence[Message], calls: Sequence[ToolCall], marker: Marker
) -> Iterator[tuple[list[str], str]]:
    """Features and role of every thing that could fill an argument of the calls."""
    real = [call for call in calls if call.name in toolset.by_name]
    filled = _filled(toolset, real)
    for thing, _, features in _described(toolset, messages, tuple(sorted(call.name for call in real)), marker):
        yield features, min(_roles_of(thing, filled))


def _filled(toolset: Toolset, calls: Sequence[ToolCall]) -> list[tuple[str, Any]]:
    """Argument names and values of calls."""
    return [
        (name, written_as(value))
        for call in calls
        for name, _, value in leaves(call.arguments, toolset.by_name[call.name].parameters)
    ]


def _roles_of(thing: Thing, filled: Sequence[tuple[str, Any]]) -> frozenset[str]:
    return frozenset(name for name, value in filled if value in thing.values and name in thing.fills) or frozenset((UNUSED,))


def _described(
    toolset: Toolset, messages: Sequence[Message], tools: tuple[str, ...], marker: Marker
) -> Iterator[tuple[Thing, frozenset[str], list[str]]]:
    """Every thing that could fill an argument of the tools, the roles it could have, and its features.

    These say what it is, what stands around it, and which the tools are.
    """
    text = neutral(last_user_text(messages))
    things = marker.things(text)
    words, places = _around(text, things)
    before = calls_this_turn(messages)
    used = {value for _, value in _filled(toolset, [call for call in before if call.name in toolset.by_name])}
    names = {name for tool in tools for name, _ in scalars(toolset.by_name[tool].parameters)}
    together = "+".join(dict.fromkeys(tools))
    for number, thing in enumerate(things):
        if possible := thing.fills & names:
            own = [
                *_standing(things, number),
                *_neighbours(words, places[number], thing.kinds),
                f"word={text[thing.start : thing.end].lower()[:_SHORT]}",
                f"used={bool(thing.values & used)} step={min(len(before), _MANY)} last={messages[-1].role}",
            ]
            crossed = (f"{together}|{feature}" for feature in own)
            yield thing, possible | {UNUSED}, [*own, *crossed, together, f"calls={len(tools)} {thing.kinds}"]


def _around(text: str, things: Sequence[Thing]) -> tuple[list[str], list[int]]:
    """The words of a text with each thing's kinds in its place, and where among them each thing stands."""
    words: list[str] = []
    places = []
    end = 0
    for thing in things:
        words.extend(_words(text[end : thing.start]))
        places.append(len(words))
        words.append(f"[{thing.kinds}]")
        end = thing.end
    return [*words, *_words(text[end:])], places


def _words(text: str) -> list[str]:
    return ["0" if word.isdigit() else word.lower() for word in _WORD.findall(text)]


def _standing(things: Sequence[Thing], number: int) -> Iterator[str]:
    """What a thing is, the how-manieth of its kind, and what kinds are said before and after it."""
    kinds = [thing.kinds for thing in things]
    own = kinds[number]
    alike, ordinal = kinds.count(own), kinds[: number + 1].count(own)
    before = kinds[number - 1] if number else "^"
    after = kinds[number + 1] if number + 1 < len(kinds) else "$"
    yield f"is={own}"
    yield f"order={own} {min(ordinal, _MANY)}/{min(alike, _MANY)}"
    yield f"order={min(ordinal, _MANY)}"
    yield f"before={own}<{before}"
    yield f"after={own}>{after}"
    yield f"between={before}<{own}>{after}"
    if len(kinds) <= _FEW:
        yield f"all={' '.join(kinds)}@{number}"


def _neighbours(words: Sequence[str], place: int, kinds: str) -> Iterator[str]:
    """The words to the left and right, by their order and as they come."""

    def at(offset: int) -> str:
        return words[place + offset] if 0 <= place + offset < len(words) else "^"

    left, right = at(-1), at(1)
    yield f"l1={left}"
    yield f"l2={at(-2)} {left}"
    yield f"l3={at(-3)} {at(-2)} {left}"
    yield f"r1={right}"
    yield f"r2={right} {at(2)}"
    yield f"r3={right} {at(2)} {at(3)}"
    yield f"lr={left} {right}"
    yield f"lr={kinds} {left} {right}"
    yield f"l={kinds} {left}"
    yield f"r={kinds} {right}"
    for offset in range(-_NEAR, _NEAR + 1):
        if offset and 0 <= place + offset < len(words):
            yield f"{'l' if offset < 0 else 'r'}:{at(offset)}"
