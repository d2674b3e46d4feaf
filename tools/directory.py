"""The directory: every record of a business system by name, to find names in a text and the record a name means.

A language model copies names as they were said; this says which records they could mean. Finding costs time that grows with the
text, not with the number of records: words are looked up, and only words that no name has are compared for slips of the pen.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from core.types.mention import Mention
from tools.names import is_legal, normal, same, sound, tokens_of

_MAX_WORDS = 6
_FEWEST_LETTERS = 4
"""Of a word that names a record by itself, or may be misspelt."""
_LONG = 8
"""Letters from which a word may have two slips."""
_PARTIAL, _CLIPPED, _LETTER, _SKELETON, _INITIALS, _SOUND, _OTHER_ORDER = 1.5, 0.4, 0.6, 0.8, 0.9, 1.2, 0.6
_NO_FORM, _NEW_FORM, _OTHER_FORM = 0.2, 0.8, 1.2
_MARGIN = 1.6
"""Costs nearer than this are a tie, and somebody has to be asked."""
_WORST = 4.0
_FIGURE = re.compile(r"\d+")
_FEWEST_DIGITS = 3
"""Of the tail of a figure that stands for all of it."""
_MOST = 24
_EVERYDAY = """
about account after again against also amount another answer anything around back bank before below bill book bring call
cancel case cash change charge check city close come company confirm copy cost count create credit customer date days deal
delay deliver delivery discount done down draft each early email ever everything fine firm first from full give goes going
good goods group half have here hold hotel important inform invoice item just keep kind know last late later left like line
list long look lost main make many matter message money month more morning most move much must name need never next nice note
nothing number offer once only open order other over owed paid part pay payment people phone piece place plan please post
price prompt purchase put quantity question quick quote ready really reason receive record register reminder report request
rest right sale same send sent service ship short should show since some soon sort stage start state still stock stop sure
take tell thank thanks that their them then there these they thing think this those ticket time today tomorrow total transfer
under unit until update urgent very wait want warehouse week well were what when where which while will with without work
would write wrong year yesterday your
"""
_AROUND = """
warehouse the a an of for from at our one those these this that people guy folk lot thing stuff firm
some any my customer client account supplier vendor product item
"""
_FILLING = frozenset(_AROUND.split())
"""Words around a name that are no part of it."""
_COMMON = frozenset(map(normal, _EVERYDAY.split()))
"""Words of everyday requests: no name by themselves, unless a record is called just that."""


_VOWELS = frozenset("aeiou")


class Match(NamedTuple):
    """A record that could be meant."""

    key: str
    """Names the record for good."""
    name: str
    """What it is called."""
    cost: float
    """How far what was said is from it: 0 is the name itself."""
    other_form: bool = False
    """Said with the legal form of another firm, "Harlow GmbH" for Harlow Ltd: even the only one is to be asked about."""


class _Name(NamedTuple):
    key: str
    text: str
    tokens: tuple[str, ...]
    """Without legal forms, unless there is nothing else."""
    legal: tuple[str, ...]
    words: tuple[str, ...]
    """All of it, in order."""

    @property
    def joined(self) -> str:
        return "".join(self.tokens)


class Directory:
    """Records by kind and name; records may come and go at any time."""

    def __init__(self, records: Iterable[tuple[str, str, str]] = ()) -> None:
        """`records`: kind, key, name."""
        self._names: dict[str, dict[str, _Name]] = defaultdict(dict)
        self._same: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._words: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._parts: dict[str, dict[str, int]] = defaultdict(dict)
        self._known: dict[str, int] = {}
        self._slips: dict[str, set[str]] = defaultdict(set)
        self._sounds: dict[str, set[str]] = defaultdict(set)
        for kind, key, name in records:
            self.add(kind, key, name)

    def __len__(self) -> int:
        return sum(map(len, self._names.values()))

    def add(self, kind: str, key: str, name: str) -> None:
        """A record is there, or is called otherwise from now on."""
        self.remove(kind, key)
        entry = _read(key, name)
        if not entry.tokens:
            return
        self._names[kind][key] = entry
        self._same[kind, same(name)].add(key)
        for word in {*entry.tokens, *entry.legal}:
            self._words[kind, word].add(key)
            self._count_word(word, 1)
        for part in _parts(entry):
            counts = self._parts[part]
            counts[kind] = counts.get(kind, 0) + 1

    def remove(self, kind: str, key: str) -> None:
        """A record is gone; nothing happens where there was none."""
        entry = self._names[kind].pop(key, None)
        if entry is None:
            return
        self._same[kind, same(entry.text)].discard(key)
        for word in {*entry.tokens, *entry.legal}:
            self._words[kind, word].discard(key)
            self._count_word(word, -1)
        for part in _parts(entry):
            counts = self._parts[part]
            counts[kind] -= 1
            if not counts[kind]:
                del counts[kind]

    def find(self, text: str) -> list[Mention]:
        """Every span that may name a record, wholly or in part, in reading order; overlapping ones are all there."""
        tokens = tokens_of(text)
        readings = [self._readings(token.text) for token in tokens]
        found = {
            (start, end, kind)
            for first in range(len(tokens))
            for last in range(first, min(first + _MAX_WORDS, len(tokens)))
            for kind in self._kinds(readings[first : last + 1])
            for start, end in [(tokens[first].start, tokens[last].end)]
        }
        return [
            Mention(kind=kind, surface=text[start:end], value=text[start:end], start=start, end=end)
            for start, end, kind in sorted(found, key=lambda span: (span[0], -span[1], span[2]))
        ]

    def match(self, kind: str, said: str) -> list[Match]:
        """Records of a kind that `said` could mean, the nearest first; those no nearer than the margin are left out.

        One match is a record to act on; several are to be asked about; none is not known.
        """
        exact = self._called(kind, said)
        if exact:
            return sorted(Match(key, self._names[kind][key].text, 0.0) for key in exact)
        words = [token.text for token in tokens_of(said)]
        wanted = tuple(word for word in words if not is_legal(word)) or tuple(words)
        wanted = tuple(word for word in wanted if word not in _FILLING) or wanted
        if not wanted:
            return []
        legal = tuple(word for word in words if is_legal(word))
        costs = {key: self._cost(self._names[kind][key], wanted, legal) for key in self._candidates(kind, wanted)}
        near = sorted((cost, self._names[kind][key].text, key) for key, cost in costs.items() if cost <= _WORST)
        best = [(cost, self._names[kind][key]) for cost, _, key in near if cost < near[0][0] + _MARGIN][:_MOST]
        other = [bool(legal and name.legal) and set(legal).isdisjoint(name.legal) for _, name in best]
        return [Match(name.key, name.text, cost, is_other) for (cost, name), is_other in zip(best, other, strict=True)]

    def _called(self, kind: str, said: str) -> set[str]:
        """Records of just that name; "Orion Lab's" may be Orion Lab or Orion Labs, "Delta-Marine" Deltamarine too."""
        spellings = {same(said)}
        if possessive := re.fullmatch(r"(.+)['’]s?", said.strip()):
            spellings |= {same(possessive[1]), same(possessive[1] + "s")}
        if "-" in said:
            spellings |= {same(said.replace("-", ""))}
        return {key for spelling in spellings for key in self._same.get((kind, spelling), ())}

    def _count_word(self, word: str, change: int) -> None:
        count = self._known.get(word, 0) + change
        slips = [*_one_less(word), word] if len(word) >= _FEWEST_LETTERS else []
        if count:
            self._known[word] = count
            self._sounds[sound(word)].add(word)
            for slip in slips:
                self._slips[slip].add(word)
        else:
            self._known.pop(word, None)
            self._sounds[sound(word)].discard(word)
            for slip in slips:
                self._slips[slip].discard(word)

    def _readings(self, word: str) -> list[str]:
        """A word itself, or where no name has it, the words of names it may be a slip of."""
        if word in self._known or word in _COMMON or len(word) < _FEWEST_LETTERS or word.isdigit():
            return [word]
        near = {known for slip in (*_one_less(word), word) for known in self._slips.get(slip, ())}
        near = {known for known in near if known[0] == word[0] and OSA.distance(known, word) <= 1 + (len(word) >= _LONG)}
        if heard := sound(word):
            near |= self._sounds.get(heard, set())
        return [word, *sorted(near)[:4]]

    def _kinds(self, readings: list[list[str]]) -> set[str]:
        kinds: set[str] = set()
        if len(readings) == 1 and readings[0][0] in _COMMON:
            return {kind for kind, _ in self._kinds_called(readings[0][0])}
        for words in product(*readings) if sum(len(r) > 1 for r in readings) <= 2 else [tuple(r[0] for r in readings)]:
            kinds.update(self._parts.get("".join(words), ()))
        return kinds

    def _kinds_called(self, word: str) -> Iterator[tuple[str, set[str]]]:
        for kind in self._names:
            if keys := self._same.get((kind, word)):
                yield kind, keys

    def _candidates(self, kind: str, wanted: tuple[str, ...]) -> set[str]:
        found: set[str] = set()
        for word in wanted:
            if len(word) >= 2:
                for known in self._alike(kind, word):
                    found |= self._words[kind, known]
        joined = "".join(wanted)
        for known in self._alike(kind, joined):
            found |= self._words[kind, known]
        names = {key: entry.joined for key, entry in self._names[kind].items()}
        slips = _slips_allowed(joined)
        near = process.extract(joined, names, scorer=OSA.distance, score_cutoff=slips, limit=_MOST)
        found.update(key for _, _, key in near)
        if len(joined) > _FEWEST_LETTERS:
            found.update(key for key, name in names.items() if joined in name)
        if len(wanted) == 1 and len(joined) <= 5:
            found.update(key for key, entry in self._names[kind].items() if _initials(entry) == joined)
        return found

    def _alike(self, kind: str, word: str) -> set[str]:
        alike = {word} if (kind, word) in self._words else set()
        if len(word) >= _FEWEST_LETTERS:
            alike |= {known for slip in (*_one_less(word), word) for known in self._slips.get(slip, ())}
        if heard := sound(word):
            alike |= self._sounds.get(heard, set())
        if len(word) >= 2:
            alike |= {
                known for known in self._known if known[0] == word[0] and (known.startswith(word) or _is_skeleton(word, known))
            }
        return alike

    def _cost(self, name: _Name, wanted: tuple[str, ...], legal: tuple[str, ...]) -> float:
        joined = "".join(wanted)
        if not _says_its_figures(name, joined):
            return _WORST + 1
        whole = float(OSA.distance(joined, name.joined))
        costs = [_cost_by_words(name.tokens, wanted), _cost_of_run(name, joined)]
        if whole <= _slips_allowed(joined):
            costs.append(whole)
        if len(wanted) == 1 and len(wanted[0]) >= 2 and _initials(name) == wanted[0]:
            costs.append(_INITIALS)
        return min(costs) + _cost_of_form(set(name.legal), set(legal))


def _says_its_figures(name: _Name, joined: str) -> bool:
    """Whether every figure said is one of the name's: another figure is another record, however like the rest is."""
    own = _FIGURE.findall(name.joined)
    return all(any(_is_figure(said, figure) for figure in own) for said in _FIGURE.findall(joined))


