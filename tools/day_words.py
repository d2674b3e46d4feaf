"""Words for days as they are typed: short forms written out, misspelt ones put right."""

import re

from jellyfish import damerau_levenshtein_distance

_SHORT = {
    "nxt": "next", "wk": "week", "wks": "weeks", "mth": "month", "mths": "months", "mo": "month", "qtr": "quarter",
    "qtrs": "quarters", "yr": "year", "yrs": "years", "ytd": "year to date", "mtd": "month to date", "qtd": "quarter to date",
    "wtd": "week to date", "workday": "working day", "workdays": "working days", "weekday": "working day",
    "weekdays": "working days", "tom": "tomorrow", "tomo": "tomorrow", "tmrw": "tomorrow", "tmr": "tomorrow", "2day": "today",
    "2moro": "tomorrow", "2morrow": "tomorrow", "yday": "yesterday",
}  # fmt: skip
_WORDS = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march", "april",
    "august", "september", "october", "november", "december", "today", "tomorrow", "yesterday", "fortnight", "month", "quarter",
    "weekend", "christmas", "easter",
)  # fmt: skip
_OWN = (
    "sundry", "mouth", "moth", "months", "math", "quarters", "weekends", "marsh", "match", "eastern", "toddy", "fortnights",
    "quartet", "quartz", "mondays", "tuesdays", "wednesdays", "thursdays", "fridays", "saturdays", "sundays", "faster", "master",
)  # fmt: skip
"""Words of their own that lie near one of those."""
_WORD = re.compile(r"[^\W\d_]{2,}|\b2\w{3,6}")
_SHORTEST, _LONG = 5, 8
"""From so many letters a word with one slip is known, and with two."""


def spelled_out(text: str) -> str:
    """The text with its words for days written out: "nxt tuseday" is "next tuesday"."""
    return _WORD.sub(lambda match: _word(match[0]), text)


def _word(said: str) -> str:
    word = said.casefold()
    if word in _SHORT:
        return _SHORT[word]
    if len(word) < _SHORTEST or word in _WORDS or word in _OWN:
        return said
    slips = 2 if len(word) >= _LONG else 1
    near = [known for known in _WORDS if known[0] == word[0] and abs(len(known) - len(word)) <= slips]
    right = [known for known in near if damerau_levenshtein_distance(word, known) <= slips]
    return right[0] if len(right) == 1 else said
