"""Spans: where a free text starts and ends, judged by the words around its two ends, given the argument it fills.

The writer cuts a text short where a name or a date stands in it, or lets it run on into the next wish. Here its start is judged
first, then its end given the start, by linear models that know the neighbourhood and nothing else; what the words between mean
(`agents/tags.py`) is weighed with them, as in a product of experts (Hinton 2002). They err elsewhere than the writer does, and
where the two differ is worth a look. Linear models over spans are the baseline of Rajpurkar et al. 2016, "SQuAD".
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from agents.linear import LinearClassifier, hashed
from agents.offers import Word, words_of
from agents.tags import NO_ARGUMENT, Tagged, Tags, Vectors, WordEmbedder, any_run, best_runs
from core.chat import neutral
from core.types.message import Message, ToolCall, last_user_text
from retrieval.embed import Places
from tools.marks import Marker

_HASHED = 2**15
_STRENGTH = 0.3
_LONGEST, _STARTS = 40, 6
_FEWEST = 30
"""Texts. `banking` has some twenty, of which the likeliest was right once in six held-out ones (docs/measured.md)."""
_UNSEEN = 1e-4
_EDGES = re.compile(r"^\W+|\W+$")
_LETTERS, _FIGURE, _SAME = re.compile(r"[^\W\d_]+"), re.compile(r"\d+"), re.compile(r"([.-]?a)(?=\1)")
_NO, _YES = "", "here"
Place: TypeAlias = tuple[int, int] | None
_NOWHERE = (-1, -1)


class Guess(NamedTuple):
    """The likeliest text of an argument."""

    text: str
    """As it was said."""
    chance: float
    """How likely it is just this, in [0, 1]."""


class Spans:
    """Linear classifiers: does a text start at this word, does one that started there end at that word, whose is each word?"""

    def __init__(self, starts: LinearClassifier, ends: LinearClassifier, tags: Tags, marker: Marker) -> None:
        self._starts, self._ends, self._tags, self._marker = starts, ends, tags, marker

    @classmethod
    def fit(
        cls,
        conversations: Sequence[Sequence[Message]],
        steps: Sequence[Sequence[ToolCall]],
        marker: Marker,
        embedder: WordEmbedder,
        start: "Spans | None" = None,
    ) -> "Spans":
        """Fit on conversations up to a step, and the calls of that step; on from `start`, if given.

        An argument that a call leaves out starts nowhere; one that the last user turn does not say teaches nothing. Of few texts
        nothing is learned that holds for others.
        """
        starts, ends, tagged = _Lessons(), _Lessons(), list[Tagged]()
        texts = 0
        for said, filled in _taught(conversations, steps, marker):
            tagged.extend(said.tagged(filled))
            for argument, (first, last) in ((argument, place) for argument, place in filled if place is not None):
                texts += first >= 0
                for position in range(len(said.words)):
                    starts.add(said.at_start(argument, position), position == first)
                for position in said.ends(first) if first >= 0 else ():
                    ends.add(said.at_end(argument, first, position), position == last)
        if start is not None and not texts:
            return start
        if start is None and texts < _FEWEST:
            nothing = LinearClassifier([_NO], np.zeros((_HASHED, 1), np.float32), np.zeros(1, np.float32))
            return cls(nothing, nothing, Tags(None, embedder), marker)
        if start is None:
            return cls(starts.fit(), ends.fit(), Tags.fit(tagged, embedder), marker)
        return cls(starts.fit(start._starts), ends.fit(start._ends), Tags.fit(tagged, embedder, start._tags), marker)

    def read(self, messages: Sequence[Message]) -> "Texts":
        """The free texts of the last user turn; judged when asked."""
        return self.read_all([messages])[0]

    def read_all(self, conversations: Sequence[Sequence[Message]]) -> list["Texts"]:
        """`read` for many conversations at once."""
        said = [neutral(last_user_text(messages)) for messages in conversations]
        vectors = self._tags.embed([(text, _places(words_of(text))) for text in said])
        return [
            Texts(self._starts, self._ends, self._tags, words, messages, self._marker)
            for words, messages in zip(vectors, conversations, strict=True)
        ]

    def save(self, file: Path) -> None:
        """Write the classifiers, one beside the other."""
        for what, classifier in (("starts", self._starts), ("ends", self._ends), ("tags", self._tags)):
            classifier.save(file.with_suffix(f".{what}.safetensors"))

    @classmethod
    def load(cls, file: Path, marker: Marker, embedder: WordEmbedder) -> "Spans":
        """Read back what `save` wrote."""
        starts, ends = (LinearClassifier.load(file.with_suffix(f".{what}.safetensors")) for what in ("starts", "ends"))
        return cls(starts, ends, Tags.load(file.with_suffix(".tags.safetensors"), embedder), marker)


class Texts:
    """The words of one conversation's last user turn, and which run of them fills an argument."""

    def __init__(
        self,
        starts: LinearClassifier,
        ends: LinearClassifier,
        tags: Tags,
        words: Vectors,
        messages: Sequence[Message],
        marker: Marker,
    ) -> None:
        """`words`: what `tags` read, a row for each word of the last user turn."""
        self._starts, self._ends, self._tags, self._words = starts, ends, tags, words
        self._messages, self._marker = messages, marker
        self._said: Said | None = None
        self._known: dict[str, dict[str, Guess]] = {}

    def arguments(self, tool: str) -> tuple[str, ...]:
        """Those of a tool that are filled with free text; none where too few texts were seen to say anything of them."""
        return self._marker.free_texts.get(tool, ()) if _YES in self._starts.labels else ()

    def are_filled(self) -> Iterator[tuple[str, float]]:
        """Free texts that tags know, as `tool.argument`, and the log odds that a call of the tool has one, by what words mean."""
        for tool, arguments in self._marker.free_texts.items():
            for name, odds in self._tags.odds(self._words, tool, arguments).items() if arguments else ():
                yield f"{tool}.{name}", any_run(odds)

    def likeliest(self, tool: str, argument: str) -> Guess | None:
        """What the argument of the tool is most likely filled with; None where it is no free text, or nothing was said."""
        if argument not in self.arguments(tool):
            return None
        return max(self._guesses(f"{tool}.{argument}").values(), key=lambda guess: guess.chance, default=None)

    def judge(self, call: ToolCall) -> Iterator[tuple[float, float]]:
        """How likely each free text of a call is just this one, and how likely the likeliest; of those that stand in the turn."""
        for name, value in call.arguments.items():
            chance = self.chance(call.name, name, value) if isinstance(value, str) else None
            likeliest = self.likeliest(call.name, name)
            if chance is not None and likeliest is not None:
                yield chance, likeliest.chance

    def left_out(self, call: ToolCall) -> float:
        """How likely the likeliest free text is that a call leaves out; 0 where it leaves out none."""
        lacking = [name for name in self.arguments(call.name) if name not in call.arguments]
        return max((guess.chance for name in lacking if (guess := self.likeliest(call.name, name))), default=0.0)

    def chance(self, tool: str, argument: str, text: str) -> float | None:
        """How likely the argument is filled with just this text; None where it is no free text or does not stand there."""
        if argument not in self.arguments(tool) or self._heard.place(text) is None:
            return None
        guess = self._guesses(f"{tool}.{argument}").get(bare(text))
        return guess.chance if guess else _UNSEEN

    @property
    def _heard(self) -> "Said":
        self._said = self._said or Said(self._messages, self._marker)
        return self._said

    def _guesses(self, argument: str) -> Mapping[str, Guess]:
        if argument not in self._known:
            self._known[argument] = dict(self._judged(argument))
        return self._known[argument]

    def _judged(self, argument: str) -> Iterator[tuple[str, Guess]]:
        said = self._heard
        if not said.words:
            return
        odds = _odds(self._starts, [said.at_start(argument, position) for position in range(len(said.words))])
        starts = np.log(odds / (1 + odds.sum()))
        meant = self._meant(argument)
        likely = [int(first) for first in np.argsort(-starts - best_runs(meant))[:_STARTS]]
        pairs = [(first, last) for first in likely for last in said.ends(first)]
        ends = _odds(self._ends, [said.at_end(argument, first, last) for first, last in pairs])
        passed = list(accumulate(meant, initial=0.0))
        weights = dict[tuple[int, int], float]()
        for first in likely:
            own = [index for index, pair in enumerate(pairs) if pair[0] == first]
            shares = np.log(ends[own] / ends[own].sum())
            for index, share in zip(own, shares, strict=True):
                weights[pairs[index]] = starts[first] + share + passed[pairs[index][1] + 1] - passed[first]
        nowhere = -math.log1p(odds.sum())
        every = logsumexp([nowhere, *weights.values()])
        found: dict[str, Guess] = {}
        for pair, weight in weights.items():
            text = said.text(*pair)
            known = found.get(bare(text), Guess(text, 0.0))
            found[bare(text)] = Guess(known.text, known.chance + math.exp(weight - every))
        yield from found.items()

    def _meant(self, argument: str) -> list[float]:
        """For each word the log odds that it is part of the text, by what it means; 0 where that says nothing."""
        tool, _, name = argument.rpartition(".")
        return list(self._tags.odds(self._words, tool, self.arguments(tool)).get(name) or [0.0] * len(self._heard.words))


