"""The books stay sound, dry runs tell the truth, and undo restores, whatever is called."""

import os
import random
from collections.abc import Callable

import pytest

from core.errors import ToolError
from tests.tools.erp.calls import RandomCalls
from tools.erp.operations import ALL
from tools.erp.sandbox.areas import HANDLERS
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.soundness import faults

_SEQUENCES = 30
_LONG = int(os.environ.get("NIGHTSCHOOL_SEQUENCES", "2000"))
_CALLS = 12


def _faults(sandbox: Sandbox) -> list[str]:
    with sandbox.books() as books:
        return faults(books.session)


def test_every_operation_is_carried_out_and_nothing_else() -> None:
    assert len({operation.name for operation in ALL}) == len(ALL) >= 40
    assert set(HANDLERS) == {operation.name for operation in ALL}


def _refusal(call: Callable[[], object]) -> str | None:
    try:
        call()
    except ToolError as error:
        return f"{error.field}: {error}" if error.field else pytest.fail(f"names no field: {error}")
    return None


def _play(sandbox: Sandbox, seed: int) -> int:
    """One sequence: every dry run's diff equals the write's, then all is undone; returns how many calls were carried out."""
    rng = random.Random(seed)
    calls = RandomCalls(sandbox, rng)
    before, keys = sandbox.rows(), []
    for number in range(_CALLS):
        operation = rng.choice(ALL)
        arguments = calls.arguments(operation)
        where = f"seed {seed}: {operation.name} {arguments}"
        refusal = _refusal(lambda o=operation, a=arguments: sandbox.propose(o.name, a))
        if refusal is not None:
            assert refusal == _refusal(lambda o=operation, a=arguments, k=number: sandbox.execute(o.name, a, f"{seed}/{k}")), (
                where
            )
            continue
        proposed = sandbox.propose(operation.name, arguments)
        done = sandbox.execute(operation.name, arguments, f"{seed}/{number}")
        assert done == proposed, where
        assert (operation.risk == "read") <= (not done.changes), where
        assert sandbox.shows(done.changes), where
        if done.changes:
            keys.append(f"{seed}/{number}")
    assert _faults(sandbox) == [], f"seed {seed}"
    for key in reversed(keys):
        sandbox.undo(key)
    assert sandbox.rows() == before, f"seed {seed}"
    return len(keys)


def test_any_sequence_of_calls_keeps_the_books_and_can_be_undone(company: Sandbox) -> None:
    done = sum(_play(company, seed) for seed in range(_SEQUENCES))
    print(f"{_SEQUENCES} sequences, {done} writes")
    assert done > _SEQUENCES


@pytest.mark.slow
def test_two_thousand_sequences(company: Sandbox) -> None:
    done = sum(_play(company, seed) for seed in range(1_000, 1_000 + _LONG))
    print(f"{_LONG} sequences, {done} writes")
