"""Writes that did not last."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.types.effect import Effect
from core.types.principal import Principal
from tools.erp.operations import ALL
from tools.erp.operations.reversers import REVERSERS
from tools.ledger import Entry
from tools.reversals import call_of, reversals, thread_of


def entry(key: str, tool: str, arguments: dict[str, Any] | None = None, state: Any = "done", **result: Any) -> Entry:
    return Entry(
        key=key, system="sandbox", tool=tool, arguments=arguments or {}, principal=Principal(), state=state,
        effect=Effect(tool=tool, result=result), detail="", approval=None, created_at=datetime.now(UTC),
    )  # fmt: skip


QUOTE = entry("a/t1s1c1/00", "create_quote", order="SO-1")
INVOICE = entry("a/t2s1c1/00", "draft_invoice", invoice="INV-1")


@pytest.mark.parametrize(
    ("later", "fates"),
    [
        (entry("b/t1s1c1/00", "cancel_order", {"order": "SO-1"}), {QUOTE.key: "cancelled"}),
        (entry("a/t3s1c1/00", "cancel_order", {"order": "SO-1"}), {QUOTE.key: "cancelled"}),
        (entry("named", "credit_invoice", {"invoice": "INV-1"}), {INVOICE.key: "credited"}),
        (entry("b/t1s1c1/00", "change_order", {"order": "SO-1"}), {QUOTE.key: "amended"}),
        (entry("a/t3s1c1/00", "change_order", {"order": "SO-1"}), {}),
        (entry("b/t1s1c1/00", "cancel_order", {"order": "SO-2"}), {}),
        (entry("b/t1s1c1/00", "confirm_order", {"order": "SO-1"}, order="SO-1"), {}),
        (entry("b/t1s1c1/00", "create_ticket", state="undone"), {"b/t1s1c1/00": "undone"}),
        (entry("b/t1s1c1/00", "cancel_order", {"order": "SO-1"}, state="undone"), {"b/t1s1c1/00": "undone"}),
    ],
)
def test_what_a_later_write_says_of_earlier_ones(later: Entry, fates: dict[str, str]) -> None:
    assert reversals([QUOTE, INVOICE, later], REVERSERS) == fates


def test_another_system_and_a_number_that_comes_again_are_other_records() -> None:
    cancel = entry("b/t1s1c1/00", "cancel_order", {"order": "SO-1"})
    assert reversals([QUOTE, cancel.model_copy(update={"system": "tryton"})], REVERSERS) == {}
    again = entry("c/t1s1c1/00", "create_quote", order="SO-1")
    assert reversals([QUOTE, again, cancel], REVERSERS) == {again.key: "cancelled"}


def test_what_was_written_later_is_not_reversed_by_what_was_before() -> None:
    cancel = entry("b/t1s1c1/00", "cancel_order", {"order": "SO-1"})
    assert reversals([cancel, QUOTE], REVERSERS) == {}


def test_every_reverser_is_an_operation_with_that_argument() -> None:
    operations = {operation.name: operation for operation in ALL}
    for name, reverser in REVERSERS.items():
        assert reverser.argument in operations[name].tool.properties
        assert all(of in operations for of in reverser.of)


def test_a_key_that_somebody_named_is_of_no_call() -> None:
    assert call_of("a/b/t1s1c1/00ff") == ("a/b", "t1s1c1") and thread_of("a/b/t1s1c1/00ff") == "a/b"
    assert call_of("payroll-2026") is None and thread_of("payroll-2026") == "payroll-2026"
