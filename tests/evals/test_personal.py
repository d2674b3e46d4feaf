"""The measure of what is hidden: made data has the form it claims, and a finder that finds nothing is seen to."""

import random

import phonenumbers
import pytest

from core.types.message import Message, ToolCall
from core.types.tool import Tool, Toolset, Vocabulary
from core.types.trace import Trace
from evals.personal import _made, measure_personal
from tools.personal import Found, PersonalData

TOOLSET = Toolset(
    name="erp",
    tools=(
        Tool(
            name="draft",
            description="Draft.",
            parameters={
                "type": "object",
                "properties": {
                    "customer": {"type": "string", "x-kind": "customer"},
                    "product": {"type": "string", "x-kind": "product"},
                    "lines": {"type": "array", "items": {"type": "number"}},
                },
            },
        ),
    ),
    vocabulary={"customer": Vocabulary(names=("Orion Lab",)), "product": Vocabulary(names=("laptops",))},
)  # fmt: skip


def trace(customer: str, product: str) -> Trace:
    call = ToolCall(name="draft", arguments={"customer": customer, "product": product, "lines": [1, 2]})
    said = Message(role="user", content=f"bill {customer} for {product}")
    return Trace(toolset="erp", messages=(said, Message(role="assistant", tool_calls=(call,))), outcome="calls")


def test_the_made_data_is_of_its_form() -> None:
    made = list(_made(200, random.Random(1)))
    assert {form for form, _ in made} == {"mail", "bank account", "card", "telephone", "machine"}
    for form, said in made:
        letters = "".join(char for char in said if char.isalnum())
        if form == "bank account":
            assert int("".join(str(int(char, 36)) for char in letters[4:] + letters[:4])) % 97 == 1
        if form == "card":
            digits = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(letters))]
            assert len(letters) == 16 and sum(value // 10 + value % 10 for value in digits) % 10 == 0
        if form == "telephone" and said.startswith("+"):
            assert phonenumbers.is_valid_number(phonenumbers.parse(said))


def test_what_is_hidden_and_what_is_let_alone_is_counted() -> None:
    found = measure_personal(TOOLSET, [trace("Orion Lab", "laptops"), trace("Somebody Unheard", "chairs")], 100)
    assert found.structured.rate >= 0.99 and found.structured.n == 100 and found.by_form["mail"].n == 20
    assert (found.names.rate, found.names.n) == (0.5, 2)
    assert (found.touched.rate, found.touched.n) == (0.0, 6)
    assert (found.still_fit.rate, found.still_fit.n) == (1.0, 4)


def test_a_finder_that_finds_a_part_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PersonalData.find

    def part(self: PersonalData, text: str) -> list[Found]:
        return [found._replace(end=found.start + max(1, (found.end - found.start) // 4)) for found in whole(self, text)]

    monkeypatch.setattr(PersonalData, "find", part)
    found = measure_personal(TOOLSET, [trace("Orion Lab", "laptops")], 100)
    assert found.structured.rate < 0.3 and found.names.rate == 0.0


def test_a_finder_that_finds_nothing_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PersonalData, "find", lambda self, text: [])
    found = measure_personal(TOOLSET, [trace("Orion Lab", "laptops")], 50)
    assert found.structured.rate == found.names.rate == 0.0
