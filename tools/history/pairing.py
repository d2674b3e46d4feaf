"""Pairs of what was asked and what was done: letters matched with the entries of a journal that answer them.

An entry answers the letter that says most of its values, among those its author worked on in the hours before. What of an entry
nobody said is left out; where it is something the tool requires, the entry answers none. Letters that no entry answers teach
nothing: that nothing was to be done cannot be told from that it was done elsewhere.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from core.types.message import Message, ToolCall
from core.types.principal import Principal
from core.types.tool import Toolset
from core.types.trace import HISTORY, Trace
from tools.dates import find_dates
from tools.history.records import MOST_CHARACTERS, Entry, Letter, by_time
from tools.history.wording import Worded, Wording, call_key
from tools.validate import argument_error

MOST_CALLS = 4
"""Of one request; who wrote more meant something else."""
_ON_CONDITION = re.compile(r"\b(?:if|unless|otherwise|whether)\b", re.IGNORECASE)
"""Something is looked up first, which no journal shows."""
_IN_TURN = re.compile(r"\b(?:then|after(?:wards)?|once|when|as soon as|before|first|next|finally|later)\b", re.IGNORECASE)
"""One thing after another: what of several is the first step cannot be told."""
_OF_DAYS = ("next", "before")
"""Those of these words that say when, and not what comes first, where a day begins with them or follows: "next Friday"."""
_SURELY_MORE = 2.0
"""Standard errors above everybody's share of reversals from which on an author is left out."""


class Pairs(NamedTuple):
    """What came of letters and entries."""

    traces: list[Trace]
    """One a letter, the earliest first; those of authors with few reversals come first where only some are wanted."""
    left_out: Counter[str]
    """Why entries and letters gave none."""


class _Answer(NamedTuple):
    entry: Entry
    worded: Worded


