"""Dates as people say them: found whole, and nothing else found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.dates import find_dates, is_of_calendar


@pytest.mark.parametrize(
    "phrase",
    [
        "2025-03-04", "04/05/2025", "4.5.2025", "4.5.", "11/04", "4/30", "20250304", "3 March 2025", "3-Mar-2025", "March the 3rd", "March 3, 2025",
        "the 3rd of March", "the 3rd of next month", "first of May", "end of Q4", "Q3 2025", "q1", "mid July", "early next year",
        "the end of next quarter", "end of month", "eom", "in two weeks", "within 30 days", "10 days ago", "two weeks from now",
        "today", "tomorrow morning", "the day after tomorrow", "day before yesterday", "tonight", "on Monday", "next Friday",
        "Friday week", "Monday next week", "Tue", "next month", "last quarter", "this weekend", "this afternoon", "next spring",
        "Easter", "Christmas Eve", "new year's day", "before Easter", "December", "next December", "2024",
    ],
)  # fmt: skip
@pytest.mark.parametrize("sentence", ["{}", "deliver it {}, please", "({})", "{}?"])
def test_a_date_is_found_whole_wherever_it_stands(phrase: str, sentence: str) -> None:
    text = sentence.format(phrase)
    found = [text[start:end] for start, end in find_dates(text)]
    assert [span.removesuffix(".") for span in found] == [phrase.removesuffix(".")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order INV/2025/0819",
        "invoice 2024-4916",
        "12345",
        "13 chairs at 4,405.40",
        "the sunny fridge",
        "marching on",
        "we decide",
        "wh7",
        "75 pieces at 4.75.",
        "support 24/7",
        "13/32 of an inch",
        "SO/11/04",
    ],
)
def test_what_only_looks_like_a_date_is_left(text: str) -> None:
    assert find_dates(text) == []


@pytest.mark.parametrize(
    ("text", "date"),
    [("good until 15 March.", "15 March"), ("It ends in May. Go on.", "in May"), ("due 3 Sept. at noon", "3 Sept.")],
)
def test_the_end_of_a_sentence_ends_no_month_save_a_shortened_one(text: str, date: str) -> None:
    assert [text[start:end] in (date, date.removeprefix("in ")) for start, end in find_dates(text)] == [True]


def test_a_date_of_the_calendar_has_a_month_or_three_figures() -> None:
    calendar = ["15 May", "March the 3rd", "4/5/2025", "2025-03-04", "3-Mar-2025"]
    others = ["4.10.", "11/04", "in 30 days", "May", "tomorrow", "2024", "Q3 2025", "20250304"]
    assert [is_of_calendar(date) for date in (*calendar, *others)] == [True] * len(calendar) + [False] * len(others)


def test_several_dates_are_found_in_order() -> None:
    text = "from March 3 to the end of Q4, not tomorrow"
    assert [text[start:end] for start, end in find_dates(text)] == ["March 3", "the end of Q4", "tomorrow"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["end", "of", "next", "month", "the", "3rd", "May", "2025", "-", "Q4", "in", "two", "days", "x"])
    ).map(" ".join)
)
def test_no_span_lies_inside_another(text: str) -> None:
    spans = find_dates(text)
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert not any(a != b and b[0] <= a[0] and a[1] <= b[1] for a in spans for b in spans)
