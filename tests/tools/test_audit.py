"""The audit: whatever is changed, left out, moved or cut off is found."""

import json
import os
import random
import stat
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from write_path import ADA, BEA, Place, Till

from core.errors import ApprovalNeeded, StoreError
from core.keyring import Keyring

_TAMPERS, _EVENTS = 1000, 40
_COLUMNS = ("at", "event", "about", "subject_key", "body", "key", "mac", "tenant")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Some writes, one of them approved, one key rotated on the way."""
    place = Place(tmp_path, Till())
    for number in range(_EVENTS // 2):
        place.executor.execute("put", {"amount": number}, ADA, f"k{number}")
        if number == _EVENTS // 4:
            place.keyring.rotate()
    with pytest.raises(ApprovalNeeded) as told:
        place.executor.execute("burn", {"amount": 1}, ADA, "b")
    place.executor.execute("burn", {"amount": 1}, ADA, "b", place.executor.approve(told.value.request, BEA))
    assert place.audit.verify() == [] and place.ledger.faults() == []
    return place


def _edit(connection: Connection, chance: random.Random, seq: int, last: int) -> None:
    column = chance.choice(_COLUMNS)
    old = connection.execute(text(f"SELECT {column} FROM audit WHERE seq = {seq}")).scalar_one()
    new = json.dumps({**json.loads(old), "tool": "other"}) if column == "body" else f"{old[:-1]}{'a' if old[-1] != 'a' else 'b'}"
    connection.execute(text(f"UPDATE audit SET {column} = :new WHERE seq = {seq}"), {"new": new})


def _delete(connection: Connection, chance: random.Random, seq: int, last: int) -> None:
    connection.execute(text(f"DELETE FROM audit WHERE seq = {seq}"))
    if chance.random() < 0.5:  # and close the gap
        for later in range(seq + 1, last + 1):
            connection.execute(text(f"UPDATE audit SET seq = {later - 1} WHERE seq = {later}"))


def _swap(connection: Connection, chance: random.Random, seq: int, last: int) -> None:
    other = chance.choice([place for place in range(1, last + 1) if place != seq])
    for before, after in ((seq, -1), (other, seq), (-1, other)):
        connection.execute(text(f"UPDATE audit SET seq = {after} WHERE seq = {before}"))


def _cut(connection: Connection, chance: random.Random, seq: int, last: int) -> None:
    connection.execute(text(f"DELETE FROM audit WHERE seq >= {seq}"))


def test_every_tampering_is_found(place: Place) -> None:
    chance, last, found = random.Random(5), len(place.audit.rows()), Counter[str]()
    for number in range(_TAMPERS):
        tamper = (_edit, _delete, _swap, _cut)[number % 4]
        connection = place.engine.connect()
        connection.begin()
        tamper(connection, chance, chance.randint(1, last), last)
        place.audit._engine = connection  # type: ignore[assignment]  # sees what is not committed
        found[tamper.__name__] += bool(place.audit.verify())
        place.audit._engine = place.engine
        connection.rollback()
        connection.close()
    print(f"{_TAMPERS} tamperings of {last} rows, found: {dict(found)}")
    assert sum(found.values()) == _TAMPERS and place.audit.verify() == []


@pytest.mark.parametrize(
    "change",
    [
        "arguments = '{\"amount\": 9}'", "person = 'bea'", "effect = NULL", "state = 'failed'", "tool = 'look'", "role = 'boss'",
        "approval = 'a-1'", "created_at = '2020-01-01 00:00:00'",
    ],
)  # fmt: skip
def test_a_changed_ledger_is_found(place: Place, change: str) -> None:
    with place.engine.begin() as connection:
        connection.execute(text(f"UPDATE ledger SET {change} WHERE key = 'k3'"))
    (fault,) = place.ledger.faults()
    assert "'k3'" in fault and place.audit.verify() == []


def test_a_write_taken_out_of_the_ledger_is_found(place: Place) -> None:
    with place.engine.begin() as connection:
        connection.execute(text("DELETE FROM ledger WHERE key = 'k3'"))
    assert place.ledger.faults() == ["write 'k3': in the audit only"]


def test_a_missing_or_broken_anchor_is_found(place: Place) -> None:
    anchor = place.folder / "audit.anchor"
    kept = anchor.read_text()
    anchor.write_text(kept + "{broken\n")
    assert "cannot be read" in place.audit.verify()[0].what
    anchor.unlink()
    assert "is missing" in place.audit.verify()[0].what


def test_rows_hold_no_values(place: Place) -> None:
    assert all("amount" not in json.dumps(row.body) for row in place.audit.rows())


def test_keys_are_private_kept_and_made_once(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "deep" / "keys.json")
    before = ring.sign("p", b"m")
    assert stat.S_IMODE(os.stat(tmp_path / "deep" / "keys.json").st_mode) == 0o600
    ring.rotate()
    after = Keyring(tmp_path / "deep" / "keys.json").sign("p", b"m")
    assert before.key != after.key and ring.signed("p", b"m", before) and ring.signed("p", b"m", after)
    assert not ring.signed("q", b"m", before) and not ring.signed("p", b"n", before)
    assert stat.S_IMODE(os.stat(tmp_path / "deep" / "keys.json").st_mode) == 0o600


@pytest.mark.parametrize("damage", ["", "[]", '{"current": "k1", "keys": {}}'])
def test_damaged_keys_stop_writes(place: Place, damage: str) -> None:
    (place.folder / "keys" / "signing.json").write_text(damage)
    with pytest.raises(StoreError, match="put a copy back"):
        place.executor.execute("put", {"amount": 1}, ADA, "new")
    assert place.executor.execute("look", {}, ADA, "r").tool == "look"