def _is_figure(said: str, figure: str) -> bool:
    """The same number, or the tail of a long one: "204" is said for 6204, but 2 is no 22."""
    return said.lstrip("0") == figure.lstrip("0") or (len(said) >= _FEWEST_DIGITS and figure.endswith(said))


def _read(key: str, name: str) -> _Name:
    words = [token.text for token in tokens_of(name)]
    core = tuple(word for word in words if not is_legal(word))
    legal = tuple(word for word in words if is_legal(word)) if core else ()
    return _Name(key, name, core or tuple(words), legal, tuple(words))


def _parts(name: _Name) -> set[str]:
    """What of a name may stand for it: the whole, with and without its legal form, and any run of words that says enough."""
    tokens = name.tokens
    parts = {name.joined, "".join(name.words)}
    for first in range(len(tokens)):
        for last in range(first, min(first + _MAX_WORDS, len(tokens))):
            run = tokens[first : last + 1]
            telling = [word for word in run if word not in _COMMON and len(word) >= _FEWEST_LETTERS and not word.isdigit()]
            if telling:
                parts.add("".join(run))
    return parts


def _cost_by_words(tokens: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    """Every word said stands for one of the name's; words of the name that were not said cost a little together."""
    left = [token for token in tokens if token != "&"]
    said = [word for word in wanted if word != "&"]
    if not said or len(said) > len(left):
        return _WORST + 1
    missing = _PARTIAL if len(said) < len(left) else 0.0
    cost, position = 0.0, -1
    for word in said:
        here, at = min((_word_cost(word, token) + _OTHER_ORDER * (at < position), at) for at, token in enumerate(left))
        if here >= _WORST:
            return _WORST + 1
        cost, position, left[at] = cost + here, at, ""
    return cost + missing


def _cost_of_run(name: _Name, joined: str) -> float:
    """Said as one word what the name writes as several, or the other way round."""
    best = _WORST + 1.0
    for first in range(len(name.tokens)):
        for last in range(first, len(name.tokens)):
            slips = float(OSA.distance(joined, "".join(name.tokens[first : last + 1])))
            if slips <= min(2, _slips_allowed(joined)):
                best = min(best, slips + (0.0 if last - first + 1 == len(name.tokens) else _PARTIAL))
    return best


def _cost_of_form(of_name: set[str], said: set[str]) -> float:
    if of_name == said:
        return 0.0
    return _OTHER_FORM if of_name and said else _NEW_FORM if said else _NO_FORM


def _word_cost(word: str, token: str) -> float:
    if word == token:
        return 0.0
    if not token:
        return _WORST
    if word.isdigit() or token.isdigit():
        return _WORST
    if token.startswith(word):
        return _CLIPPED if len(word) >= 3 else _LETTER
    slips = float(OSA.distance(word, token))
    if sound(word) and sound(word) == sound(token):
        return min(slips, _SOUND)
    if len(word) >= _FEWEST_LETTERS and slips <= 1 + (min(len(word), len(token)) >= _LONG):
        return slips
    return _SKELETON if _is_skeleton(word, token) else _WORST


def _is_skeleton(word: str, token: str) -> bool:
    """Whether a word is a token with letters left out, as in "hldgs" or "avn": only consonants, or the same last letter."""
    if len(word) < 2 or len(word) >= len(token) or word[0] != token[0] or len(word) * 3 < len(token):
        return False
    if not _VOWELS.isdisjoint(word) and word[-1] != token[-1]:
        return False
    letters = iter(token)
    return all(letter in letters for letter in word)


def _initials(name: _Name) -> str:
    return "".join(token[0] for token in name.tokens if token != "&") if len(name.tokens) > 1 else ""


def _slips_allowed(joined: str) -> int:
    return 0 if len(joined) < _FEWEST_LETTERS else 1 if len(joined) < _LONG else 2 if len(joined) < 2 * _LONG else 3


def _one_less(word: str) -> Iterator[str]:
    return (word[:at] + word[at + 1 :] for at in range(len(word)))
