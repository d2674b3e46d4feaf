"""Readers of phrases for days: each knows one way of saying one, and what it means as first and last day."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta

from tools.numbers import find_numbers

Look = Literal["ahead", "back"]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEENS = "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
_ONES = "first second third fourth fifth sixth seventh eighth ninth"
_ORDINALS = {
    **{word: number for number, word in enumerate(f"{_ONES} {_TEENS}".split(), 1)},
    **{f"twenty{gap}{word}": 20 + number for gap in "- " for number, word in enumerate(_ONES.split(), 1)},
    "thirtieth": 30,
    "thirty-first": 31,
    "thirty first": 31,
    "1st": 1,
    "2nd": 2,
    "3rd": 3,
    "4th": 4,
    "last": -1,
}


_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = (
    r"(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday|s)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)s?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\.?"
_YEAR = r"(?:,?\s*(?P<year>(?:19|20)\d\d|'?\d\d))"
_COUNT = r"(?P<count>\d+|[a-z]+(?:[ -][a-z]+)??)"
_UNIT = r"(?P<unit>(?:business |working |calendar )?(?:day|week|weekend|month|quarter|half[- ]year|year|fortnight))s?"
_REL = r"(?P<rel>this coming|this|next|last|coming|the coming|following|previous|past|current)"
_EDGE = r"(?P<edge>end|beginning|start|middle|mid|early|late|first half|second half|last day|first day)(?:[- ]of)?[- ]"


_LEADING = re.compile(
    r"^(?:(?:on|during|all of|close of business|eod|cob|by|until|till|before|as of|since|from|for|due|dated|around|about"
    r"|sometime|latest|at|after)\s+)+"
)
_TIME = re.compile(r"\s+(?:at )?\d{1,2}(?:[:.]\d\d)?\s?(?:am|pm|o'clock|h|hrs)$")
_PERIODS = ("week", "month", "quarter", "year", "weekend")


class Days(NamedTuple):
    """What is meant, both days included; a single day has both the same."""

    first: date
    """First day."""
    last: date
    """Last day."""


_LONGEST = 160
"""Characters of a phrase; nobody says a day in more."""
_REMEMBERED = 10_000


def read_days(phrase: str, today: date, look: Look) -> Days | None:
    """The days a whole phrase means, or None where no reader knows it."""
    return _read(_tidy(phrase), today, look) if len(phrase) <= _LONGEST else None


@lru_cache(_REMEMBERED)
def _read(text: str, today: date, look: Look) -> Days | None:
    """Remembered, as readers read the parts of a phrase again: else time would double with every part of it."""
    for pattern, read in _READERS:
        match = pattern.fullmatch(text)
        if match is not None:
            try:
                found = read(match, today, look)
            except (ValueError, OverflowError):  # the 31st of June, a year 0
                continue
            if found is not None:
                return found
    return None


def is_ordinal(phrase: str) -> bool:
    """Whether a phrase is "4th" or "fourth" alone: a day of the month, or a place in a row."""
    return re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)", phrase) is not None or _ORDINALS.get(phrase, 0) > 0


def _tidy(phrase: str) -> str:
    text = " ".join(phrase.casefold().replace("’", "'").split()).strip(" .,;:!?")
    text = _TIME.sub("", re.sub(r"\bthe\s+", "", _LEADING.sub("", text)))
    return re.sub(r"\s+(?:morning|afternoon|evening|night|noon|cob|eod|latest|please|pls)$|'s$", "", text)


def _one(day: date) -> Days:
    return Days(day, day)


def _month(match: re.Match[str]) -> int:
    return _MONTHS.index(match["month"][:3]) + 1


def _year(text: str | None) -> int | None:
    if text is None:
        return None
    year = int(text.lstrip("'"))
    return year if year > 99 else 2000 + year


def _nearest(month: int, day: int, today: date, look: Look) -> date:
    """The day of a month without a year: the next from today on, or the last up to today."""
    here = date(today.year, month, min(day, monthrange(today.year, month)[1]))
    if day > monthrange(today.year, month)[1]:
        raise ValueError(f"{day}.{month}.")
    if look == "ahead" and here < today:
        return here.replace(year=today.year + 1)
    return here.replace(year=today.year - 1) if look == "back" and here > today else here


def _iso(match: re.Match[str], today: date, look: Look) -> Days:
    return _one(date(int(match["y"]), int(match["m"]), int(match["d"])))


def _numeric(match: re.Match[str], today: date, look: Look) -> Days:
    day, month = int(match["d"]), int(match["m"])
    if month > 12 >= day:
        day, month = month, day
    year = _year(match["year"])
    return _one(date(year, month, day) if year is not None else _nearest(month, day, today, look))


def _day_month(match: re.Match[str], today: date, look: Look) -> Days:
    day = int(match["day"]) if match["day"] else _ORDINALS[match["ordinal"]]
    year = _year(match["year"])
    found = date(year, _month(match), day) if year is not None else _nearest(_month(match), day, today, look)
    return _one(_checked(found, match["weekday"]))


def _checked(day: date, weekday: str | None) -> date:
    """The day; ValueError where it is called by another weekday than it is: nobody knows which of the two is meant."""
    if weekday is not None and _WEEKDAYS.index(weekday[:3]) != day.weekday():
        raise ValueError(f"{day} is no {weekday}")
    return day


def _whole_month(match: re.Match[str], today: date, look: Look) -> Days:
    month, year = _month(match), _year(match["year"])
    rel = match.groupdict().get("rel")
    if year is None and rel in ("last", "previous", "past"):
        year = today.year if month < today.month else today.year - 1
    elif year is None and rel in ("next", "coming", "this coming", "following"):
        year = today.year if month > today.month else today.year + 1
    elif year is None:
        ahead = month >= today.month
        year = today.year + (0 if ahead or look == "back" else 1) - (1 if look == "back" and month > today.month else 0)
    return _of_month(date(year, month, 1))


def _of_month(day: date) -> Days:
    return Days(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def _weekday(match: re.Match[str], today: date, look: Look) -> Days:
    wanted = _WEEKDAYS.index(match["weekday"][:3])
    rel, groups = match.groupdict().get("rel"), match.groupdict()
    if rel in ("last", "previous", "past"):
        return _one(today - timedelta(days=(today.weekday() - wanted - 1) % 7 + 1))
    if rel in ("next", "following"):
        return _one(today - timedelta(days=today.weekday()) + timedelta(days=7 + wanted))
    ahead = today + timedelta(days=(wanted - today.weekday()) % 7)
    if groups.get("week"):
        return _one(ahead + timedelta(days=7))
    if look == "back" and rel is None:
        return _one(today - timedelta(days=(today.weekday() - wanted) % 7))
    return _one(ahead)


def _weekday_of(match: re.Match[str], today: date, look: Look) -> Days:
    groups = match.groupdict()
    rel, weekday = groups["rel"] or groups["rel2"], groups["weekday"] or groups["weekday2"]
    shift = {"next": 7, "following": 7, "last": -7, "previous": -7, "past": -7}.get(rel, 0)
    monday = today - timedelta(days=today.weekday()) + timedelta(days=shift)
    return _one(monday + timedelta(days=_WEEKDAYS.index(weekday[:3])))


def _named_day(match: re.Match[str], today: date, look: Look) -> Days:
    return _one(today + timedelta(days=_NAMED_DAYS[match[0]]))


def _counted(text: str) -> int | None:
    if text in ("a", "an", "one"):
        return 1
    if text in ("a couple", "a couple of", "couple", "couple of"):
        return 2
    numbers = [found for found in find_numbers(text) if found.end - found.start == len(text)]
    return int(numbers[0].value) if numbers and numbers[0].value == int(numbers[0].value) else None


def _shifted(day: date, count: int, unit: str) -> date:
    if unit.startswith(("business", "working")):
        step = 1 if count >= 0 else -1
        for _ in range(abs(count)):
            day += timedelta(days=step)
            while day.weekday() > 4:
                day += timedelta(days=step)
        return day
    unit = unit.removeprefix("calendar ")
    days = {"day": 1, "week": 7, "weekend": 7, "fortnight": 14}.get(unit)
    if days is not None:
        return day + timedelta(days=days * count)
    later: date = day + relativedelta(months=count * {"month": 1, "quarter": 3, "year": 12}.get(unit, 6))
    return later


def _in_some(match: re.Match[str], today: date, look: Look) -> Days | None:
    count = _counted(match["count"])
    if count is None:
        return None
    groups = match.groupdict()
    start = read_days(groups["start"], today, look) if groups.get("start") else _one(today)
    if start is None:
        return None
    back = bool(groups.get("back"))
    return _one(_shifted(start.first, -count if back else count, match["unit"]))


def _span(match: re.Match[str], today: date, look: Look) -> Days:
    unit = match["unit"].removeprefix("calendar ")
    shift = {"next": 1, "following": 1, "coming": 1, "last": -1, "previous": -1, "past": -1}.get(match["rel"].split()[-1], 0)
    if unit.startswith(("business", "working")):
        return _one(_shifted(today, shift, unit))
    if match["rel"] == "this coming":
        shift = 0 if unit == "weekend" else 1
    day = _shifted(today, shift, unit)
    if unit == "day":
        return _one(day)
    monday = day - timedelta(days=day.weekday())
    if unit == "weekend":
        return Days(monday + timedelta(days=5), monday + timedelta(days=6))
    if unit in ("week", "fortnight"):
        return Days(monday, monday + timedelta(days=6))
    if unit == "month":
        return _of_month(day)
    if unit == "quarter":
        return _of_quarter(day.year, (day.month - 1) // 3)
    return Days(date(day.year, 1, 1), date(day.year, 12, 31))


def _of_quarter(year: int, quarter: int) -> Days:
    return Days(date(year, 3 * quarter + 1, 1), _of_month(date(year, 3 * quarter + 3, 1)).last)


def _quarter(match: re.Match[str], today: date, look: Look) -> Days:
    number = int(match["number"]) if match["number"] else _ORDINALS[match["ordinal"]]
    year = _year(match["year"])
    if year is None:
        found = _of_quarter(today.year, number - 1)
        if look == "ahead" and found.last < today:
            return _of_quarter(today.year + 1, number - 1)
        return _of_quarter(today.year - 1, number - 1) if look == "back" and found.first > today else found
    return _of_quarter(year, number - 1)


def _half(match: re.Match[str], today: date, look: Look) -> Days:
    number = int(match["number"]) if match["number"] else _ORDINALS[match["ordinal"]]
    year = _year(match["year"]) or today.year
    first, last = _of_quarter(year, 2 * number - 2).first, _of_quarter(year, 2 * number - 1).last
    return Days(first, last)


def _whole_year(match: re.Match[str], today: date, look: Look) -> Days:
    year = _year(match["year"]) or today.year
    return Days(date(year, 1, 1), date(year, 12, 31))


def _period(phrase: str, today: date, look: Look) -> Days | None:
    """A period by its name; a bare "month" is this one."""
    return read_days(f"this {phrase}" if phrase in _PERIODS else phrase, today, look)


def _edge(match: re.Match[str], today: date, look: Look) -> Days | None:
    found = _period(match["period"], today, look)
    return _part(match["edge"], found) if found is not None else None


def _part(edge: str, found: Days) -> Days:
    length = (found.last - found.first).days + 1
    if edge in ("end", "last day"):
        return _one(found.last)
    if edge in ("beginning", "start", "first day"):
        return _one(found.first)
    if edge in ("early", "first half"):
        return Days(found.first, found.first + timedelta(days=max(0, length // (3 if edge == "early" else 2) - 1)))
    if edge in ("late", "second half"):
        return Days(found.last - timedelta(days=max(0, length // (3 if edge == "late" else 2) - 1)), found.last)
    return _one(found.first + timedelta(days=14 if found.first.day == 1 and 28 <= length <= 31 else (length - 1) // 2))


def _period_end(match: re.Match[str], today: date, look: Look) -> Days | None:
    units = {"m": "month", "q": "quarter", "y": "year", "w": "week"}
    groups = match.groupdict()
    unit = units[groups["letter"]] if groups.get("letter") else groups["unit"]
    found = read_days(f"this {unit}", today, look)
    return _one(found.last) if found is not None else None


def _day_of(match: re.Match[str], today: date, look: Look) -> Days | None:
    found = _period(match["period"], today, look)
    if found is None:
        return None
    number = int(match["day"]) if match["day"] else _ORDINALS[match["ordinal"]]
    return _one(found.last if number < 0 else found.first.replace(day=number))


def _coming_day(match: re.Match[str], today: date, look: Look) -> Days:
    day, month = int(match["day"]) if match["day"] else _ORDINALS[match["ordinal"]], today.replace(day=1)
    if not 1 <= day <= 31:
        raise ValueError(match[0])
    while True:
        if day <= monthrange(month.year, month.month)[1]:
            found = month.replace(day=day)
            if (look == "ahead" and found >= today) or (look == "back" and found <= today):
                return _one(_checked(found, match["weekday"]))
        month += relativedelta(months=1 if look == "ahead" else -1)


def _nth_weekday(match: re.Match[str], today: date, look: Look) -> Days | None:
    found = _period(match["period"], today, look)
    if found is None:
        return None
    wanted, number = _WEEKDAYS.index(match["weekday"][:3]), _ORDINALS[match["ordinal"]]
    if number < 0:
        return _one(found.last - timedelta(days=(found.last.weekday() - wanted) % 7))
    return _one(found.first + timedelta(days=(wanted - found.first.weekday()) % 7 + 7 * (number - 1)))


def _so_long_from(match: re.Match[str], today: date, look: Look) -> Days | None:
    """ "Tomorrow week", "a fortnight on Friday", "two weeks today": so many weeks after a day."""
    start = read_days(match["start"], today, look)
    count = 1 if match["unit"] is None else 2 if match["unit"] == "fortnight" else _counted(match["count"] or "a")
    return _one(start.first + timedelta(days=7 * count)) if start is not None and count is not None else None


def _so_long_before(match: re.Match[str], today: date, look: Look) -> Days | None:
    """ "Two weeks before Christmas", "10 days prior to 30 June"."""
    end, count = read_days(match["end"], today, look), _counted(match["count"])
    return _one(_shifted(end.first, -count, match["unit"])) if end is not None and count is not None else None


def _day_beside(match: re.Match[str], today: date, look: Look) -> Days | None:
    """ "The day after 30 June", "the Monday before the twentieth"."""
    other = read_days(match["other"], today, look)
    if other is None:
        return None
    ahead = match["side"] in ("after", "following")
    if match["weekday"] is None:
        return _one(other.last + timedelta(days=1) if ahead else other.first - timedelta(days=1))
    wanted = _WEEKDAYS.index(match["weekday"][:3])
    if ahead:
        return _one(other.last + timedelta(days=(wanted - other.last.weekday() - 1) % 7 + 1))
    return _one(other.first - timedelta(days=(other.first.weekday() - wanted - 1) % 7 + 1))


def _week_ending(match: re.Match[str], today: date, look: Look) -> Days | None:
    other = read_days(match["other"], today, look)
    return Days(other.last - timedelta(days=6), other.last) if other is not None else None


def _week_after_next(match: re.Match[str], today: date, look: Look) -> Days | None:
    monday = today - timedelta(days=today.weekday()) + timedelta(days=14)
    if match["start"]:
        return _one(monday + timedelta(days=_WEEKDAYS.index(match["start"][:3])))
    return Days(monday, monday + timedelta(days=6))


def _of_a_year(match: re.Match[str], today: date, look: Look) -> Days | None:
    """ "Q2 last year": the period with that year."""
    year = today.year + {"last": -1, "previous": -1, "next": 1}.get(match["which"], 0)
    first, last = date(year, 1, 1), date(year, 12, 31)
    for day, way in ((first, "ahead"), (last, "back")):
        found = read_days(match["period"], day, "ahead" if way == "ahead" else "back")
        if found is not None and first <= found.first and found.last <= last:
            return found
    return None


def _to_date(match: re.Match[str], today: date, look: Look) -> Days | None:
    found = _period(match["unit"] or match["unit2"], today, look)
    return Days(found.first, today) if found is not None else None


def _two_away(match: re.Match[str], today: date, look: Look) -> Days | None:
    return _period(match["unit"], _shifted(today, 2 if match["side"] == "after next" else -2, match["unit"]), look)


def _same_day(match: re.Match[str], today: date, look: Look) -> Days:
    return _one(_shifted(today, 1 if match["which"] == "next" else -1, match["unit"]))


def _half_a_year(match: re.Match[str], today: date, look: Look) -> Days:
    return _one(_shifted(today, 1, "half year"))


def _week_of(match: re.Match[str], today: date, look: Look) -> Days | None:
    found = _period(match["period"], today, look)
    if found is None:
        return None
    monday = found.first - timedelta(days=found.first.weekday())
    return Days(monday, monday + timedelta(days=6))


def _nth_week(match: re.Match[str], today: date, look: Look) -> Days | None:
    """The first week of a period is the first that begins in it; the last is the one its last day lies in."""
    found = _period(match["period"], today, look)
    if found is None:
        return None
    number = _ORDINALS[match["ordinal"]]
    if number < 0:
        monday = found.last - timedelta(days=found.last.weekday())
        return Days(monday, min(monday + timedelta(days=6), found.last))
    monday = found.first + timedelta(days=(-found.first.weekday()) % 7 + 7 * (number - 1))
    return Days(monday, monday + timedelta(days=6))


def _working_day(match: re.Match[str], today: date, look: Look) -> Days | None:
    found = _period(match["period"], today, look)
    if found is None:
        return None
    if match["edge"] == "last":
        return _one(found.last - timedelta(days=max(0, found.last.weekday() - 4)))
    return _one(found.first + timedelta(days=(7 - found.first.weekday()) % 7 if found.first.weekday() > 4 else 0))


def _weekend(match: re.Match[str], today: date, look: Look) -> Days | None:
    return read_days("this weekend", today, look)


def _net(match: re.Match[str], today: date, look: Look) -> Days | None:
    """ "Net 30 from today", as terms of payment say it."""
    count, start = _counted(match["count"]), read_days(match["start"] or "today", today, look)
    return _one(start.last + timedelta(days=count)) if count is not None and start is not None else None


def _black_friday(match: re.Match[str], today: date, look: Look) -> Days:
    """The day after the fourth Thursday of November."""
    for year in (today.year, today.year + (1 if look == "ahead" else -1)):
        first = date(year, 11, 1)
        day = first + timedelta(days=(3 - first.weekday()) % 7 + 22)
        if (look == "ahead" and day >= today) or (look == "back" and day <= today):
            return _one(day)
    return _one(day)


def _numeric_month(match: re.Match[str], today: date, look: Look) -> Days:
    return _of_month(date(int(match["y"] or match["y2"]), int(match["m"] or match["m2"]), 1))


def _range(match: re.Match[str], today: date, look: Look) -> Days | None:
    """From one day to another; the first borrows the month of the second ("8 to 12 June")."""
    other = read_days(match["other"], today, look)
    if other is None:
        return None
    one = match["one"]
    if (day := re.fullmatch(r"(?:the )?(\d{1,2})(?:st|nd|rd|th)?\.?", one)) is not None:
        return Days(other.last.replace(day=int(day[1])), other.last) if int(day[1]) <= other.last.day else None
    week = re.search(r"(?:this|next|last) week$", match["other"])
    first = read_days(f"{one} {week[0]}" if week is not None and one[:3] in _WEEKDAYS else one, today, look)
    return Days(first.first, other.last) if first is not None and first.first <= other.last else None


def _week_number(match: re.Match[str], today: date, look: Look) -> Days:
    year = _year(match["year"]) or today.year
    monday = date.fromisocalendar(year, int(match["number"]), 1)
    return Days(monday, monday + timedelta(days=6))


def _feast(match: re.Match[str], today: date, look: Look) -> Days:
    name, year = match["feast"].replace("'", ""), _year(match["year"])
    if name in _FIXED_FEASTS:
        month, day = _FIXED_FEASTS[name]
        return _one(date(year, month, day) if year is not None else _nearest(month, day, today, look))
    found = easter(year or today.year) + timedelta(days=_FROM_EASTER[name])
    if year is None and look == "ahead" and found < today:
        found = easter(today.year + 1) + timedelta(days=_FROM_EASTER[name])
    return _one(found)


_Reader = Callable[[re.Match[str], date, Look], Days | None]
_NAMED_DAYS = {
    "today": 0, "now": 0, "right now": 0, "tonight": 0, "this": 0, "end of day": 0, "eod": 0, "tomorrow": 1, "tmrw": 1, "tmr": 1,
    "tomorow": 1, "tomorrrow": 1, "day after tomorrow": 2, "yesterday": -1, "yday": -1, "last": -1, "day before yesterday": -2,
}  # fmt: skip
"""Days by their name, "this (morning)" and "last (night)" among them."""
_FIXED_FEASTS = {
    "christmas eve": (12, 24), "xmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25), "xmas": (12, 25),
    "boxing day": (12, 26), "new years eve": (12, 31), "silvester": (12, 31), "new years day": (1, 1), "new years": (1, 1),
    "new year": (1, 1), "halloween": (10, 31), "valentines day": (2, 14), "all saints day": (11, 1), "may day": (5, 1),
}  # fmt: skip
_FROM_EASTER = {
    "easter": 0, "easter sunday": 0, "easter monday": 1, "good friday": -2, "maundy thursday": -3, "ascension day": 39,
    "whit sunday": 49, "pentecost": 49, "whit monday": 50,
}  # fmt: skip
_FEASTS = "|".join(re.sub("s (?=day|eve)", "'?s ", name) for name in sorted({*_FIXED_FEASTS, *_FROM_EASTER}, key=len)[::-1])
_NAMED = "|".join(_NAMED_DAYS)
_WEEKDAY_ALONE = _WEEKDAY.replace("?P<weekday>", "?:")
_WEEKDAY_AFTER = rf"{_REL.replace('rel', 'rel2')} week {_WEEKDAY.replace('weekday', 'weekday2')}"
_ORDINAL = rf"(?P<ordinal>{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})"
_PERIOD = r"(?P<period>.+)"
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"(?P<y>(?:19|20)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})", _iso),
        (r"(?P<period>.+?) (?:of )?(?P<which>last|next|this|previous|current) year", _of_a_year),
        (r"(?P<unit>week|month|quarter|year)[- ]to[- ]date|so far this (?P<unit2>week|month|quarter|year)", _to_date),
        (r"(?P<unit>week|month|quarter|year) (?P<side>after next|before last)", _two_away),
        (r"(?:same|this) (?:day|time) (?P<which>next|last) (?P<unit>week|month|year)", _same_day),
        (r"(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)", _iso),
        (r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})(?:[-/.](?P<year>\d{4}|\d\d)|\.)?", _numeric),
        (rf"(?:{_WEEKDAY},? )?(?:{_DAY}|{_ORDINAL})(?: day)?(?: of)?[ -/]?{_MONTH}(?:[ -/]?{_YEAR})?", _day_month),
        (rf"{_MONTH} (?P<year>(?:19|20)\d\d)", _whole_month),
        (rf"(?:{_WEEKDAY},? )?{_MONTH}[ -](?:{_DAY}|{_ORDINAL}){_YEAR}?", _day_month),
        (rf"(?:(?:in|during|{_REL}|month of) )*?{_MONTH}(?: of)?{_YEAR}?", _whole_month),
        (_NAMED, _named_day),
        (rf"(?:(?:{_REL}) )?{_WEEKDAY}(?P<week> week| in a week)?", _weekday),
        (rf"(?P<week>(?:a|one) week (?:on |from )?){_WEEKDAY}", _weekday),
        (rf"{_COUNT} (?P<unit>week)s? (?:on|from) (?P<start>{_WEEKDAY_ALONE})", _in_some),
        (rf"(?P<start>today|tomorrow|yesterday|{_WEEKDAY_ALONE}) (?:in a )?week(?P<count>)(?P<unit>)?", _so_long_from),
        (rf"{_COUNT} {_UNIT} (?:before|prior to|ahead of) (?P<end>.+)", _so_long_before),
        (
            rf"{_COUNT} (?P<unit>week|fortnight)s? (?:on |from |after )?(?!(?:before|prior|until|till|by)\b)(?P<start>.+)",
            _so_long_from,
        ),
        (rf"(?:{_WEEKDAY}|day|date) (?P<side>after|before|following) (?P<other>.+)", _day_beside),
        (r"(?:week|w/?e) ending (?P<other>.+)", _week_ending),
        (rf"(?:(?P<start>{_WEEKDAY_ALONE}) (?:of )?)?week after next", _week_after_next),
        (rf"{_WEEKDAY} (?:of )?{_REL} week|{_WEEKDAY_AFTER}", _weekday_of),
        (rf"(?:with)?in {_COUNT} {_UNIT}(?:'?s? time)?", _in_some),
        (rf"{_COUNT} {_UNIT}(?:'?s? time)? (?P<back>ago|back|earlier)(?: today| to day)?", _in_some),
        (rf"{_COUNT} {_UNIT} (?:from|after|hence|later)(?: (?:now|(?P<start>.+)))?", _in_some),
        (r"(?:with)?in half a (?P<unit>year)", _half_a_year),
        (rf"{_COUNT} {_UNIT} (?P<start>today|tomorrow|monday|tuesday|wednesday|thursday|friday)", _in_some),
        (rf"{_COUNT} {_UNIT}(?:'?s? time)", _in_some),
        (rf"(?:in |during )?{_REL} {_UNIT}", _span),
        (rf"(?:q(?P<number>[1-4])|{_ORDINAL} quarter)(?: of)?(?:[ /-]?{_YEAR})?(?: of this year)?", _quarter),
        (rf"(?:h(?P<number>[12])|{_ORDINAL} half(?: of)?(?: year)?)(?:[ /-]?{_YEAR})?", _half),
        (r"(?:in )?(?P<year>(?:19|20)\d\d)", _whole_year),
        (r"weekend", _weekend),
        (r"eo(?P<letter>[mqyw])|(?P<unit>month|quarter|year|week)[- ]?end", _period_end),
        (rf"{_ORDINAL} {_WEEKDAY} (?:of|in) {_PERIOD}", _nth_weekday),
        (rf"(?:week (?:commencing|beginning|starting|of)|w/?c|wc) {_PERIOD}", _week_of),
        (rf"{_ORDINAL} week (?:of|in) {_PERIOD}", _nth_week),
        (rf"(?P<edge>first|last) (?:working|business) day (?:of|in) {_PERIOD}", _working_day),
        (rf"net {_COUNT}(?: (?P<unit>days?))?(?: (?:from|after) (?P<start>.+))?", _net),
        (r"black friday", _black_friday),
        (r"(?P<year>(?:19|20)\d\d)-w(?P<number>\d{1,2})", _week_number),
        (r"(?:(?P<m>\d{1,2})[/.-](?P<y>(?:19|20)\d\d)|(?P<y2>(?:19|20)\d\d)[/.-](?P<m2>\d{1,2}))", _numeric_month),
        (r"(?:between )?(?P<one>.+?) (?:to|and|through|till|until|[-–]) (?P<other>.+)", _range),
        (r"(?P<one>.+?) ?[-–] ?(?P<other>.+)", _range),
        (rf"{_EDGE}{_PERIOD}", _edge),
        (rf"(?:{_DAY}|{_ORDINAL})(?: day)? of {_PERIOD}", _day_of),
        (rf"(?:{_WEEKDAY},? )?(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)|{_ORDINAL})", _coming_day),
        (rf"(?:calendar |cal\.? )?(?:week|wk|cw|kw)\s?(?P<number>\d{{1,2}}){_YEAR}?", _week_number),
        (rf"(?P<feast>{_FEASTS}){_YEAR}?", _feast),
    )
)  # fmt: skip
