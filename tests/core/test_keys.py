"""API keys on a real SQLite file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlmodel import SQLModel, create_engine

from core.keys import ApiKeyRow, KeyStore
from core.types.principal import Principal

ANNA = Principal(tenant="acme", person="anna", role="clerk", scopes=("chat", "traces"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
    SQLModel.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def keys(engine: Engine) -> KeyStore:
    return KeyStore(engine)


def test_a_new_key_authenticates_its_principal(keys: KeyStore) -> None:
    assert keys.authenticate(keys.create(ANNA)) == ANNA


def test_a_key_works_in_another_store_on_the_same_database(engine: Engine) -> None:
    assert KeyStore(engine).authenticate(KeyStore(engine).create(ANNA)) == ANNA


def test_a_secret_has_the_published_form(keys: KeyStore) -> None:
    secret = keys.create(ANNA)
    assert secret.startswith("ns_") and secret[11] == "_"
    assert len(secret) == len("ns_") + 8 + len("_") + 43 + 6
    assert len({keys.create(ANNA) for _ in range(20)}) == 20


def test_the_secret_is_nowhere_in_the_database(keys: KeyStore, engine: Engine) -> None:
    secret = keys.create(ANNA)
    with engine.connect() as connection:
        [row] = connection.execute(text("select * from api_keys")).all()
    assert secret[12:] not in repr(row)
    assert secret[3:11] in repr(row)


def test_every_single_changed_character_is_refused(keys: KeyStore) -> None:
    secret = keys.create(ANNA)
    for place, old in enumerate(secret):
        changed = secret[:place] + ("a" if old != "a" else "b") + secret[place + 1 :]
        assert keys.authenticate(changed) is None, changed


def test_a_typing_error_is_found_without_the_database() -> None:
    keys = KeyStore(create_engine("sqlite:////nowhere/at/all.db"))
    assert keys.authenticate("ns_abcdefgh_" + "x" * 43 + "000000") is None


def test_a_well_formed_secret_under_a_known_prefix_is_refused(keys: KeyStore, engine: Engine) -> None:
    secret = keys.create(ANNA)
    with engine.begin() as connection:
        connection.execute(text("update api_keys set sha256 = :other"), {"other": "f" * 64})
    assert keys.authenticate(secret) is None


@pytest.mark.parametrize(
    "secret", ["", "ns_", "sk-123", "ns_ä" * 20, "x" * 100_000, "\n", "\ud800", "ns_abcdefgh_" + "x" * 49 + "\n"]
)
def test_junk_is_refused(keys: KeyStore, secret: str) -> None:
    assert keys.authenticate(secret) is None


def test_a_revoked_key_is_refused_and_others_still_work(keys: KeyStore) -> None:
    revoked, other = keys.create(ANNA), keys.create(ANNA)
    assert keys.revoke(revoked[3:11]) is True
    assert keys.authenticate(revoked) is None
    assert keys.authenticate(other) == ANNA


def test_revoking_twice_or_nothing_says_so(keys: KeyStore) -> None:
    prefix = keys.create(ANNA)[3:11]
    keys.revoke(prefix)
    [info] = keys.list()
    assert keys.revoke(prefix) is False
    assert keys.revoke("nosuchid") is False
    assert keys.list() == [info]


def test_the_list_shows_all_keys_oldest_first_and_no_secret(keys: KeyStore) -> None:
    before = datetime.now(UTC)
    secrets = [keys.create(ANNA), keys.create(Principal())]
    keys.revoke(secrets[0][3:11])
    first, second = keys.list()
    assert [first.prefix, second.prefix] == [secret[3:11] for secret in secrets]
    assert first.principal == ANNA and second.principal == Principal()
    assert before <= first.created_at <= second.created_at <= datetime.now(UTC)
    assert first.revoked_at is not None and second.revoked_at is None
    assert not any(secret[12:] in repr(keys.list()) for secret in secrets)


def test_a_row_can_be_found_by_the_subject_it_belongs_to(keys: KeyStore, engine: Engine) -> None:
    keys.create(ANNA)
    with engine.connect() as connection:
        found = connection.execute(text("select subject_key from api_keys")).scalar_one()
    assert found == ANNA.subject_key
    assert ApiKeyRow.__tablename__ == "api_keys"


def test_a_tenant_lists_and_revokes_its_own_keys_only(keys: KeyStore) -> None:
    own, other = keys.create(ANNA), keys.create(Principal(tenant="elsewhere"))
    assert [info.prefix for info in keys.list("acme")] == [own[3:11]]
    assert keys.revoke(other[3:11], "acme") is False and keys.authenticate(other) is not None
    assert keys.revoke(own[3:11], "acme") is True and keys.authenticate(own) is None
