"""Mentions: every typed span of a text that could fill an argument.

Code finds what could be meant; the model only chooses among it. A text is read once: known names (plural, case and small
typos forgiven), number sequences by the company's own patterns, numbers, digits and dates.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from rapidfuzz import fuzz, process

from core.types.mention import Mention
from core.types.tool import Vocabulary
from tools.dates import find_dates, is_of_calendar
from tools.directory import Directory
from tools.numbers import find_digits, find_numbers

NUMBER, DIGITS, DATE = "number", "digits", "date"
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)*|https?://\S+|www\.\S+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_MAX_NAME_TOKENS = 10
_FUZZY_CUTOFF = 88.0
_MIN_FUZZY_LENGTH = 5


class NameIndex:
    """Finds the names and patterns of a vocabulary in a text, in time that grows with the text, not with the names."""

    def __init__(self, vocabulary: Mapping[str, Vocabulary], fuzzy_cutoff: float = _FUZZY_CUTOFF) -> None:
        """`fuzzy_cutoff` is rapidfuzz's edit ratio, in [0, 100], from which a misspelt name counts."""
        self._cutoff = fuzzy_cutoff
        self._in_part = Directory(
            (kind, name, name) for kind, entry in vocabulary.items() if entry.partial for name in entry.names
        )
        self._kinds: dict[tuple[str, ...], set[str]] = {}
        for kind, entry in vocabulary.items():
            for name in () if entry.partial else entry.names:
                key = tuple(_normal(token) for token in _TOKEN.findall(name))
                if key:
                    self._kinds.setdefault(key, set()).add(kind)
        self._longest = min(_MAX_NAME_TOKENS, max((len(key) for key in self._kinds), default=0))
        self._joined: dict[str, set[str]] = {}
        for key, kinds in self._kinds.items():
            if len(name := _closed(key)) >= _MIN_FUZZY_LENGTH:
                self._joined.setdefault(name, set()).update(kinds)
        self._patterns = [
            (kind, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE))
            for kind, entry in vocabulary.items()
            for pattern in entry.patterns
        ]

    def find(self, text: str) -> list[Mention]:
        """Names and pattern matches in `text`, in reading order; shorter ones inside longer ones are marked `inside`."""
        tokens = [(match.start(), match.end(), _normal(match[0])) for match in _TOKEN.finditer(text)]
        found = [*self._in_part.find(text), *self._exact(text, tokens)]
        found.extend(self._fuzzy(text, tokens, found))
        for kind, pattern in self._patterns:
            for match in pattern.finditer(text):
                surface = match[0].rstrip("/-.")
                if surface:
                    found.append(_mention(kind, text, match.start(), match.start() + len(surface)))
        return mark_inside(sorted(set(found), key=lambda m: (m.start, -m.end, m.kind)))

    def _exact(self, text: str, tokens: list[tuple[int, int, str]]) -> Iterator[Mention]:
        for first in range(len(tokens)):
            for last in range(first, min(first + self._longest, len(tokens))):
                key = tuple(token for _, _, token in tokens[first : last + 1])
                for kind in self._kinds.get(key, ()):
                    yield _mention(kind, text, tokens[first][0], tokens[last][1])

    def _fuzzy(self, text: str, tokens: list[tuple[int, int, str]], exact: list[Mention]) -> Iterator[Mention]:
        """Misspelt names: windows of words no exact name touches, compared by edit ratio (rapidfuzz).

        Compared without spaces: dictation and haste cut names elsewhere ("save ins", "bright water").
        """
        free = [not any(m.start < end and start < m.end for m in exact) for start, end, _ in tokens]
        windows = {}
        for first in range(len(tokens)):
            for last in range(first, min(first + 4, len(tokens))):
                if not free[last]:
                    break
                joined = _closed(token for _, _, token in tokens[first : last + 1])
                if len(joined) >= _MIN_FUZZY_LENGTH and not joined.isdigit():
                    windows[joined] = (tokens[first][0], tokens[last][1])
        if not windows or not self._joined:
            return
        near = []
        for joined, (start, end) in windows.items():
            best = process.extractOne(joined, self._joined.keys(), scorer=fuzz.ratio, score_cutoff=self._cutoff)
            if best is not None and best[0][0] == joined[0]:
                near.append((-best[1], start, end, best[0]))
        taken: list[tuple[int, int]] = []
        for _, start, end, name in sorted(near):  # the nearest first; "to" or a comma beside it belongs to no name
            if not any(start < other_end and other_start < end for other_start, other_end in taken):
                taken.append((start, end))
                for kind in self._joined[name]:
                    yield _mention(kind, text, start, end)