class Said:
    """The last user turn in words, each with the kind of what it mentions."""

    def __init__(self, messages: Sequence[Message], marker: Marker) -> None:
        self._text = neutral(last_user_text(messages))
        self.words = words_of(self._text)
        things = marker.things(self._text)
        self._kinds = [
            next((thing.kinds for thing in things if thing.start < word.end and word.start < thing.end), "")
            for word in self.words
        ]

    def text(self, first: int, last: int) -> str:
        """The words from one to another, as they stand there."""
        return self._text[self.words[first].start : self.words[last].end]

    def ends(self, first: int) -> range:
        """Where a text that starts at word `first` may end."""
        return range(first, min(first + _LONGEST, len(self.words)))

    def place(self, text: str) -> tuple[int, int] | None:
        """First and last word of a text, where it stands there; of several places the first."""
        wanted = bare(text)
        if not wanted or wanted not in self._text.casefold():
            return None
        for first, word in enumerate(self.words):
            if wanted.startswith(bare(word.core)):
                for last in self.ends(first):
                    if bare(self.text(first, last)) == wanted:
                        return first, last
        return None

    def tagged(self, filled: Sequence[tuple[str, Place]]) -> Iterator[Tagged]:
        """The words, each with the argument it fills, for each tool; none where a text of the tool is not said here."""
        for tool in dict.fromkeys(argument.rpartition(".")[0] for argument, _ in filled):
            own = [(argument.rpartition(".")[2], place) for argument, place in filled if argument.rpartition(".")[0] == tool]
            if all(place is not None for _, place in own):
                tags = [NO_ARGUMENT] * len(self.words)
                for name, place in own:
                    first, last = place or _NOWHERE
                    for position in range(first, last + 1) if first >= 0 else ():
                        tags[position] = name
                yield Tagged(self._text, _places(self.words), tool, tuple(tags))

    def at_start(self, argument: str, position: int) -> list[str]:
        """Features of a text that starts at a word."""
        own = [
            *self._around(position),
            f"gap={self._gap(position)}",
            f"gap={self._gap(position)} l1={self._word(position - 1)}",
            f"since={self._joints(max(0, position - _LONGEST), position)}",
            f"place={min(position, 4)}",
            f"case={self._case(position)}",
        ]
        return [*own, *(f"{argument}|{feature}" for feature in own), argument]

    def at_end(self, argument: str, first: int, last: int) -> list[str]:
        """Features of a text from one word that ends at another."""
        passed = {kind for kind in self._kinds[first : last + 1] if kind}
        own = [
            *self._around(last),
            f"gap={self._gap(last + 1)}",
            f"gap={self._gap(last + 1)} r1={self._word(last + 1)}",
            f"joints={self._joints(first, last)}",
            f"joints={self._joints(first, last)} gap={self._gap(last + 1)}",
            f"length={min(last - first, 10)}",
            f"left={min(len(self.words) - 1 - last, 4)}",
            f"starts={self._word(first)}",
            f"case={self._case(last)}",
            *(f"passed={kind}" for kind in passed),
        ]
        return [*own, *(f"{argument}|{feature}" for feature in own), argument]

    def _around(self, position: int) -> Iterator[str]:
        for offset in range(-3, 4):
            yield f"{offset}={self._word(position + offset)}"
        yield f"l2={self._word(position - 2)} {self._word(position - 1)}"
        yield f"r2={self._word(position + 1)} {self._word(position + 2)}"
        yield f"l={self._word(position - 1)} {self._word(position)}"
        yield f"r={self._word(position)} {self._word(position + 1)}"
        yield f"kind={self._kind(position - 1)}>{self._kind(position)}>{self._kind(position + 1)}"

    def _word(self, position: int) -> str:
        """A word; what is mentioned goes by its kind, and what is half figures or signs by its shape."""
        if not 0 <= position < len(self.words):
            return "^" if position < 0 else "$"
        if self._kinds[position]:
            return f"[{self._kinds[position]}]"
        word = self.words[position].core.lower()
        return word if word.isalpha() else _SAME.sub("", _FIGURE.sub("0", _LETTERS.sub("a", word)))

    def _case(self, position: int) -> str:
        core = self.words[position].core
        return "sign" if not any(map(str.isalnum, core)) else "upper" if core[:1].isupper() else "lower"

    def _kind(self, position: int) -> str:
        return self._kinds[position] if 0 <= position < len(self.words) else "^"

    def _gap(self, position: int) -> str:
        """The punctuation before a word."""
        after = self.words[position - 1].after if position > 0 else "^"
        before = self.words[position].before if position < len(self.words) else "$"
        return after + before

    def _joints(self, first: int, last: int) -> int:
        """How many words from one to before another are followed by punctuation, at most three."""
        return min(sum(bool(word.after) for word in self.words[first:last]), 3)


