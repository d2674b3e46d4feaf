"""Numbered lists of a page are procedures."""

from retrieval.documents import make_document
from retrieval.procedures import Procedure, procedures_in

PAGE = """# Returns
Version: 2

## When somebody wants to send something back
They say "Can I send the two lamps back?" or “these chairs are the wrong ones, take them back”.

1. **Customer service** looks the order up
   and checks the date.
2) Issue a number with `issue_rma`.

Goods without a number wait, and we say "Your number comes by mail".
10. Credit the account.

## Limits
1. Thirty days.

## Table
| 1. | no step |
"""


def test_steps_are_read_with_their_headings_and_what_people_say() -> None:
    (found,) = procedures_in(make_document("returns.md", PAGE))
    assert found == Procedure(
        document="returns.md",
        title="Returns › When somebody wants to send something back",
        requests=("Can I send the two lamps back?", "these chairs are the wrong ones, take them back"),
        steps=(
            "Customer service looks the order up and checks the date.",
            "Issue a number with `issue_rma`.",
            "Credit the account.",
        ),
    )


def test_names_with_underscores_stay_as_they_are() -> None:
    (found,) = procedures_in(make_document("p.md", "1. Call _now_ issue_rma.\n2. *Then* __close__ it."))
    assert found.steps == ("Call now issue_rma.", "Then close it.")


def test_a_page_without_steps_has_none() -> None:
    assert not list(procedures_in(make_document("p.md", "# 1. Heading\n2026 was good.\n1.5 percent\n- a\n- b")))


def test_links_and_listings_are_no_steps_and_inches_no_words() -> None:
    page = """# Shelves
1. [Returns](#returns)
2. [Limits](#limits)

## Sizes
One is 12" wide and costs less; the other is 14" wide. They ask „welches ist breiter?“ or «lequel est plus large».

1. Look it up in [the list](list.md).
2. Tell them.

```
1. no step
2. no step either
```
"""
    (found,) = procedures_in(make_document("p.md", page))
    assert found.steps == ("Look it up in the list.", "Tell them.")
    assert found.requests == ("welches ist breiter?", "lequel est plus large")


def test_a_page_that_only_speaks_of_another_is_not_superseded() -> None:
    assert make_document("p.md", "# Now\nThe 2024 page was superseded by this one.").superseded_by is None
    assert make_document("p.md", "# Old\nVersion: 1 · **Superseded by:** `now.md`").superseded_by == "now.md`"
