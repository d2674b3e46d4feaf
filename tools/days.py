"""Days: what a phrase for a date means, as its first and last day."""

import re
from collections.abc import Iterator
from datetime import date

from tools.day_readers import Days, Look, read_days
from tools.day_words import spelled_out

_LONGEST = 12
"""Words of a phrase for a day, at most: "from Thursday of this week to the Monday after the tenth of June"."""
_NO_DAY_AMONG_OTHERS = re.compile(
    r"(?:the )?(?:may|march|second|this|last|first|now|mon|sun|sat|wed|.{0,2}|\d+|year|now)", re.IGNORECASE
)
"""What is a day where it stands alone, and may be anything among other words."""
_OF_A_DAY = re.compile(
    r"[\d./-]+(?:st|nd|rd|th)?|(?:jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)\w*|\w+day|\w*(?:week|month|quarter|year)s?|next|last|end|q[1-4]|days?|before|after|prior|not|except|or",
    re.IGNORECASE,
)
"""A word that says more about the day beside it: what leaves it out means another day."""
_WORD = re.compile(r"\S+")


def days_of(phrase: str, today: date, look: Look = "ahead") -> Days | None:
    """The days a phrase means, or None where this does not know it.

    Args:
        phrase: As said: "next Friday", "end of Q3", "15.6.", "in two weeks", "could we do the twentieth".
        today: The day it was said.
        look: Where a phrase without a year lies: a deadline ahead, a payment's day back.

    "Friday" and "this Friday" are the coming one, today included; "next Friday" is next week's. 5/6 is read day first. Weeks
    begin on Monday, quarters are those of the calendar year. Among other words the longest part that means a day counts, the
    first where two are as long. Does not cover seasons, company calendars, or times of day.
    """
    text = spelled_out(phrase)
    return read_days(text, today, look) or next(_parts(text, today, look), None)


def _parts(text: str, today: date, look: Look) -> Iterator[Days]:
    words = [match.span() for match in _WORD.finditer(text) if match[0].casefold() != "the"][: _LONGEST * 4]
    for length in range(min(len(words) - 1, _LONGEST), 0, -1):
        for first in range(len(words) - length + 1):
            part = text[words[first][0] : words[first + length - 1][1]].strip('.,;:!?()"')
            around = (text[slice(*words[at])].strip(".,;:!?()") for at in (first - 1, first + length) if 0 <= at < len(words))
            if _NO_DAY_AMONG_OTHERS.fullmatch(part) or any(_OF_A_DAY.fullmatch(word) for word in around):
                continue
            if (found := read_days(part, today, look)) is not None:
                yield found
