"""Numbers as people say them: digits with separators, words, a dozen, spelled-out digits."""

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

from tools.amounts import find_amounts, scaled
from tools.number_words import SCALES, UNITS, Token, closed_compound, number_word, read_words

_DIGIT_WORDS = {**{w: str(i) for w, i in UNITS.items() if i < 10}, "oh": "0", "o": "0", "nought": "0"}
_HOMOPHONES = ("two", "four", "one", "eight")
_SUFFIX = {"k": 1_000, "m": 1_000_000}
_FIGURE = re.compile(
    r"(?<![\w.,/])(?<!\w-)(?:[€$£]\s?)?(\d{1,3}(?:[,'’]\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d{1,2}|\d+,\d{1,2}(?!\d)|\d+(?:\.\d+)?|\.\d+)\s?([km])?(?![\w]|[-/.]\d)",
    re.IGNORECASE,
)
_GLUED = re.compile(
    r"(?<![\w.,/'’-])(?:(?:EUR|USD|GBP|CHF)(?=\d))?"
    r"(\d{1,3}(?:[,'’]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d{1,2}|\d+,\d{1,2}|\d+\.\d+)(?=[^\W\d_]|\b)(?![.,'’]?\d)"
)
"""A figure with separators that stands against its unit or currency: "1,250kg", "EUR1,200"."""
_MINUS_BEFORE = re.compile(r"(?<!\S)(?:(?:minus\s|[-−])(?:[€$£]\s?)?|[€$£]\s?[-−])$", re.IGNORECASE)
_SIGN_ROOM = len("minus € ") + 1
_LOOSE_FIGURE = re.compile(r"(?<!\d)(\d+(?:\.\d+)?)(?!\d)")
_SCALE_AFTER = re.compile(rf"[\s-]+({'|'.join(SCALES)})s?(?!\w)", re.IGNORECASE)
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_WORD = re.compile(r"[^\W\d_]+|\d+")
_WHICH_ONE_WORDS = """
that this the which every each any no same other wrong right new old last next first second third top bottom latest earliest
oldest newest biggest largest smallest cheapest dearest nearest closest highest lowest longest shortest heaviest lightest best worst
"""
_WHICH_ONE = frozenset(_WHICH_ONE_WORDS.split())
"""After these "one" stands for a thing and counts nothing."""
_NEXT_DIGIT = re.compile(r"(?:[ \t]+|-)?")
"""What may stand between the digits of one run: not a line's end, nor the dash of a list."""


class Spoken(NamedTuple):
    """A number found in a text."""

    start: int
    end: int
    value: int | float


class Digits(NamedTuple):
    """A run of digits found in a text, as a string: card endings, extensions."""

    start: int
    end: int
    value: str


def find_numbers(text: str) -> list[Spoken]:
    """All numbers in reading order; a text may hold both readings of an ambiguous span, the likelier first.

    "1,980" is 1980, "2.5k" is 2500, "1.980,50" is 1980.5, "1.250" is 1250 or 1.25, "a dozen" is 12, "3 dozen" is 3 or 36,
    "two hundred and five" is 205, "x12" holds 12. What no float can hold is no number.
    """
    figures = list(_figures(text))
    # "dozen" of "3 dozen" is no number of its own
    words = [word for word in _words(text) if not any(f.start < word.start < f.end for f in figures)]
    amounts = [Spoken(start, end, _plain(repr(value))) for start, end, value in find_amounts(text)]
    found = {(hit.start, hit.end): [hit] for hit in (_signed(text, hit) for hit in (*words, *amounts))}
    for hit in (_signed(text, hit) for hit in figures):
        readings = found.setdefault((hit.start, hit.end), [])
        if hit not in readings:
            readings.append(hit)
    spans, position, reach = sorted(found), 0, 0
    for match in _LOOSE_FIGURE.finditer(text):
        while position < len(spans) and spans[position][0] <= match.start():
            reach = max(reach, spans[position][1])
            position += 1
        if match.end() > reach:
            found[match.span()] = [Spoken(*match.span(), _plain(match[1]))]
    hits = (hit for span in sorted(found) for hit in found[span])
    return [hit for hit in hits if abs(hit.value) <= sys.float_info.max]


def _signed(text: str, hit: Spoken) -> Spoken:
    """A number with the minus that stands before it: "minus 5", "-48,90"."""
    sign = _MINUS_BEFORE.search(text, max(0, hit.start - _SIGN_ROOM), hit.start)
    return hit if sign is None else Spoken(sign.start(), hit.end, -hit.value)


