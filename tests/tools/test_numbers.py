"""Numbers as people say them."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.numbers import find_digits, find_numbers

brief = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,980", [1980]),
        ("1'250", [1250]),
        ("1,234,567.89", [1234567.89]),
        ("1.980,50", [1980.5]),
        ("12,5", [12.5]),
        ("112.60", [112.6]),
        ("0.5", [0.5]),
        ("€2697", [2697]),
        ("$ 40", [40]),
        ("5%", [5]),
        ("2.5k", [2.5, 2500]),
        ("2m", [2, 2_000_000]),
        ("x12", [12]),
        ("3 x 4", [3, 4]),
        ("a dozen", [12]),
        ("half a dozen", [6]),
        ("two dozen", [24]),
        ("3 dozen", [3, 36]),
        ("1 million", [1, 1_000_000]),
        ("2 thousand", [2, 2000]),
        ("2.5 million euros", [2.5, 2_500_000]),
        ("1,500 thousand", [1500, 1_500_000]),
        ("4 hundredweight", [4]),
        ("3 of the dozen", [3, 12]),
        (".5", [0.5]),
        ("a share of .25.", [0.25]),
        ("v1.5", [1.5]),
        ("send 0.125 kg of bread flour", [0.125]),
        ("0.750", [0.75]),
        ("1.250 kg", [1250, 1.25]),
        ("1.250kg", [1250, 1.25]),
        ("3.400.000", [3_400_000]),
        ("4.1 mio", [4.1, 4_100_000]),
        ("8.2 million", [8.2, 8_200_000]),
        ("1.005k", [1005, 1.005, 1005]),
        ("943.80 gross", [943.8, 135_907.2]),
        ("12345678901234567890", [12_345_678_901_234_567_890]),
        ("9" * 400, []),
        ("9" * 5_000 + " 1/2", []),
        ("hundred " * 200, []),
        ("a hundred", [100]),
        ("a grand", [1000]),
        ("twenty five", [25]),
        ("twenty-five", [25]),
        ("two hundred and five", [205]),
        ("three thousand two hundred and seven", [3207]),
        ("two million", [2_000_000]),
        ("fifty two", [50, 52]),
        ("one twenty five", [1, 25]),
        ("two and three", [2, 3]),
        ("INV0373", [373]),
        ("10, then 20.", [10, 20]),
        ("no number here, and none there", []),
        ("and the same for INV-7, only that one was cash", [7]),
        ("close the oldest one and send one", [1]),
        ("take the first, one pallet of the new one", [1]),
        ("that one hundred and this one thousand", [100, 1000]),
        ("", []),
    ],
)
def test_numbers_are_read_as_said(text: str, expected: list[float]) -> None:
    found = [hit.value for hit in find_numbers(text)]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected], "whole numbers are integers"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card ending 4532", ["4532"]),
        ("four five three two", ["4532"]),
        ("4 5 3 2", ["4532"]),
        ("four-five-three", ["453"]),
        ("nine oh one", ["901"]),
        ("007", ["007"]),
        ("double five", ["55"]),
        ("triple seven", ["777"]),
        ("ends in four double five two", ["55", "4552"]),
        ("double oh seven", ["00", "007"]),
        ("double 5", ["55"]),
        ("a double room", []),
        ("double, five", []),
        ("oh well", []),
        ("5", []),
        ("four, five", []),
        ("45 32", ["45", "32", "4532"]),
        ("45-32", ["45", "32", "4532"]),
        ("45\n- 32", ["45", "32"]),
        ("45 - 32", ["45", "32"]),
        ("at 6.50, 2,500 of them", []),
        ("M10 2", ["10"]),
        ("", []),
    ],
)
def test_digits_are_read_as_a_string(text: str, expected: list[str]) -> None:
    assert sorted(hit.value for hit in find_digits(text)) == sorted(expected)


@brief
@given(st.integers(0, 10**12), st.sampled_from(["{}", "{:,}", "for {} pieces", "x{}", "({})"]))
def test_every_whole_number_is_found_however_it_is_written(number: int, form: str) -> None:
    assert number in [hit.value for hit in find_numbers(form.format(number))]


@brief
@given(st.text(alphabet=st.sampled_from("0123456789.,'km€ax- and two hundred dozen fifty"), max_size=60))
def test_spans_lie_in_the_text_in_reading_order(text: str) -> None:
    hits = find_numbers(text)
    assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)
    assert [hit.start for hit in hits] == sorted(hit.start for hit in hits)
    assert all(text[hit.start : hit.end].strip() == text[hit.start : hit.end] for hit in hits)
    assert all(any(hit.start <= at < hit.end for hit in hits) for at, char in enumerate(text) if char.isdigit())


@brief
@given(st.text(max_size=80))
def test_no_text_is_too_odd_to_look_for_numbers_in(text: str) -> None:
    assert all(text[hit.start : hit.end] for hit in (*find_numbers(text), *find_digits(text)))


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("-€50", -50), ("€-50", -50), ("minus €50", -50), ("−$1,200", -1200), ("1,250kg", 1250), ("1,200EUR", 1200),
        ("EUR1,200", 1200), ("1.234,56EUR", 1234.56), ("1,5kg", 1.5), ("1'234.50CHF", 1234.5), ("1,00,000", 100_000),
    ],
)  # fmt: skip
def test_signs_and_units_may_stand_against_a_figure(said: str, value: float) -> None:
    assert [number.value for number in find_numbers(f"pay {said} now")] == [value]


def test_long_texts_are_read_once() -> None:
    started = time.perf_counter()
    find_numbers("one " * 5_000)
    assert time.perf_counter() - started < 2
