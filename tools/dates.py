"""Dates as people say them, found by pattern; resolving a phrase to a day is another step's work."""

import re

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?)"
)
_DAY_NAME = r"(?:mon|tues?|wednes|thurs?|fri|satur|sun)(?:day)?|(?:mon|tue|wed|thu|thur|fri|sat|sun)\b"
_COUNT = r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|thirty|sixty|ninety|a few|a couple of)"
_UNIT = r"(?:business |working |calendar )?(?:day|week|month|quarter|year|fortnight)s?"
_SPAN = r"(?:day|week|weekend|month|quarter|year|fiscal year|fortnight)"
_REL = r"(?:next|last|this|coming|this coming|the coming|the following|the next|the last|the past|past|previous|the previous|current|the current)"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)"
_ORDINAL_WORD = r"(?:first|second|third|fourth|fifth|tenth|fifteenth|twentieth|last)"
_DAY_OF_MONTH, _MONTH_OF_YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:,?\s*(?:19|20)\d\d|\s*'\d\d)"
_PART = (
    r"(?:early|mid|late|the beginning of|beginning of|the start of|start of|the middle of|middle of|the end of|end of|eom|eoy)"
)
_TIME_OF_DAY = r"(?:morning|noon|afternoon|evening|night)"
_FEAST = (
    r"(?:easter(?: monday| sunday)?|good friday|christmas(?: eve| day)?|xmas|new year'?s?(?: eve| day)?|boxing day|whitsun|pentecost"
    r"|valentine'?s day|thanksgiving|black friday|halloween|labou?r day|midsummer|ascension day|all saints'? day)"
)
_BASE = rf"(?:q[1-4]|h[12]|{_REL}\s+{_SPAN}|the\s+{_SPAN}|{_SPAN}|{_MONTH}{_YEAR}?|{_REL}\s+{_MONTH}|(?:19|20)\d\d|spring|summer|autumn|fall|winter)"

_POINT = rf"(?:the\s+)?(?:{_ORDINAL}|\d{{1,2}}\.?)(?:\s+of)?\s+{_MONTH}{_YEAR}?|{_MONTH}\s+(?:the\s+)?(?:{_ORDINAL}|\d{{1,2}})\b{_YEAR}?"

_PATTERNS = (
    r"(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}",
    r"\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)",
    r"(?:19|20)\d{6}",
    rf"{_DAY_OF_MONTH}\.{_MONTH_OF_YEAR}\.",
    rf"(?!24/7){_DAY_OF_MONTH}/{_MONTH_OF_YEAR}|{_MONTH_OF_YEAR}/{_DAY_OF_MONTH}",
    rf"\d{{1,2}}[-/ ]{_MONTH}[-/ ]\d{{2,4}}",
    rf"(?:the\s+)?(?:{_ORDINAL}|\d{{1,2}}\.?|{_ORDINAL_WORD})(?:\s+day)?(?:\s+of)?\s+{_MONTH}{_YEAR}?",
    rf"{_MONTH}\s+(?:the\s+)?(?:{_ORDINAL}|\d{{1,2}})\b{_YEAR}?",
    rf"{_MONTH}{_YEAR}",
    rf"(?:the\s+)?(?:{_ORDINAL}|{_ORDINAL_WORD} day)\s+of\s+(?:{_REL}|the)\s+{_SPAN}",
    rf"the\s+(?:{_ORDINAL}|{_ORDINAL_WORD} (?:of the month|{_DAY_NAME}))",
    rf"{_PART}\s*-?\s*{_BASE}(?:\s+of\s+{_BASE})?(?:{_YEAR})?",
    r"(?:eom|eoy|eoq|eod)\b",
    rf"q[1-4](?:{_YEAR}|/\d{{2,4}})?",
    rf"(?:within|in)\s+{_COUNT}\s+{_UNIT}(?:'?\s+time)?",
    rf"{_COUNT}\s+{_UNIT}\s+(?:ago|from\s+(?:now|today|tomorrow)|hence|later|before|after)",
    rf"{_COUNT}\s+{_UNIT}\s+(?:before|after|prior to|ahead of)\s+(?:{_POINT}|{_DAY_NAME}|{_FEAST})",
    rf"(?:{_REL}|on)\s+(?:{_DAY_NAME})(?:\s+{_TIME_OF_DAY})?",
    rf"{_REL}\s+{_SPAN}(?:\s+(?:{_DAY_NAME}))?",
    rf"(?:late |early )?{_REL}\s+{_TIME_OF_DAY}",
    rf"(?:{_DAY_NAME})\s+(?:week|fortnight|next week|last week|{_TIME_OF_DAY})",
    rf"a\s+{_SPAN}\s+(?:on|from)\s+(?:{_DAY_NAME}|today|tomorrow)",
    rf"(?:{_DAY_NAME})(?:,?\s+(?:the\s+)?(?:{_ORDINAL}|\d{{1,2}}\s+{_MONTH}|{_MONTH}\s+\d{{1,2}}))?",
    rf"(?:the\s+)?day\s+(?:after\s+tomorrow|before\s+yesterday)|(?:today|tomorrow|yesterday|tonight)(?:\s+{_TIME_OF_DAY})?",
    rf"(?:before |after )?{_FEAST}{_YEAR}?",
    r"(?:this|next|last|early|mid|late)\s*-?\s*(?:spring|summer|autumn|fall|winter)",
    rf"{_REL}\s+{_MONTH}{_YEAR}?",
    rf"(?:the\s+)?{_PART}\b(?=\s*$)",
    r"this (?:morning|afternoon|evening)|right now|now",
    rf"{_MONTH}(?=\W|$)",
    r"(?:19|20)\d\d",
)  # fmt: skip
_ANY = [re.compile(rf"(?<![\w/.-])(?:{pattern})(?![\w/-])", re.IGNORECASE) for pattern in _PATTERNS]

_FULL = re.compile(rf"(?=.*\d).*{_MONTH}|\d+\D\d+\D\d+", re.IGNORECASE)


def is_of_calendar(date: str) -> bool:
    """Whether a date is written out by day or year and month ("15 May", "4/5/2025"): its figures say nothing by themselves."""
    return _FULL.match(date) is not None


def find_dates(text: str) -> list[tuple[int, int]]:
    """Spans that read as a date, longest readings only: a span inside a longer one is dropped.

    Covers calendar dates in the usual notations, weekdays, relative days, parts of periods and common feasts, in English.
    Does not cover times of day alone, other languages, or company calendars.
    """
    spans = {match.span() for pattern in _ANY for match in pattern.finditer(text)}
    keep, reach = [], 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if end > reach:
            keep.append((start, end))
            reach = end
    return keep