def _figures(text: str) -> Iterator[Spoken]:
    glued = {match.start(1): match for match in _GLUED.finditer(text)}
    for match in glued.values():
        yield Spoken(match.start(1), match.end(1), _figure(match[1]))
    for match in _FIGURE.finditer(text):
        if match.start(1) in glued and match.end(1) < glued[match.start(1)].end(1):
            continue  # "1" of "1,250kg" was not said
        value = _figure(match[1])
        if match[2]:
            yield Spoken(match.start(1), match.end(2), _plain(repr(scaled(value, _SUFFIX[match[2].lower()]))))
        elif scale := _SCALE_AFTER.match(text, match.end(1)):
            yield Spoken(match.start(1), scale.end(), _plain(repr(scaled(value, SCALES[scale[1].lower()]))))
        yield Spoken(match.start(1), match.end(1), value)


def _figure(figure: str) -> int | float:
    if re.fullmatch(r"\d{1,3}(\.\d{3})+,\d+|\d+,\d{1,2}", figure):
        figure = figure.replace(".", "").replace(",", ".")
    return _plain(re.sub(r"[,'’]", "", figure))


def _plain(figure: str) -> int | float:
    value = float(figure)
    if figure.isdigit() and value <= sys.float_info.max:
        return int(figure)  # past 2**53 a float would be a number beside it
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _words(text: str) -> Iterator[Spoken]:
    """Number words by the usual grammar: units and tens add up, scales multiply."""
    tokens = [(m.start(), m.end(), number_word(m[0].lower())) for m in _WORD.finditer(text)]
    index = 0
    while index < len(tokens):
        used, value = read_words(tokens, index)
        if not used and (compound := closed_compound(tokens[index][2])) is not None:
            used, value = 1, compound
        if used and not (used == 1 and index and _is_pronoun(text, tokens[index - 1], tokens[index])):
            yield Spoken(tokens[index][0], tokens[index + used - 1][1], value)
        if used > 1 and tokens[index + used - 1][2] in _HOMOPHONES:
            # Dictation writes "fifty to Verizon" as "fifty two Verizon": the number without the last word is a reading too.
            shorter, value = read_words(tokens[: index + used - 1], index)
            if shorter:
                yield Spoken(tokens[index][0], tokens[index + shorter - 1][1], value)
        index += used or 1


def _is_pronoun(text: str, before: Token, word: Token) -> bool:
    """Whether a number word that stands alone is the "one" of "that one" or "the oldest one"."""
    return word[2] == "one" and before[2] in _WHICH_ONE and text[before[1] : word[0]].isspace()


def find_digits(text: str) -> list[Digits]:
    """Runs of digits as strings: "4532", "four five three two", "4 5 3 2", "four double five two".

    Parts of a figure with separators are none ("50" of "6.50"), and digits glued to letters go on with no others ("M10 2").
    """
    in_figures = {at for match in _FIGURE.finditer(text) if not match[1].isdigit() for at in range(*match.span(1))}
    tokens = [(m.start(), m.end(), m[0].lower()) for m in _WORD.finditer(text) if m.start() not in in_figures]
    found: list[Digits] = []
    run: list[tuple[int, int, str]] = []
    for start, end, word in [*_repeated(text, tokens), (0, 0, "")]:
        digit = word if word.isdigit() else _DIGIT_WORDS.get(word) if run or word not in ("o", "oh") else None
        if digit is not None and (not run or _goes_on(text, run[-1], start)):
            run.append((start, end, digit))
            continue
        found.extend(_close_run(run))
        run = [(start, end, digit)] if digit is not None else []
    return found


def _goes_on(text: str, last: tuple[int, int, str], start: int) -> bool:
    """Whether digits that start at `start` belong to the run whose last token that is."""
    glued = last[2].isdigit() and text[last[0] - 1 : last[0]].isalpha()
    return not glued and _NEXT_DIGIT.fullmatch(text, last[1], start) is not None


def _repeated(text: str, tokens: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """The tokens with "double five" read as one token, "55"."""
    following = iter([*tokens[1:], (0, 0, "")])
    skip = False
    for start, end, word in tokens:
        next_start, next_end, next_word = next(following)
        digit = next_word if len(next_word) == 1 and next_word.isdigit() else _DIGIT_WORDS.get(next_word)
        if skip:
            skip = False
        elif word in _TIMES and digit is not None and re.fullmatch(r"[\s-]*", text[end:next_start]):
            skip = True
            yield start, next_end, digit * _TIMES[word]
        else:
            yield start, end, word


def _close_run(run: list[tuple[int, int, str]]) -> Iterator[Digits]:
    for start, end, digit in run:
        if len(digit) > 1:
            yield Digits(start, end, digit)
    if len(run) > 1:
        yield Digits(run[0][0], run[-1][1], "".join(digit for _, _, digit in run))
