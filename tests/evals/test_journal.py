"""The made history: what was asked is found again with what was written, and errors of pairing are seen."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from core.types.message import Message, ToolCall
from core.types.principal import Principal
from core.types.tool import Toolset
from core.types.trace import Trace
from evals.journal import CLERKS, History, make_history, measure_pairs
from tools.erp.company.toolset import company_toolset
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.history.pairing import pair
from tools.history.wording import Wording


class Company:
    """A small company with its tools and its book."""

    def __init__(self, file: Path) -> None:
        sandbox = Sandbox(file)
        self.book = Lookup(sandbox)
        self.toolset: Toolset = company_toolset(sandbox)
        self.customers = self.toolset.vocabulary["customer"].names
        self.products = self.toolset.vocabulary["product"].names


@pytest.fixture(scope="module")
def company(short_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(Path(shutil.copy(short_company, tmp_path_factory.mktemp("journal"))))


def quoted(company: Company, number: int) -> Trace:
    customer, item = company.customers[number], company.products[number % 40]
    call = ToolCall(name="create_quote", arguments={"customer": customer, "lines": [{"item": item, "qty": number + 2}]}, id="c1")
    text = f"a quote for {customer}: {number + 2} {item}"
    return Trace(
        toolset="company",
        messages=(Message(role="user", content=text), Message(role="assistant", tool_calls=(call,))),
        outcome="calls",
    )


@pytest.fixture(scope="module")
def history(company: Company) -> History:
    small_talk = Trace(toolset="company", messages=(Message(role="user", content="good morning"),), outcome="none")
    return make_history([small_talk, *(quoted(company, number) for number in range(120))], company.toolset, company.book)


def test_a_history_holds_what_was_asked_and_what_was_written_in_the_systems_names(company: Company, history: History) -> None:
    assert 100 <= len(history.entries) <= 120 and len(history.letters) == len(history.entries) + 1
    assert "good morning" not in history.asked and len(history.asked) == len(history.entries)
    assert {entry.author for entry in history.entries} <= set(CLERKS)
    assert all(entry.arguments["customer"] in company.customers for entry in history.entries)
    assert any(entry.reversed for entry in history.entries) and isinstance(company.book.today, date)


def test_pairs_are_found_and_wrong_ones_seen(company: Company, history: History) -> None:
    wording = Wording(company.toolset, company.book)
    pairs = pair(history.letters, history.entries, company.toolset, wording, Principal(person=""))
    paired = measure_pairs(history, pairs.traces, company.toolset, company.book)
    assert paired.right.rate >= 0.95 and paired.found.rate >= 0.6 and paired.found.n == len(history.asked)
    first, second, *others = pairs.traces
    swapped = [
        first.model_copy(update={"messages": (first.messages[0], second.messages[1])}),
        second.model_copy(update={"messages": (second.messages[0], first.messages[1])}),
    ]
    wrong = measure_pairs(history, [*swapped, *others], company.toolset, company.book)
    assert wrong.right.rate < paired.right.rate and wrong.found.rate < paired.found.rate
    assert measure_pairs(history, [], company.toolset, company.book).found.rate == 0.0
