"""Mentions: names, ids, dates and numbers of a text, and what hides what."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types.mention import Mention
from core.types.tool import Vocabulary
from tools.mentions import NUMBER, NameIndex, find_mentions, mark_inside

INDEX = NameIndex(
    {
        "customer": Vocabulary(names=("Blue Harbour Ltd", "24/7 Vending", "Café Zürich", "O´Brien Ltd", "Oak", "Moreau et Fils")),
        "product": Vocabulary(names=("oak chair", "A4 paper reams", "batteries", "glass")),
        "warehouse": Vocabulary(names=("Oak",)),
        "order_id": Vocabulary(patterns=(r"SO[-/]?\d[\d/]*", r"\d{4}")),
        "invoice_id": Vocabulary(patterns=(r"\d{4}",)),
        "anything": Vocabulary(patterns=(r"x*",)),
    }
)


def found(text: str) -> list[tuple[str, object]]:
    return [(m.kind, m.value) for m in find_mentions(text, INDEX) if not m.inside]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bill Blue Harbour Ltd", ("customer", "Blue Harbour Ltd")),
        ("bill BLUE HARBOUR LTD now", ("customer", "BLUE HARBOUR LTD")),
        ("bill Bleu Harbour Ltd", ("customer", "Bleu Harbour Ltd")),
        ("for 24/7 Vending", ("customer", "24/7 Vending")),
        ("for cafe zurich", ("customer", "cafe zurich")),
        ("for O´Brein Ltd", ("customer", "O´Brein Ltd")),
        ("two oak chairs", ("product", "oak chairs")),
        ("one Oak Chair", ("product", "Oak Chair")),
        ("A4 paper ream", ("product", "A4 paper ream")),
        ("a battery", ("product", "battery")),
        ("glass", ("product", "glass")),
        ("confirm so/2024/0129.", ("order_id", "so/2024/0129")),
        ("confirm SO-12/", ("order_id", "SO-12")),
        ("order 4916", ("order_id", "4916")),
        ("a dozen", ("number", 12)),
        ("by the end of Q4", ("date", "the end of Q4")),
        ("card four five three two", ("digits", "4532")),
    ],
)
def test_a_value_is_found_as_it_was_said(text: str, expected: tuple[str, object]) -> None:
    assert expected in found(text)


def test_a_span_may_be_of_several_kinds() -> None:
    assert {("order_id", "4916"), ("invoice_id", "4916"), ("number", 4916)} <= set(found("take 4916"))
    assert {("customer", "Oak"), ("warehouse", "Oak")} <= set(found("from Oak"))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("two oak chairs", "oak"),
        ("for 24/7 Vending", 24),
        ("confirm SO/2024/0129", "2024"),
        ("A4 paper reams", 4),
        ("until 15 May", 15),
        ("due 4/5/2025", 5),
    ],
)
def test_a_part_of_a_longer_name_or_id_is_not_offered(text: str, hidden: object) -> None:
    assert hidden in [m.value for m in find_mentions(text, INDEX)]
    assert hidden not in [value for _, value in found(text)]


def test_nothing_is_found_inside_an_address_and_an_address_may_be_a_name() -> None:
    assert found("who is oak@blue-harbour-ltd.example, or www.oak.example/2024?") == []
    assert found("oak, see oak.") == [("customer", "oak"), ("warehouse", "oak")] * 2
    index = NameIndex({"contact": Vocabulary(names=("oak@wood.example",))})
    assert [m.surface for m in find_mentions("ask oak@wood.example", index)] == ["oak@wood.example"]


def test_a_number_beside_or_as_a_date_is_one() -> None:
    assert {("number", 4.1), ("date", "4.10.")} <= set(found("twelve at 4.10."))
    assert ("number", 30) in found("in 30 days")
    assert ("number", 12) in found("12 by 15 May")


def test_a_misspelt_name_is_of_words_that_stand_together() -> None:
    index = NameIndex({"customer": Vocabulary(names=("Blue Harbour",)), "product": Vocabulary(names=("oak chair",))})
    assert [m.surface for m in index.find("bleu oak chair harbour")] == ["oak chair"]
    assert [m.surface for m in index.find("bleu harbour")] == ["bleu harbour"]


def test_a_short_word_is_never_taken_for_a_misspelt_name() -> None:
    assert found("Oat glas") == []


def test_a_pattern_that_matches_nothing_offers_nothing() -> None:
    assert all(m.surface for m in find_mentions("a xx b", INDEX))


def by_definition(mentions: list[Mention]) -> list[Mention]:
    hiding = [m for m in mentions if m.kind not in ("number", "digits", "date") and not m.inside]
    return [
        m.model_copy(
            update={
                "inside": m.inside
                or any(o.start <= m.start and m.end <= o.end and o.end - o.start > m.end - m.start for o in hiding)
            }
        )
        for m in mentions
    ]


MENTIONS = st.builds(
    lambda kind, start, length, inside: Mention(kind=kind, surface="", value="", start=start, end=start + length, inside=inside),
    st.sampled_from(["customer", "order_id", NUMBER, "date"]), st.integers(0, 12), st.integers(1, 8), st.booleans(),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(MENTIONS, max_size=12))
def test_exactly_what_lies_strictly_within_a_name_is_inside(mentions: list[Mention]) -> None:
    assert mark_inside(mentions) == by_definition(mentions)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(st.sampled_from(["Blue", "Harbour", "Ltd", "SO/12", "4916", "´", "oak chairs", "two", "-"])).map(" ".join),
    )
)
def test_every_mention_is_a_span_of_the_text_in_reading_order(text: str) -> None:
    mentions = find_mentions(text, INDEX)
    assert all(m.surface == text[m.start : m.end] for m in mentions)
    assert [m.start for m in mentions] == sorted(m.start for m in mentions)


@pytest.mark.parametrize("piece", ["1,", "4916 ", "1'0001", "monday ", "Blue Harbuor ", "<"])
def test_twenty_thousand_characters_are_read_in_bounded_time(piece: str) -> None:
    started = time.process_time()
    find_mentions((piece * 20_000)[:20_000], INDEX)
    assert time.process_time() - started < 8, "comparing all pairs took 20 s; reading takes less than one"
