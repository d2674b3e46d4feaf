"""Days: phrases of a Wednesday, 13 May 2026."""

import time
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.days import days_of

_TODAY = date(2026, 5, 13)


@pytest.mark.parametrize(
    ("phrase", "first", "last"),
    [
        ("next Friday", "05-22", "05-22"),
        ("Friday", "05-15", "05-15"),
        ("last Friday", "05-08", "05-08"),
        ("a week on Monday", "05-25", "05-25"),
        ("Tuesday the week after next", "05-26", "05-26"),
        ("the day after tomorrow", "05-15", "05-15"),
        ("tmrw", "05-14", "05-14"),
        ("in two weeks", "05-27", "05-27"),
        ("ten business days from today", "05-27", "05-27"),
        ("3 days ago", "05-10", "05-10"),
        ("15.6.", "06-15", "06-15"),
        ("5/6", "06-05", "06-05"),
        ("the twenty-second", "05-22", "05-22"),
        ("Friday the 15th", "05-15", "05-15"),
        ("in June", "06-01", "06-30"),
        ("this quarter", "04-01", "06-30"),
        ("end of Q3", "09-30", "09-30"),
        ("EOM", "05-31", "05-31"),
        ("early next month", "06-01", "06-10"),
        ("first Monday of June", "06-01", "06-01"),
        ("the last working day of May", "05-29", "05-29"),
        ("w/c 6 July", "07-06", "07-12"),
        ("week 23", "06-01", "06-07"),
        ("from 8 to 12 June", "06-08", "06-12"),
        ("Christmas Eve", "12-24", "12-24"),
        ("Black Friday", "11-27", "11-27"),
        ("2026-07", "07-01", "07-31"),
    ],
)
def test_what_a_phrase_means(phrase: str, first: str, last: str) -> None:
    found = days_of(phrase, _TODAY)
    assert found is not None and (str(found.first), str(found.last)) == (f"2026-{first}", f"2026-{last}")


@pytest.mark.parametrize(("phrase", "expected"), [("March", "2026-03-01"), ("3 June", "2025-06-03"), ("Monday", "2026-05-11")])
def test_without_a_year_it_lies_where_one_looks(phrase: str, expected: str) -> None:
    found = days_of(phrase, _TODAY, "back")
    assert found is not None and str(found.first) == expected


@pytest.mark.parametrize(
    "phrase", ["", "summer", "31 June", "30.2.2026", "99/99", "in many days", "soon", "0 January", "x" * 5_000]
)
def test_what_is_no_day_is_none(phrase: str) -> None:
    assert days_of(phrase, _TODAY) is None


@given(
    st.dates(date(1990, 1, 1), date(2090, 12, 31)), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d %B %Y", "%B %d, %Y"])
)
def test_a_written_day_is_that_day(day: date, notation: str) -> None:
    assert days_of(day.strftime(notation), _TODAY) == (day, day)


@given(st.dates(date(2000, 1, 1), date(2080, 1, 1)), st.integers(0, 400))
def test_so_many_days_away(today: date, count: int) -> None:
    ahead, back = today + timedelta(days=count), today - timedelta(days=count)
    assert days_of(f"in {count} days", today) == (ahead, ahead)
    assert days_of(f"{count} days ago", today) == (back, back)


@given(st.text(max_size=60))
def test_any_text_is_met_calmly(text: str) -> None:
    found = days_of(text, _TODAY)
    assert found is None or found.first <= found.last


@pytest.mark.parametrize(
    ("phrase", "day"),
    [
        ("a week before 30 June", "06-23"), ("two weeks before Christmas", "12-11"), ("10 days prior to 30 June", "06-20"),
        ("2 days before Friday", "05-13"), ("1 month before 30 June", "05-30"), ("30 days after 30 June", "07-30"),
    ],
)  # fmt: skip
def test_so_long_before_or_after_a_day(phrase: str, day: str) -> None:
    found = days_of(phrase, _TODAY)
    assert found is not None and found.first == date.fromisoformat(f"2026-{day}")


@pytest.mark.parametrize(
    "phrase", ["15 or 16 June", "not Friday", "Monday 3 June", "Tuesday the 15th", "60 days end of month", "45th"]
)
def test_what_could_be_several_days_or_none_is_asked_about(phrase: str) -> None:
    assert days_of(phrase, _TODAY) is None


def test_no_phrase_takes_long() -> None:
    started = time.perf_counter()
    for phrase in ("x" + " last year" * 15, "x" + " - x" * 30, "x" + " to x" * 2_000):
        assert days_of(phrase, _TODAY) is None
    assert time.perf_counter() - started < 1
