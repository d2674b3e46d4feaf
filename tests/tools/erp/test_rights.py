"""Nobody is told more than their role may see: whatever is read, by whatever words the agent reports it."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import Denied, ToolError
from core.types.effect import Effect
from core.types.principal import Principal
from tests.tools.erp.calls import RandomCalls
from tests.tools.write_path import Place
from tools.erp.operations import ALL
from tools.erp.sandbox.sandbox import Sandbox
from tools.policy import Policy, Role

_ROLES = 20
_READS, _ALL_READS = 25, 2_000
_PERSONAL = ("city", "email", "iban", "account_ends_in", "amount", "total", "price", "open", "credit_limit", "cost", "on_hand")
_READING = [operation for operation in ALL if operation.risk == "read"]


def _roles(chance: random.Random) -> dict[str, Role]:
    """Each may call some of the reads, and sees some of the fields."""
    return {
        f"role{number}": Role(
            may_read=tuple(operation.name for operation in _READING if chance.random() < 0.6),
            hidden=tuple(field for field in _PERSONAL if chance.random() < 0.5),
        )
        for number in range(_ROLES)
    }


def _values(document: Any, hidden: frozenset[str]) -> Iterator[str]:
    """What stands in fields that are hidden, as it would be printed."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name in hidden:
                yield from _printed(value)
            else:
                yield from _values(value, hidden)
    elif isinstance(document, list):
        for part in document:
            yield from _values(part, hidden)


def _printed(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, float) and value >= 10:  # a small or whole number may stand anywhere
        yield f"{value:,.2f}"


def _names(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        yield from document
        for value in document.values():
            yield from _names(value)
    elif isinstance(document, list):
        for part in document:
            yield from _names(part)


def _open_words(effect: Effect, hidden: frozenset[str]) -> str:
    """Everything a role may see of a result, so that a value that stands in a visible field, too, is no leak."""

    def seen(document: Any) -> Any:
        if isinstance(document, dict):
            return {name: seen(value) for name, value in document.items() if name not in hidden}
        return [seen(part) for part in document] if isinstance(document, list) else document

    return json.dumps(seen(effect.result), ensure_ascii=False)


@pytest.mark.parametrize("reads", [_READS, pytest.param(_ALL_READS, marks=pytest.mark.slow)])
def test_twenty_roles_read_and_none_sees_more_than_it_may(tmp_path: Path, short_company: Path, reads: int) -> None:
    chance = random.Random(20)
    sandbox = Sandbox(Path(shutil.copyfile(short_company, tmp_path / "company.sqlite")))
    policy = Policy(roles=_roles(chance))
    place, calls = Place(tmp_path, sandbox, policy), RandomCalls(sandbox, chance)
    answered = denied = refused = would_tell = 0
    for name, role in policy.roles.items():
        who, hidden = Principal(person=name, role=name), frozenset(role.hidden)
        for number in range(reads):
            operation = chance.choice(_READING)
            arguments = calls.arguments(operation)
            try:
                told = place.executor.execute(operation.name, arguments, who, f"{name}/{number}")
            except Denied:
                assert operation.name not in role.may_read
                denied += 1
                continue
            except ToolError:
                refused += 1
                continue
            assert operation.name in role.may_read
            whole = sandbox.propose(operation.name, arguments)
            assert not hidden & set(_names(told.result)), (name, operation.name)
            secrets = {value for value in _values(whole.result, hidden) if value and value not in _open_words(whole, hidden)}
            would_tell += any(secret in whole.reply for secret in secrets)
            shown = f"{told.reply} {told.model_dump_json()}"
            assert not [secret for secret in secrets if secret in shown], (name, operation.name, told.reply)
            answered += 1
    print(
        f"{_ROLES} roles x {reads}: {answered} answered, {denied} denied, {refused} broke a rule; {would_tell} would have told more"
    )
    assert answered > denied / 2 > 0 and would_tell > 0 and place.ledger.newest() == []
    sandbox.close()
