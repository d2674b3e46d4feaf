"""Clauses: where a request may be cut into wishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types.mention import Mention
from tools.clauses import MIN_WORDS, MOST, find_clauses


@pytest.mark.parametrize(
    ("said", "clauses"),
    [
        ("confirm SO-465, cancel S37853", ["confirm SO-465", "cancel S37853"]),
        ("bill the order; also ring them up", ["bill the order", "ring them up"]),
        ("anything late? besides, open a ticket", ["anything late", "open a ticket"]),
        ("post it and then send it", ["post it", "send it"]),
        ("pay 1,200.50 today", []),
        ("yes, and thanks", []),
        ("the android app", []),
        ("", []),
    ],
)
def test_a_request_is_cut_where_a_wish_may_end(said: str, clauses: list[str]) -> None:
    assert find_clauses(said, []) == clauses


def test_nothing_is_cut_inside_a_mention() -> None:
    said = "bill Jones and Sons, ring up Bolt"
    name = Mention(kind="customer", surface="Jones and Sons", value="Jones and Sons", start=5, end=19)
    assert find_clauses(said, [name]) == ["bill Jones and Sons", "ring up Bolt"]


def test_an_endless_list_is_not_read_to_its_end() -> None:
    assert find_clauses("bill Acme, " * 900, []) == ["bill Acme"] * MOST


@given(st.text(max_size=200))
def test_clauses_are_parts_of_the_text_in_order(said: str) -> None:
    clauses = find_clauses(said, [])
    assert len(clauses) != 1 and all(len(clause.split()) >= MIN_WORDS for clause in clauses)
    end = 0
    for clause in clauses:
        end = said.index(clause, end) + len(clause)
