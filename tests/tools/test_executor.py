"""The write path: one ledger row for every write, one effect for every key, and no doubt left after a crash."""

import threading
from contextlib import suppress

import pytest
from sqlalchemy import text
from write_path import ADA, BEA, EVE, Place, Till

from core.errors import ApprovalNeeded, ContactLost, Denied, NotFound, OutcomeUnknown, StoreError, ToolError
from core.types.effect import Effect
from tools.executor import Call
from tools.ledger import derived_key

_TWINS, _KEYS, _ALL_KEYS = 20, 50, 1_000


def _states(place: Place) -> list[str]:
    return [entry.state for entry in place.ledger.newest()]


def _abandon(place: Place) -> None:
    """As if the process that carries out what is pending had died."""
    with place.engine.begin() as connection:
        connection.execute(text("UPDATE ledger SET owner = 'elsewhere:1:1', lease_until = '2020-01-01'"))


def test_a_read_leaves_no_row(place: Place) -> None:
    place.executor.execute("look", {}, ADA, "k")
    assert place.ledger.newest() == [] and place.audit.rows() == []


def test_a_write_is_done_once_for_each_key(place: Place, till: Till) -> None:
    first = place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert place.executor.execute("put", {"amount": 5}, ADA, "k") == first
    assert [(entry.key, entry.state, entry.principal.person) for entry in place.ledger.newest()] == [("k", "done", "ada")]
    with pytest.raises(StoreError, match="stands for another request"):
        place.executor.execute("put", {"amount": 6}, ADA, "k")
    assert till.acts == 1 and [row.event for row in place.audit.rows()] == ["pending", "done"]


def test_what_breaks_a_rule_is_refused_before_it_is_entered(place: Place) -> None:
    with pytest.raises(ToolError, match="negative"):
        place.executor.execute("put", {"amount": -5}, ADA, "k")
    assert place.ledger.newest() == []


@pytest.mark.parametrize(("dies", "state"), [("before", "failed"), ("after", "done")])
def test_after_a_crash_the_system_is_asked_by_key(place: Place, till: Till, dies: str, state: str) -> None:
    till.dies = dies
    with pytest.raises(KeyboardInterrupt):
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert _states(place) == ["pending"] and place.executor.reconcile() == []  # this very process is alive
    till.dies = ""
    _abandon(place)
    assert [(entry.key, entry.state) for entry in place.executor.reconcile()] == [("k", state)]
    place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert till.acts == 1 and _states(place) == ["done"] and place.ledger.faults() == [] and place.audit.verify() == []


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_write_that_was_abandoned_is_taken_over_by_the_next_who_asks(place: Place, till: Till, dies: str) -> None:
    till.dies = dies
    with pytest.raises(KeyboardInterrupt):
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    till.dies = ""
    _abandon(place)
    assert place.executor.execute("put", {"amount": 5}, ADA, "k").result["amount"] == 5
    assert till.acts == 1 and _states(place) == ["done"]


@pytest.mark.parametrize(("dies", "acts"), [("lost before", 0), ("lost after", 1)])
def test_where_contact_is_lost_the_key_decides(place: Place, till: Till, dies: str, acts: int) -> None:
    till.dies = dies
    if acts:
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    else:
        with pytest.raises(ToolError, match="before the system did it"):
            place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert till.acts == acts and _states(place) == ["done" if acts else "failed"]


@pytest.mark.parametrize("mute", [True, False])
def test_what_the_system_cannot_say_stays_unknown_until_a_person_looks(place: Place, till: Till, mute: bool) -> None:
    till.dies, till.mute, till.is_conclusive = "lost after" if mute else "lost before", mute, False
    with pytest.raises(OutcomeUnknown, match="actions settle"):
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    till.dies, till.mute = "", False
    with pytest.raises(OutcomeUnknown):  # never tried again by itself
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert till.acts == mute and [entry.key for entry in place.ledger.unknown()] == ["k"] and place.executor.reconcile() == []
    with pytest.raises(Denied):
        place.executor.settle("k", done=True, by=EVE, note="I say so")
    assert place.executor.settle("k", done=mute, by=ADA, note="seen in the drawer").state == ("done" if mute else "failed")
    with pytest.raises(NotFound, match="is not unknown"):
        place.executor.settle("k", done=True, by=ADA, note="again")