def find_mentions(text: str, index: NameIndex) -> list[Mention]:
    """Every typed span of `text`: names, ids, dates, numbers, runs of digits.

    A number inside a longer name, id or calendar date is marked `inside`; so is a name inside a longer name. What looks like a
    name or a number in an e-mail or web address is none.
    """
    addresses = [match.span() for match in _ADDRESS.finditer(text)]
    named = index.find(text)
    dates = [_mention(DATE, text, start, end) for start, end in find_dates(text)]
    days = [(date.start, date.end) for date in dates if is_of_calendar(date.surface)]
    figures = [Mention(kind=NUMBER, surface=text[s:e], value=value, start=s, end=e) for s, e, value in find_numbers(text)]
    figures.extend(Mention(kind=DIGITS, surface=text[s:e], value=value, start=s, end=e) for s, e, value in find_digits(text))
    figures = [m.model_copy(update={"inside": True}) if _is_part_of_any(m, days) else m for m in figures]
    found = [m for m in (*named, *dates, *figures) if not _is_part_of_any(m, addresses)]
    return mark_inside(sorted(found, key=lambda m: (m.start, -m.end, m.kind)))


def _is_part_of_any(mention: Mention, spans: Iterable[tuple[int, int]]) -> bool:
    return any(
        start <= mention.start and mention.end <= end and mention.end - mention.start < end - start for start, end in spans
    )


def mark_inside(mentions: list[Mention]) -> list[Mention]:
    """Mark each mention that lies strictly within a longer name or id; dates, numbers and digits hide no names."""
    hiding = sorted({(m.start, -m.end) for m in mentions if m.kind not in (NUMBER, DIGITS, DATE) and not m.inside})
    marked: dict[int, Mention] = {}
    reach, same_start, same_reach, position = 0, -1, 0, 0  # furthest ends of names that start before, and at, this start
    for index in sorted(range(len(mentions)), key=lambda i: mentions[i].start):
        mention = mentions[index]
        while position < len(hiding) and hiding[position][0] <= mention.start:
            start, end = hiding[position][0], -hiding[position][1]
            if start != same_start:
                reach, same_start, same_reach = max(reach, same_reach), start, end
            position += 1
        before = reach if same_start == mention.start else max(reach, same_reach)
        within = mention.end <= before or (same_start == mention.start and mention.end < same_reach)
        marked[index] = mention.model_copy(update={"inside": True}) if within else mention
    return [marked[index] for index in range(len(mentions))]


def _mention(kind: str, text: str, start: int, end: int) -> Mention:
    surface = text[start:end]
    return Mention(kind=kind, surface=surface, value=surface, start=start, end=end)


def _closed(tokens: Iterable[str]) -> str:
    return "".join(tokens).replace(" ", "")  # a folded token may itself hold a space


@lru_cache(maxsize=65536)
def _normal(token: str) -> str:
    """A word without case, accents and plural ending, so that "Oak Chair" finds "oak chairs"."""
    folded = unicodedata.normalize("NFKD", token.casefold())
    folded = "".join(char for char in folded if not unicodedata.combining(char))
    if len(folded) > 3 and folded.endswith("s") and not folded.endswith("ss"):
        folded = folded[:-3] + "y" if folded.endswith("ies") and len(folded) > 4 else folded[:-1]
    return folded
