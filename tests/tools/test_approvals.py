"""Approvals: a token opens the way for the very write that was shown, once, and for no other."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from write_path import ADA, BEA, Place, Till

import tools.approvals
from core.errors import ApprovalNeeded, Denied, NightschoolError
from core.types.effect import Change
from core.types.principal import Principal
from tools.approvals import diff_hash

_TAMPERS, _ALL_TAMPERS = 600, 10_000
_CLICKS, _ALL_CLICKS = 50, 500
_CEM = Principal(person="cem", role="controlling")
_IGNORED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def _asked(place: Place, key: str = "k", amount: int = 5) -> str:
    with pytest.raises(ApprovalNeeded) as told:
        place.executor.execute("burn", {"amount": amount}, ADA, key)
    return told.value.request


def _with_claim(token: str, name: str, value: Any) -> str:
    """The token with another claim, as somebody without the key would write it."""
    coded, key, mac = token.split(".")
    claims = {**json.loads(base64.urlsafe_b64decode(coded)), name: value}
    return ".".join((base64.urlsafe_b64encode(json.dumps(claims).encode()).decode(), key, mac))


_CLAIMS = st.sampled_from(["id", "tenant", "key", "request", "schema_hash", "diff", "approver", "role", "expires"])
_FORGED: st.SearchStrategy[Callable[[str], str]] = st.one_of(
    st.tuples(_CLAIMS, st.text(max_size=12)).map(lambda claim: lambda token: _with_claim(token, *claim)),
    st.tuples(st.integers(0, 900), st.characters()).map(
        lambda edit: lambda token: token[: edit[0] % len(token)] + edit[1] + token[edit[0] % len(token) + 1 :]
    ),
    st.integers(0, 900).map(lambda end: lambda token: token[: end % len(token)]),
    st.text(max_size=60).map(lambda text: lambda token: text),
    st.text(min_size=1, max_size=9).map(lambda text: lambda token: token + text),
)
_OTHER_CALLS = st.one_of(
    st.tuples(st.just("burn"), st.integers(0, 10**6).filter(lambda n: n != 5).map(lambda n: {"amount": n}), st.just("k")),
    st.tuples(st.just("burn"), st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), min_size=1), st.just("k")),
    st.tuples(st.just("burn"), st.just({"amount": 5}), st.text(min_size=1, max_size=8).filter(lambda key: key != "k")),
    st.tuples(st.just("put"), st.just({"amount": 5}), st.just("k")),
)


@pytest.mark.parametrize("count", [_TAMPERS, pytest.param(_ALL_TAMPERS, marks=pytest.mark.slow)])
def test_no_tampering_opens_the_way(place: Place, till: Till, count: int) -> None:
    token, tried = place.executor.approve(_asked(place), BEA), [0]

    @settings(max_examples=count, deadline=None, suppress_health_check=_IGNORED, database=None)
    @given(st.one_of(_FORGED.map(lambda forge: (forge, None)), _OTHER_CALLS.map(lambda call: (None, call))))
    def tamper(tampered: Any) -> None:
        forge, call = tampered
        used = forge(token) if forge is not None else token
        if used == token and call is None:
            return
        tried[0] += 1
        tool, arguments, key = call or ("burn", {"amount": 5}, "k")
        with pytest.raises(NightschoolError):
            place.executor.execute(tool, arguments, ADA, key, used)
        assert till.acts == 0

    tamper()
    print(f"{tried[0]} tamperings with an approval: 0 executed")
    assert till.acts == 0 and place.ledger.newest() == []
    place.executor.execute("burn", {"amount": 5}, ADA, "k", token)
    assert till.acts == 1


def test_an_old_token_a_new_schema_or_another_diff_do_not(place: Place, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    token = place.executor.approve(_asked(place), BEA)
    till.schema = "s2"
    with pytest.raises(Denied, match="has changed since it was approved"):
        place.executor.execute("burn", {"amount": 5}, ADA, "k", token)
    till.schema = "s1"
    propose = till.propose
    before = {"amount": 7}
    monkeypatch.setattr(
        till,
        "propose",
        lambda *call: (found := propose(*call)).model_copy(
            update={"changes": tuple(change.model_copy(update={"before": before}) for change in found.changes)}
        ),
    )
    with pytest.raises(Denied, match="would change something else"):
        place.executor.execute("burn", {"amount": 5}, ADA, "k", token)
    monkeypatch.setattr(till, "propose", propose)
    monkeypatch.setattr(tools.approvals, "LASTS", timedelta(seconds=-1))
    late = place.executor.approve(_asked(place, "late"), BEA)
    with pytest.raises(Denied, match="has expired"):
        place.executor.execute("burn", {"amount": 5}, ADA, "late", late)
    assert till.acts == 0 and datetime.now(UTC).year >= 2026


def test_another_tenants_token_does_not(place: Place, tmp_path: Path, till: Till) -> None:
    token = place.executor.approve(_asked(place), BEA)
    place.approvals._tenant = "other"
    with pytest.raises(Denied, match="another tenant's"):
        place.executor.execute("burn", {"amount": 5}, ADA, "k", token)


def test_a_token_is_spent_once(place: Place, till: Till) -> None:
    token = place.executor.approve(_asked(place), BEA)
    place.executor.execute("burn", {"amount": 5}, ADA, "k", token)
    place.executor.execute("burn", {"amount": 5}, ADA, "k", token)  # the same write again: what it brought
    assert till.acts == 1
    with pytest.raises(NightschoolError):
        place.ledger.begin("k2", "burn", {"amount": 5}, ADA, "till", place.ledger.get("k").approval)  # type: ignore[union-attr]


@pytest.mark.parametrize("clicks", [_CLICKS, pytest.param(_ALL_CLICKS, marks=pytest.mark.slow)])
def test_double_clicks_have_one_effect_each(place: Place, till: Till, clicks: int) -> None:
    requests = [(f"k{number}", _asked(place, f"k{number}", number)) for number in range(clicks)]

    def click(key: str, request: str, number: int) -> None:
        token = place.executor.approve(request, BEA)
        place.executor.execute("burn", {"amount": number}, ADA, key, token)

    for number, (key, request) in enumerate(requests):
        both = [threading.Thread(target=click, args=(key, request, number)) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
    print(f"{clicks} double clicks: {till.acts} effects")
    assert till.acts == clicks and place.approvals.waiting() == []


def test_who_lets_through_again_stands_in_the_audit_too(place: Place, till: Till) -> None:
    identity = _asked(place)
    for person in (BEA, _CEM, BEA):
        place.executor.approve(identity, person)
    rows = [row for row in place.audit.rows() if row.event.startswith("approved")]
    assert [(row.event, row.subject_key) for row in rows] == [
        ("approved", BEA.subject_key),
        ("approved again", _CEM.subject_key),
    ]
    assert place.executor.approvals.get(identity).decided_by == BEA.person and place.audit.verify() == []


def test_the_same_question_is_asked_once(place: Place) -> None:
    assert _asked(place) == _asked(place) and len(place.approvals.waiting()) == 1


def test_a_diff_is_the_same_whatever_number_a_new_record_gets_and_not_whatever_is_in_it() -> None:
    def made(number: str, amount: int) -> tuple[Change, ...]:
        return (
            Change(table="invoice", key={"number": number}, before=None, after={"number": number, "net": amount}),
            Change(table="line", key={"invoice": number, "position": 1}, before=None, after={"invoice": number, "net": amount}),
            Change(table="order", key={"number": "SO-1"}, before={"state": "open"}, after={"state": "billed"}),
        )

    assert diff_hash(made("INV-7", 5)) == diff_hash(made("INV-8", 5)) != diff_hash(made("INV-7", 6))