def pair(
    letters: Sequence[Letter],
    entries: Sequence[Entry],
    toolset: Toolset,
    wording: Wording,
    principal: Principal,
    within: timedelta = timedelta(hours=8),
    most: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Pairs:
    """Match them.

    Args:
        letters: What was asked.
        entries: What was written.
        toolset: Its tools are what entries call.
        wording: How records are called.
        principal: Whose tenant the traces belong to; each names the author as its person.
        within: How long after a letter its entry may come.
        most: At most so many traces, those of the authors with the fewest reversals.
        on_progress: Called with entries done and entries in all.
    """
    left_out = Counter[str]()
    doubtful = _reversing(entries)
    answers: dict[int, list[_Answer]] = defaultdict(list)
    spoilt = set[int]()
    ordered = by_time(list(letters))
    finder = _Finder(ordered, toolset, wording, within)
    for number, entry in enumerate(by_time(list(entries)), 1):
        on_progress(number, len(entries))
        if entry.tool not in toolset.by_name:
            left_out[f"no tool {entry.tool!r}"] += 1
            continue
        found = finder.letter_of(entry)
        if found is None:
            left_out["no letter asks for it"] += 1
            continue
        if entry.reversed or entry.author in doubtful:
            left_out["was reversed" if entry.reversed else "its author reverses more than others"] += 1
            spoilt.add(found[0])
            continue
        answers[found[0]].append(_Answer(entry, found[1]))
    left_out["letters nothing answers"] = len(ordered) - len(answers.keys() | spoilt)
    traces = []
    for at in sorted(answers.keys() - spoilt):
        trace = _trace(ordered[at], answers[at], toolset, principal)
        if isinstance(trace, str):
            left_out[trace] += 1
        else:
            traces.append(trace)
    return Pairs(_best(traces, entries, most), left_out)


class _Finder:
    """Finds the letter an entry answers."""

    def __init__(self, letters: Sequence[Letter], toolset: Toolset, wording: Wording, within: timedelta) -> None:
        """`letters`: the earliest first."""
        self._letters, self._toolset, self._wording, self._within = letters, toolset, wording, within
        self._numbered = {letter.id: at for at, letter in enumerate(letters) if letter.id}
        self._of: dict[str, list[int]] = defaultdict(list)
        for at, letter in enumerate(letters):
            self._of[letter.handler].append(at)

    def letter_of(self, entry: Entry) -> tuple[int, Worded] | None:
        """Its place and the call in its words."""
        if entry.letter in self._numbered and entry.letter:
            asked = [self._numbered[entry.letter]]
        else:
            asked = [at for handler in {entry.author, ""} for at in self._near(handler, entry)]
        worded = ((at, self._worded(entry, self._letters[at])) for at in asked)
        fitting = [(found.said - found.unsaid / 2, at, found) for at, found in worded if found is not None and found.said]
        best = max(fitting, key=lambda one: one[:2], default=None)
        return None if best is None else (best[1], best[2])

    def _near(self, handler: str, entry: Entry) -> list[int]:
        own = self._of.get(handler, [])
        first = bisect_left(own, entry.at - self._within, key=lambda at: self._letters[at].at)
        return own[first : bisect_right(own, entry.at, key=lambda at: self._letters[at].at)]

    def _worded(self, entry: Entry, letter: Letter) -> Worded | None:
        text = letter.text[:MOST_CHARACTERS]
        return self._wording.worded(self._toolset.by_name[entry.tool], entry.arguments, text, letter.at.date())


def _trace(letter: Letter, answers: Sequence[_Answer], toolset: Toolset, principal: Principal) -> Trace | str:
    """A conversation of a request and its calls, or why there is none."""
    if _ON_CONDITION.search(letter.text):
        return "asks on a condition"
    if len(answers) > 1 and _is_in_turn(letter.text):
        return "several entries answer a letter that asks for one after the other"
    distinct = {call_key(answer.entry.tool, answer.worded.arguments): answer for answer in answers}
    if len(distinct) > MOST_CALLS:
        return f"more than {MOST_CALLS} entries answer one letter"
    calls = []
    for number, answer in enumerate(distinct.values(), 1):
        tool = toolset.by_name[answer.entry.tool]
        if argument_error(tool, answer.worded.arguments, True):
            return "does not fit the tool's schema"
        calls.append(ToolCall(id=f"c{number}", name=tool.name, arguments=answer.worded.arguments))
    return Trace(
        toolset=toolset.name,
        messages=(
            Message(role="user", content=letter.text[:MOST_CHARACTERS]),
            Message(role="assistant", tool_calls=tuple(calls)),
        ),
        outcome="calls",
        source=HISTORY,
        principal=principal.model_copy(update={"person": answers[0].entry.author}),
        schema_hashes={call.name: toolset.schema_hashes[call.name] for call in calls},
    )


def _is_in_turn(text: str) -> bool:
    days = find_dates(text)
    return any(found[0].lower() not in _OF_DAYS or not _is_of_day(found, text, days) for found in _IN_TURN.finditer(text))


def _is_of_day(word: re.Match[str], text: str, days: Sequence[tuple[int, int]]) -> bool:
    """Whether a day begins with a word, or straight behind it."""
    follows = len(text) - len(text[word.end() :].lstrip())
    return any(start in (word.start(), follows) for start, _ in days)


def _shares(entries: Sequence[Entry]) -> Mapping[str, tuple[int, int]]:
    """Reversed and all entries, by author."""
    found: dict[str, tuple[int, int]] = {}
    for entry in entries:
        wrong, count = found.get(entry.author, (0, 0))
        found[entry.author] = (wrong + entry.reversed, count + 1)
    return found


def _reversing(entries: Sequence[Entry]) -> frozenset[str]:
    """Authors who have surely more reversed than the others together."""
    shares = _shares(entries)
    found = set()
    for author, (wrong, count) in shares.items():
        others = len(entries) - count
        share = (sum(wrong for wrong, _ in shares.values()) - wrong) / others if others else 1.0
        error = math.sqrt(max(share * (1 - share), 1 / max(1, others)) / count)
        if wrong / count > share + _SURELY_MORE * error and wrong > 1:
            found.add(author)
    return frozenset(found)


def _best(traces: list[Trace], entries: Sequence[Entry], most: int | None) -> list[Trace]:
    if most is None or len(traces) <= most:
        return traces
    shares = {author: wrong / count for author, (wrong, count) in _shares(entries).items()}
    chosen = sorted(range(len(traces)), key=lambda at: (shares[traces[at].principal.person], at))[:most]
    return [traces[at] for at in sorted(chosen)]
