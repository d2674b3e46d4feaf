"""Names: how a name is compared, whatever case, accents, plural, legal form or spacing it is said in."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from jellyfish import metaphone

_TOKEN = re.compile(r"(?<!['’])s(?![^\W_])|(?!(?<=['’])s(?![^\W_]))[^\W\d_]+(?:['’](?!s(?![^\W_]))[^\W\d_]+)*|\d+|&")
"""Letters and figures are words apart: "GX125" is said as "GX-125". The s of a possessive is no word."""
_LEGAL_FORMS = """
ltd limited inc incorporated llc plc co company corp corporation gmbh ag kg ohg ug srl spa sarl sa sas bv nv ab as asa oy aps
a/s pty pvt sdn bhd lda sl kft doo sro sp zoo
"""
_LEGAL = frozenset(_LEGAL_FORMS.split())
_SAME = {
    "and": "&", "und": "&", "et": "&", "limited": "ltd", "company": "co", "corporation": "corp", "incorporated": "inc",
    "brothers": "bros", "services": "service", "svcs": "service", "svc": "service", "grp": "group", "gp": "group",
    "street": "st", "saint": "st", "international": "intl", "mount": "mt", "doctor": "dr", "professor": "prof",
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip


class Token(NamedTuple):
    """A word of a text."""

    text: str
    """As it is compared."""
    start: int
    """First character in the text."""
    end: int
    """One past the last."""


def tokens_of(text: str) -> list[Token]:
    """The words of a text, as they are compared."""
    return [Token(normal(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def same(text: str) -> str:
    """What counts as the very same name: its words as they are spelled, plural apart from singular."""
    return " ".join(spelled(match[0]) for match in _TOKEN.finditer(text))


def plain(text: str) -> str:
    """A text without case, accents and doubled spaces."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in folded if not unicodedata.combining(char)).split())


def is_legal(token: str) -> bool:
    """Whether a word only says what sort of firm it is."""
    return token in _LEGAL


@lru_cache(maxsize=262144)
def spelled(word: str) -> str:
    """A word without case, accents and apostrophes, and what is written several ways in one of them."""
    folded = plain(word).replace("'", "").replace("’", "").translate(_LETTERS)
    return _SAME.get(folded, folded)


@lru_cache(maxsize=262144)
def normal(word: str) -> str:
    """A word as it is compared, without plural ending too: "Oak Chairs" finds "oak chair"."""
    folded = spelled(word)
    if len(folded) > 3 and folded.endswith("s") and not folded.endswith(("ss", "us")) and folded not in _LEGAL:
        folded = folded[:-3] + "y" if folded.endswith("ies") and len(folded) > 4 else folded[:-1]
    return folded


@lru_cache(maxsize=262144)
def sound(word: str) -> str:
    """How a word sounds to an English ear (Metaphone, Philips 1990); empty for one too short to tell."""
    return str(metaphone(word)) if len(word) >= _FEWEST_SOUNDS and word.isalpha() else ""


_FEWEST_SOUNDS = 4
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "ß": "ss", "ı": "i", "ł": "l", "đ": "d", "œ": "oe"})
"""Letters that Unicode does not take apart."""