class _Lessons:
    """Rows of one classifier."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []
        self._labels: list[str] = []

    def add(self, features: list[str], is_here: bool) -> None:
        self._rows.append(features)
        self._labels.append(_YES if is_here else _NO)

    def fit(self, start: LinearClassifier | None = None) -> LinearClassifier:
        return LinearClassifier.fit(hashed(self._rows, _HASHED), self._labels, _STRENGTH, quickly=True, start=start)


def _places(words: Sequence[Word]) -> Places:
    return tuple((word.start, word.end) for word in words)


def bare(text: str) -> str:
    """A text as it is compared: without the punctuation around it, whatever its case."""
    return _EDGES.sub("", text.casefold())


def _taught(
    conversations: Sequence[Sequence[Message]], steps: Sequence[Sequence[ToolCall]], marker: Marker
) -> Iterator[tuple[Said, list[tuple[str, Place]]]]:
    """Of each step with free texts the words, and each argument with its place: `_NOWHERE` where it is left out, None where the
    last user turn does not say it."""
    for messages, calls in zip(conversations, steps, strict=True):
        texts = list(_texts_of(calls, marker))
        if texts:
            said = Said(messages, marker)
            yield said, [(argument, _NOWHERE if value is None else said.place(value)) for argument, value in texts]


def _texts_of(calls: Sequence[ToolCall], marker: Marker) -> Iterator[tuple[str, str | None]]:
    """Free texts of calls, each after `tool.argument`; None where one is left out."""
    for call in calls:
        for argument in marker.free_texts.get(call.name, ()):
            value = call.arguments.get(argument)
            if value is None or isinstance(value, str):
                yield f"{call.name}.{argument}", value


def _odds(classifier: LinearClassifier, rows: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """(rows,)."""
    chances = classifier.probabilities(hashed(rows, _HASHED))[:, list(classifier.labels).index(_YES)].astype(np.float64)
    chances = np.clip(chances, 1e-7, 1 - 1e-7)
    return np.asarray(chances / (1 - chances))
