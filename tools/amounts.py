"""Amounts said in parts: halves and quarters, decimals by word, couples, thousands in other notations."""

import re
from collections.abc import Iterator
from decimal import Decimal

from tools.number_words import SCALES, TENS, UNITS, read_words

_WORD = "|".join(sorted({*UNITS, *TENS, *SCALES, "a"}, key=len, reverse=True))
_DIGIT = "|".join([*(word for word, value in UNITS.items() if value < 10), "oh"])
_MOST_WORDS = 14
"""Words of a number after its first; more would be read again from every one of them."""
_NUMBER = rf"(?P<number>\d+(?:\.\d+)?|(?:{_WORD})(?:[ -](?:and )?(?:{_WORD})){{0,{_MOST_WORDS}}}?)"
_SCALE = rf"(?:\s+(?P<scale>{'|'.join(SCALES)}|k)s?)?"
_SMALL = rf"(?:{_WORD})(?:[ -](?:{_WORD}))?"
_LARGE = rf"(?:{_WORD})(?:[ -](?:and )?(?:{_WORD})){{0,{_MOST_WORDS}}}"
_DECIMALS = rf"(?:{_DIGIT})(?:[ -](?:{_DIGIT})){{0,{_MOST_WORDS}}}"
_PARTS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "1/2": 0.5, "1/4": 0.25, "3/4": 0.75}
_NAMED = {"a couple": 2, "couple": 2, "a pair": 2, "a gross": 144, "baker's dozen": 13, "a baker's dozen": 13}


def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){expression}(?!\w)", re.IGNORECASE)


_MIXED = re.compile(r"(?<![\w.,/])(?P<whole>\d+)(?:\s*(?P<sign>[½¼¾])|\s+(?P<slash>1/2|1/4|3/4))(?![\w/])")
_SIGN = re.compile(r"(?<!\d)[½¼¾]")
_AND_A_PART = _pattern(rf"{_NUMBER} and (?:a (?P<part>half|quarter)|(?P<three>three quarters)){_SCALE}")
_POINT = _pattern(rf"(?:(?P<whole>nought|{_LARGE}) )?point (?P<digits>{_DECIMALS})")
_PART_OF = _pattern(r"(?P<part>half|(?:a )?quarter|three quarters)(?: of)? a (?P<scale>million|thousand|hundred)")
_SOME = _pattern(rf"(?P<name>{'|'.join(sorted(_NAMED, key=len, reverse=True))})(?: of (?P<scale>hundred|thousand|dozen))?")
_SPACED = re.compile(r"(?<![\d.,/])(?<![^\s]-)(\d{1,3}(?:[ \u00a0\u202f]\d{3})+)(?:,(\d{1,2}))?(?![\d/-])")
_DOTTED = re.compile(r"(?<![\d.,/-])[1-9]\d{0,2}(?:\.\d{3})+(?![\d/-]|[.,]\d)")
_CENTS = rf"(?:and )?(?P<cents>\d{{1,2}}|{_SMALL})(?: cents?| pence| p)?"
_MONEY = _pattern(rf"{_NUMBER} (?:euros?|pounds?|dollars?|quid|bucks) {_CENTS}")
_THOUSANDS = _pattern(rf"(?P<number>{_SMALL}) k")
_DOZENS = _pattern(rf"{_NUMBER} (?P<unit>doz|dz|gross|score)\.?")
_EACH = {"doz": 12, "dz": 12, "gross": 144, "score": 20}
_SHORT_SCALES = {"mio": 1_000_000, "mn": 1_000_000, "mln": 1_000_000, "bn": 1_000_000_000, "bln": 1_000_000_000}
_SHORT_SCALE = re.compile(rf"(?<![\w.,])(\d+(?:[.,]\d+)?)\s*({'|'.join(_SHORT_SCALES)})\b\.?", re.IGNORECASE)


def find_amounts(text: str) -> Iterator[tuple[int, int, float]]:
    """Start, end and value of each: "two and a half thousand", "3 1/2", "twelve point five", "12 000", "1.2bn"."""
    for match in _MIXED.finditer(text):
        yield *match.span(), float(match["whole"]) + _PARTS[match["sign"] or match["slash"]]
    for match in _SIGN.finditer(text):
        yield *match.span(), _PARTS[match[0]]
    for match in _AND_A_PART.finditer(text):
        whole = _value(match["number"])
        if whole is not None:
            part = 0.75 if match["three"] else 0.5 if match["part"].lower() == "half" else 0.25
            yield *match.span(), _and_part(match, whole, part)
    for match in _POINT.finditer(text):
        whole = 0 if (match["whole"] or "nought").lower() == "nought" else _value(match["whole"])
        if whole is not None:
            digits = "".join(str(UNITS.get(word, 0)) for word in re.split(r"[ -]", match["digits"].lower()))
            yield *match.span(), float(f"{int(whole)}.{digits}")
    for match in _PART_OF.finditer(text):
        part = {"half": 0.5, "three quarters": 0.75}.get(match["part"].lower(), 0.25)
        yield *match.span(), part * SCALES[match["scale"].lower()]
    for match in _MONEY.finditer(text):
        whole, cents = _value(match["number"]), _value(match["cents"])
        if whole is not None and cents is not None and cents < 100:
            yield *match.span(), whole + cents / 100
    for match in _THOUSANDS.finditer(text):
        if (value := _value(match["number"])) is not None:
            yield *match.span(), 1_000 * value
    for match in _DOZENS.finditer(text):
        if (value := _value(match["number"])) is not None:
            yield *match.span(), scaled(value, _EACH[match["unit"].lower()])
    for match in _SOME.finditer(text):
        yield *match.span(), _NAMED[match["name"].lower()] * SCALES.get((match["scale"] or "").lower(), 1)
    for match in _SPACED.finditer(text):
        yield *match.span(), float(re.sub(r"\s", "", match[1]) + "." + (match[2] or "0"))
    for match in _DOTTED.finditer(text):
        yield *match.span(), float(match[0].replace(".", ""))
    for match in _SHORT_SCALE.finditer(text):
        yield *match.span(), scaled(float(match[1].replace(",", ".")), _SHORT_SCALES[match[2].lower()])


def scaled(value: float, scale: int) -> float:
    """So many times a value, in the decimals it was said in: 8.2 million are 8200000, and as a float 8199999.999999999."""
    return value * scale if isinstance(value, int) else float(Decimal(repr(value)) * scale)


def _and_part(match: re.Match[str], whole: float, part: float) -> float:
    """Half of what was counted last: "a dozen and a half" and "one and a half dozen" are 18, "thirteen and a half" is 13.5."""
    if match["scale"]:
        return (whole + part) * {**SCALES, "k": 1_000}[match["scale"].lower()]
    last = re.split(r"[ -]", match["number"].lower())[-1]
    return whole + part * SCALES.get(last, 1)


def _value(words: str) -> float | None:
    if words[0].isdigit():
        return float(words)
    tokens = [(match.start(), match.end(), match[0].lower()) for match in re.finditer(r"[^\W\d_]+", words)]
    used, value = read_words(tokens, 0)
    return value if used == len(tokens) else 1 if words.lower() == "a" else None