@pytest.mark.parametrize("keys", [_KEYS, pytest.param(_ALL_KEYS, marks=pytest.mark.slow)])
def test_twins_at_the_same_time_have_one_effect(place: Place, till: Till, keys: int) -> None:
    place.lift_rates()
    start, effects, errors = threading.Barrier(_TWINS), [], []

    def twin() -> None:
        start.wait()
        for number in range(keys):
            try:
                effects.append(place.executor.execute("put", {"amount": number}, ADA, f"k{number}").result["amount"])
            except StoreError as error:
                errors.append(error.code)

    threads = [threading.Thread(target=twin) for _ in range(_TWINS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{keys} keys, {_TWINS} twins: {till.acts} effects, {len(effects)} answers, {len(errors)} told to wait")
    assert till.acts == keys and len(effects) == keys * _TWINS and errors == []
    assert place.audit.verify() == [] and place.ledger.faults() == []


def test_an_effect_that_cannot_be_looked_for_is_unknown_and_not_failed(
    place: Place, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mute(changes: object) -> bool:
        raise ContactLost("no answer")

    monkeypatch.setattr(till, "shows", mute)
    with pytest.raises(OutcomeUnknown, match="did not show it"):
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert till.acts == 1 and _states(place) == ["unknown"]


def test_a_twin_that_takes_too_long_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.executor.PATIENCE_S", 0.05)
    place.ledger.begin("k", "put", {"amount": 5}, ADA, "till")
    with pytest.raises(StoreError, match="is being carried out") as told:
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert told.value.code == "in_progress"


def test_a_write_can_be_taken_back_once(place: Place, till: Till) -> None:
    place.executor.execute("put", {"amount": 5}, ADA, "k")
    with pytest.raises(Denied):
        place.executor.undo("k", EVE)
    place.executor.undo("k", ADA)
    assert till.done == {}
    with pytest.raises(ToolError, match="was taken back"):
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    with pytest.raises(ToolError, match="is undone: only what is done"):
        place.executor.undo("k", ADA)
    with pytest.raises(NotFound, match="not in the ledger"):
        place.executor.undo("other", ADA)


def test_who_may_not_write_sees_not_even_what_it_would_do(place: Place, till: Till) -> None:
    for call in (place.executor.execute, lambda *args: place.executor.propose(*args[:3])):
        with pytest.raises(Denied, match="not allowed: viewer may not put"):
            call("put", {"amount": 5}, EVE, "k")
    assert till.acts == 0 and {row.event for row in place.audit.rows()} == {"denied"}


def test_fields_one_may_not_see_are_in_no_answer(place: Place) -> None:
    seen = place.executor.execute("look", {"amount": 3}, EVE, "k")
    assert seen.result == {"amount": 3, "rows": [{"label": "x"}]} and "DE" not in seen.model_dump_json()
    assert place.executor.execute("look", {"amount": 3}, ADA, "k").reply == "look DE1"


def test_a_destructive_call_needs_another_person(place: Place, till: Till) -> None:
    with pytest.raises(ApprovalNeeded, match="a second person decides") as told:
        place.executor.execute("burn", {"amount": 5}, ADA, "k")
    request = told.value.request
    for person, why in ((ADA, "needs a second person"), (EVE, "may not approve")):
        with pytest.raises(Denied, match=why):
            place.executor.approve(request, person)
    token = place.executor.approve(request, BEA)
    assert till.acts == 0
    place.executor.execute("burn", {"amount": 5}, ADA, "k", token)
    assert till.acts == 1 and place.ledger.get("k").approval is not None  # type: ignore[union-attr]  # it is there
    assert [row.event for row in place.audit.rows()] == ["waiting", "approved", "pending", "done"]


def test_what_was_rejected_stays_rejected(place: Place, till: Till) -> None:
    with pytest.raises(ApprovalNeeded) as told:
        place.executor.execute("burn", {"amount": 5}, ADA, "k")
    with pytest.raises(Denied):
        place.executor.reject(told.value.request, EVE, "no")
    assert place.executor.reject(told.value.request, BEA, "not today").reason == "not today"
    with pytest.raises(Denied, match="was rejected by bea"):
        place.executor.approve(told.value.request, BEA)
    assert till.acts == 0 and place.approvals.waiting() == []


def test_a_key_names_thread_call_and_arguments() -> None:
    key = derived_key("t", "t1s1c1", "put", {"amount": 5, "note": "x"})
    assert key == derived_key("t", "t1s1c1", "put", {"note": "x", "amount": 5})
    assert len({key, derived_key("u", "t1s1c1", "put", {"amount": 5}), derived_key("t", "t1s1c1", "put", {"amount": 6})}) == 3


def test_a_full_disk_stops_writes_and_no_reads(place: Place, till: Till) -> None:
    place.executor.execute("put", {"amount": 1}, ADA, "k0")
    with place.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        connection.commit()
        # The pool hands out this connection next.
    refused, unsaid = list[StoreError](), 0
    for number in range(200):
        try:
            place.executor.execute("put", {"amount": 2, "note": "x" * 500}, ADA, f"full{number}")
        except StoreError as error:
            refused.append(error)
        except OutcomeUnknown:  # entered before and not after: the disk was full between
            unsaid += 1
    done = sum(key.startswith("full") for key in till.done)
    assert len(refused) > 100 and unsaid <= 1 and done + len(refused) == 200
    assert all(error.code == "audit" and "nothing may be done" in str(error) for error in refused)
    assert place.executor.execute("look", {}, ADA, "r").tool == "look"


def test_an_anchor_that_cannot_be_written_stops_writes_and_no_reads(place: Place, till: Till) -> None:
    (place.folder / "audit.anchor").mkdir()
    with pytest.raises(StoreError, match="anchor cannot be written") as told:
        place.executor.execute("put", {"amount": 2}, ADA, "k")
    assert told.value.code == "audit" and till.acts == 0
    (place.folder / "audit.anchor").rmdir()
    assert place.executor.execute("put", {"amount": 2}, ADA, "k").tool == "put" and till.acts == 1
    assert place.executor.execute("look", {}, ADA, "r").tool == "look"


def test_rows_say_when_and_by_whom_they_are_held(place: Place) -> None:
    place.ledger.begin("k", "put", {"amount": 5}, ADA, "till")
    assert not place.ledger.take_over("k")
    _abandon(place)
    assert place.ledger.take_over("k") and not place.ledger.take_over("k")


def test_the_panic_switch_stops_undo_and_what_a_crash_left_open(place: Place, till: Till) -> None:
    place.executor.execute("put", {"amount": 5}, ADA, "k")
    till.dies = "before"
    with pytest.raises(KeyboardInterrupt):
        place.executor.execute("put", {"amount": 6}, ADA, "open")
    till.dies = ""
    _abandon(place)
    place.panic()
    with pytest.raises(Denied, match="panic"):
        place.executor.undo("k", ADA)
    with pytest.raises(Denied, match="panic"):
        place.executor.execute("put", {"amount": 6}, ADA, "open")
    assert till.acts == 1 and list(till.done) == ["k"]


def test_a_system_is_asked_about_its_own_writes_only(place: Place) -> None:
    place.ledger.begin("theirs", "put", {"amount": 5}, ADA, "another system")
    _abandon(place)
    assert place.executor.reconcile() == [] and _states(place) == ["pending"]
    with pytest.raises(NotFound):
        place.executor.undo("theirs", ADA)


def _approved(place: Place, key: str) -> str:
    request = place.executor.ask(Call(tool="burn", arguments={"amount": 5}, principal=ADA, key=key))
    return place.executor.approve(request.id, BEA)


def test_a_failed_write_is_tried_again_as_a_new_one(place: Place, till: Till) -> None:
    till.dies = "lost before"
    with pytest.raises(ToolError):
        place.executor.execute("burn", {"amount": 5}, ADA, "k", _approved(place, "k"))
    till.dies = ""
    place.executor.execute("burn", {"amount": 5}, ADA, "k", _approved(place, "k"))
    assert till.acts == 1 and place.ledger.faults() == [] and place.audit.verify() == []
    assert [row.event for row in place.audit.rows()] == ["waiting", "approved", "pending", "failed", "pending", "done"]


def test_a_write_begun_again_is_as_the_audit_sees_it(place: Place) -> None:
    place.ledger.begin("k", "put", {"amount": 5}, ADA, "till")
    place.ledger.finish("k", "failed", Effect(tool="put", result={"amount": 5}), "looked: it is not there")
    place.ledger.begin("k", "put", {"amount": 5}, ADA, "till")
    assert place.ledger.faults() == [] and place.audit.verify() == []


def test_somebody_elses_key_is_refused(place: Place) -> None:
    place.executor.execute("put", {"amount": 5}, ADA, "k")
    other = ADA.model_copy(update={"person": "carl"})
    with pytest.raises(StoreError, match="somebody else's") as told:
        place.executor.execute("put", {"amount": 5}, other, "k")
    assert told.value.code == "key_mismatch"


def test_done_and_not_entered_is_unknown_to_who_asks(place: Place, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise StoreError("disk full", code="audit")

    with monkeypatch.context() as full:
        full.setattr(place.ledger, "finish", fails)
        with pytest.raises(OutcomeUnknown, match="carried out, and not entered"):
            place.executor.execute("put", {"amount": 5}, ADA, "k")
    _abandon(place)
    assert [entry.state for entry in place.executor.reconcile()] == ["done"] and till.acts == 1


@pytest.mark.parametrize("pending", [False, True])
def test_a_key_is_of_one_business_system(place: Place, till: Till, pending: bool) -> None:
    till.dies = "before" if pending else ""
    with suppress(KeyboardInterrupt):
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    _abandon(place)
    till.dies, till.system, acts = "", "another till", till.acts
    with pytest.raises(StoreError, match="stands for a write to till") as told:
        place.executor.execute("put", {"amount": 5}, ADA, "k")
    assert told.value.code == "key_mismatch" and till.acts == acts
    assert _states(place) == ["pending" if pending else "done"], "another system cannot say what became of it"


def test_a_failed_write_is_not_taken_over_by_another_business_system(place: Place) -> None:
    place.ledger.begin("k", "put", {"amount": 5}, ADA, "till")
    place.ledger.finish("k", "failed")
    assert place.ledger.begin("k", "put", {"amount": 5}, ADA, "another till") is None and _states(place) == ["failed"]
