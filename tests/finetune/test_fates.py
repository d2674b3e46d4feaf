"""What a day's writes have come to, and what that means for its conversations."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, update

from agents.home import Home
from agents.learned import YOUNG
from core.settings import Settings
from core.types.effect import Effect
from core.types.message import Message, ToolCall
from core.types.release import Release
from core.types.trace import CORRECTION, THREAD, Trace
from finetune.curate.stood import stood
from finetune.fates import fates_of, flagged
from finetune.harvest import harvest
from finetune.signal import new_signal
from tools.ledger import LedgerRow, derived_key


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(Settings(home=tmp_path / "home", artefacts=tmp_path / "artefacts"))
    yield home
    home.database.dispose()


def write(home: Home, thread: str, call: str, days: float = 0.0) -> str:
    """A write done some days ago; its key."""
    key = derived_key(thread, call, "create_ticket", {"subject": "x"})
    home.ledger.begin(key, "create_ticket", {"subject": "x"}, home.principal, "sandbox")
    home.ledger.finish(key, "done", Effect(tool="create_ticket", result={"ticket": f"T-{thread}"}))
    with Session(home.database) as session:
        session.exec(update(LedgerRow).where(LedgerRow.key == key).values(created_at=datetime.now(UTC) - timedelta(days=days)))
        session.commit()
    return key


def said(thread: str, *calls: str, source: str = "") -> Trace:
    """A conversation with these calls, one a turn."""
    messages = [] if calls else [Message(role="user", content=thread)]
    for call in calls:
        messages.append(Message(role="user", content=f"a ticket for {thread} {call}"))
        messages.append(
            Message(role="assistant", tool_calls=(ToolCall(name="create_ticket", arguments={"subject": "x"}, id=call),))
        )
        messages.append(Message(role="tool", content="{}", tool_call_id=call))
    return Trace(toolset="desk", messages=tuple(messages), outcome="done", source=source or THREAD + thread)


def test_a_young_write_does_not_teach_yet_and_an_old_one_does(home: Home) -> None:
    write(home, "new", "t1s1c1", days=6)
    write(home, "old", "t1s1c1", days=8)
    traces = [said("new", "t1s1c1"), said("old", "t1s1c1")]
    assert fates_of(home, traces) == {traces[0].id: YOUNG}


def test_nothing_waits_where_nothing_is_to_mature(tmp_path: Path) -> None:
    home = Home(Settings(home=tmp_path, artefacts=tmp_path / "artefacts", mature_days=0))
    write(home, "new", "t1s1c1")
    assert fates_of(home, [said("new", "t1s1c1")]) == {}


def test_what_was_undone_never_teaches_but_what_was_said_before_it_does(home: Home) -> None:
    write(home, "a", "t1s1c1", days=30)
    home.ledger.finish(write(home, "a", "t2s1c1", days=30), "undone")
    first, both = said("a", "t1s1c1"), said("a", "t1s1c1", "t2s1c1")
    fates = fates_of(home, [first, both])
    assert fates == {both.id: "create_ticket was undone later"}
    kept, dropped, _ = stood(harvest([first, both]), fates)
    assert [example.trace_id for example in kept] == [first.id] and dropped == fates


def test_a_reversal_is_told_before_youth(home: Home) -> None:
    home.ledger.finish(write(home, "a", "t1s1c1"), "undone")
    write(home, "a", "t2s1c1")
    both = said("a", "t2s1c1", "t1s1c1")
    assert fates_of(home, [both]) == {both.id: "create_ticket was undone later"}


def test_what_a_person_put_right_before_it_was_written_shares_the_fate_of_the_write(home: Home) -> None:
    home.ledger.finish(write(home, "a", "t1s1c1", days=30), "undone")
    edited = said("a", "t1s1c1").model_copy(update={"judged": "edited"})
    later = said("b", "t1s1c1").model_copy(update={"accepted": False})
    right, also = said("x", source=CORRECTION + edited.id), said("y", source=CORRECTION + later.id)
    fates = fates_of(home, [right, also, edited, later])
    assert fates == dict.fromkeys((edited.id, right.id), "create_ticket was undone later")


def test_youth_is_judged_by_the_day_a_night_began(home: Home) -> None:
    write(home, "a", "t1s1c1", days=6)
    traces, today = [said("a", "t1s1c1")], datetime.now(UTC).date()
    assert fates_of(home, traces, today) and not fates_of(home, traces, today + timedelta(days=1))


def test_a_correction_and_what_was_imported_wait_for_nothing(home: Home) -> None:
    write(home, "a", "t1s1c1")
    assert fates_of(home, [said("a", "t1s1c1", source=CORRECTION + "x"), said("a", "t1s1c1", source="import")]) == {}


def test_a_release_that_learned_what_was_taken_back_since_is_flagged(home: Home) -> None:
    key = write(home, "a", "t1s1c1", days=30)
    trace = said("a", "t1s1c1")
    home.traces.add([trace])
    home.releases.add(
        Release(
            id="r-1", toolset="desk", toolset_version="1", schema_hashes={}, base="small", format_hash="f", dataset="d", seed=0,
            status="passed",
        )
    )  # fmt: skip
    home.releases.path("r-1").mkdir(parents=True)
    (home.releases.path("r-1") / "dataset.json").write_text(f'{{"rows": {{"writer": [{{"trace": "{trace.id}"}}]}}}}')
    assert flagged(home, "desk") == {}
    home.ledger.finish(key, "undone")
    assert flagged(home, "desk") == {"r-1": [trace.id]}


def test_a_young_write_is_no_signal_until_it_has_stood(home: Home) -> None:
    write(home, "a", "t1s1c1", days=1)
    home.traces.add([said("a", "t1s1c1")])
    assert new_signal(home, "desk") == 0
    with Session(home.database) as session:
        session.exec(update(LedgerRow).values(created_at=datetime.now(UTC) - timedelta(days=7)))
        session.commit()
    assert new_signal(home, "desk") == 1
