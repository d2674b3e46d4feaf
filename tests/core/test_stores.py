"""Stores on a real, migrated SQLite file."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel, select

import core.jobs
import core.keys
import evals.golden_proposals  # noqa: F401 - as do these
import finetune.audit_sample  # noqa: F401
import tools.ledger
import tools.migration_store  # noqa: F401
from core.database import open_database
from core.errors import NotFound, StoreError
from core.jobs import JobRow, JobStore
from core.owner import is_gone, this_owner
from core.releases import ReleaseStore
from core.settings import Settings
from core.traces import TraceStore
from core.types.message import Message, ToolCall
from core.types.principal import Principal
from core.types.release import Release
from core.types.tool import read_toolset
from core.types.trace import CORRECTION, TEACHER, THREAD, Trace
from tools.registry import Registry

ANNA = Principal(person="anna")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(Settings(home=tmp_path / "home"))
    yield engine
    engine.dispose()


def trace(content: str, tenant: str = "default", toolset: str = "erp") -> Trace:
    return Trace(toolset=toolset, messages=(Message(role="user", content=content),), principal=Principal(tenant=tenant))


def release(name: str, toolset: str = "erp") -> Release:
    return Release(
        id=name,
        toolset=toolset,
        toolset_version="v",
        schema_hashes={},
        base="b",
        format_hash="f",
        dataset="d",
        seed=0,
        status="passed",
    )


# database


def test_the_migrated_schema_is_the_one_the_tables_declare(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_home_named_from_where_one_stands_is_the_same_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NIGHTSCHOOL_HOME", "home")
    settings = Settings(artefacts=Path("models"), tryton=Path("tryton"))
    assert settings.home == tmp_path / "home"
    assert (settings.artefact_folder, settings.tryton_folder) == (tmp_path / "models", tmp_path / "tryton")


def test_opening_a_database_again_keeps_what_is_in_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for expected in (1, 0):
        engine = open_database(settings)
        assert TraceStore(engine, "default").add([trace("a")]) == expected
        engine.dispose()


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "nightschool.sqlite").write_text("this is not a database, " * 100)
    with pytest.raises(StoreError, match=r"nightschool\.sqlite"):
        open_database(Settings(home=tmp_path))


# traces


def test_adding_the_same_traces_twice_adds_nothing(engine: Engine) -> None:
    store = TraceStore(engine, "default")
    assert store.add([trace("a"), trace("b"), trace("a")]) == 2
    assert store.add([trace("b"), trace("a")]) == 0
    assert [found.messages[0].content for found in store.all("erp")] == ["a", "b"]


def test_a_stored_trace_comes_back_equal(engine: Engine) -> None:
    call = ToolCall(name="move", arguments={"qty": 2.5, "to": "Köln <|im_end|>", "lines": [{"a": 1}]}, id="call_1")
    whole = Trace(
        toolset="erp",
        messages=(Message(role="user", content="x"), Message(role="assistant", tool_calls=(call,))),
        outcome="calls",
        shape="s",
        schema_hashes={"move": "0"},
    )
    store = TraceStore(engine, "default")
    store.add([whole])
    assert list(store.all("erp")) == [whole]
    assert store.get(whole.id) == whole


def test_the_same_conversation_is_new_where_there_is_more_reason_to_believe_it(engine: Engine) -> None:
    store, said = TraceStore(engine, "default"), trace("a")
    by_standing = [
        said.model_copy(update={"source": TEACHER + "big"}), said.model_copy(update={"source": THREAD + "1", "accepted": False}),
        said, said.model_copy(update={"source": CORRECTION + "b"}),
    ]  # fmt: skip
    for number, one in enumerate(by_standing):
        assert store.add([one]) == 1 and store.add([by_standing[max(0, number - 1)]]) == 0
        (kept,) = store.all("erp")
        assert (kept.source, kept.accepted) == (one.source, one.accepted)


def test_call_ids_and_dates_do_not_make_another_trace() -> None:
    def called(identity: str | None) -> Trace:
        call = ToolCall(name="move", arguments={}, id=identity)
        return Trace(toolset="erp", messages=(Message(role="assistant", tool_calls=(call,)),), outcome="calls")

    assert called("call_1").id == called("x").id == called(None).id
    assert called(None).id != called(None).model_copy(update={"outcome": None}).id


def test_tenants_see_their_own_traces_only(engine: Engine) -> None:
    mine, theirs = TraceStore(engine, "mine"), TraceStore(engine, "theirs")
    assert mine.add([trace("same", "mine")]) == 1
    assert theirs.add([trace("same", "theirs"), trace("other", "theirs")]) == 2
    assert (mine.count(), theirs.count()) == (1, 2)
    with pytest.raises(NotFound):
        mine.get(trace("same", "theirs").id)
    assert {found.principal.tenant for found in mine.page()} == {"mine"}


def test_a_trace_of_another_tenant_is_refused_and_nothing_of_its_batch_is_kept(engine: Engine) -> None:
    store = TraceStore(engine, "mine")
    with pytest.raises(StoreError, match="'theirs'"):
        store.add([trace("a", "mine"), trace("b", "theirs")])
    assert store.count() == 0


def test_pages_and_counts_are_by_toolset_and_in_order(engine: Engine) -> None:
    store = TraceStore(engine, "default")
    store.add([*(trace(str(number)) for number in range(7)), trace("x", toolset="iot")])
    assert [t.messages[0].content for t in store.page("erp", limit=3, offset=2)] == ["2", "3", "4"]
    assert (store.count("erp"), store.count("iot"), store.count("none"), store.count()) == (7, 1, 0, 8)


def test_a_trace_newer_than_this_code_is_refused(engine: Engine) -> None:
    store = TraceStore(engine, "default")
    newer = trace("a").model_copy(update={"schema_version": 99})
    store.add([newer])
    with pytest.raises(StoreError, match="schema version 99"):
        list(store.all("erp"))
    with pytest.raises(StoreError, match="upgrade"):
        store.get(newer.id)


# toolsets


def test_every_version_of_a_toolset_is_kept_and_the_last_added_is_current(engine: Engine) -> None:
    registry = Registry(engine, "default")
    first = read_toolset("erp", [{"name": "a"}])
    second = read_toolset("erp", [{"name": "a"}, {"name": "b"}])
    assert [registry.add(t) for t in (first, first, second, second, first)] == [True, False, True, False, True]
    assert registry.get("erp") == first
    assert registry.all() == [first]
    with pytest.raises(NotFound, match="toolset add"):
        Registry(engine, "other").get("erp")


# releases


@pytest.fixture
def releases(engine: Engine, tmp_path: Path) -> ReleaseStore:
    store = ReleaseStore(engine, "default", tmp_path / "releases")
    for name in ("r-1", "r-2", "r-3"):
        store.add(release(name))
    return store


def test_there_is_no_champion_before_a_promotion(releases: ReleaseStore) -> None:
    with pytest.raises(NotFound, match="nightschool night erp"):
        releases.champion("erp")


def test_the_last_promoted_release_is_champion_and_history_is_kept(releases: ReleaseStore) -> None:
    for name in ("r-1", "r-2", "r-2"):
        releases.promote(name, ANNA, "person")
    assert releases.champion("erp").id == "r-2"
    assert releases.history("erp") == ["r-1", "r-2"]


def test_rollback_brings_the_champion_before_back(releases: ReleaseStore) -> None:
    for name in ("r-1", "r-2"):
        releases.promote(name, ANNA, "gate")
    assert releases.rollback("erp", ANNA).id == "r-1"
    assert releases.champion("erp").id == "r-1"
    assert releases.history("erp") == ["r-1", "r-2", "r-1"]


def test_repeated_rollbacks_go_back_one_champion_each_and_then_end(releases: ReleaseStore) -> None:
    for name in ("r-1", "r-2", "r-3"):
        releases.promote(name, ANNA, "gate")
    assert [releases.rollback("erp", ANNA).id for _ in range(2)] == ["r-2", "r-1"]
    with pytest.raises(NotFound, match="no earlier champion"):
        releases.rollback("erp", ANNA)
    assert releases.champion("erp").id == "r-1"


def test_a_release_somebody_went_back_from_is_known_until_it_is_promoted_again(releases: ReleaseStore) -> None:
    for name in ("r-1", "r-2"):
        releases.promote(name, ANNA, "gate")
    assert not releases.was_rolled_back("erp", "r-2")
    releases.rollback("erp", ANNA)
    assert releases.was_rolled_back("erp", "r-2") and not releases.was_rolled_back("erp", "r-1")
    releases.promote("r-2", ANNA, "a person")
    assert not releases.was_rolled_back("erp", "r-2")


def test_what_was_rolled_back_is_not_gone_back_to(releases: ReleaseStore) -> None:
    for name in ("r-1", "r-2"):
        releases.promote(name, ANNA, "gate")
    releases.rollback("erp", ANNA)
    releases.promote("r-3", ANNA, "gate")
    assert releases.rollback("erp", ANNA).id == "r-1"
    releases.promote("r-2", ANNA, "person")
    assert releases.rollback("erp", ANNA).id == "r-1", "a person may promote it again, and it may be rolled back again"


def test_a_release_newer_than_this_code_is_refused(releases: ReleaseStore) -> None:
    releases.add(release("r-new").model_copy(update={"schema_version": 99}))
    with pytest.raises(StoreError, match="'r-new' has schema version 99, this code reads 1: upgrade"):
        releases.get("r-new")
    with pytest.raises(StoreError, match="r-new"):
        releases.all("erp")


def test_rollback_without_an_earlier_champion_says_so(releases: ReleaseStore) -> None:
    for name in (None, "r-1"):
        if name:
            releases.promote(name, ANNA, "gate")
        with pytest.raises(NotFound, match="no earlier champion"):
            releases.rollback("erp", ANNA)


def test_a_release_that_is_not_there_cannot_be_promoted(releases: ReleaseStore, engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="r-9"):
        releases.promote("r-9", ANNA, "person")
    with pytest.raises(NotFound, match="r-1"):
        ReleaseStore(engine, "other", tmp_path).promote("r-1", ANNA, "person")


def test_registering_a_release_twice_changes_nothing(releases: ReleaseStore) -> None:
    releases.add(release("r-1").model_copy(update={"status": "refused"}))
    assert [(found.id, found.status) for found in releases.all("erp")] == [(f"r-{n}", "passed") for n in (1, 2, 3)]


def test_champions_of_two_toolsets_are_apart(releases: ReleaseStore) -> None:
    releases.add(release("r-iot", "iot"))
    releases.promote("r-1", ANNA, "gate")
    releases.promote("r-iot", ANNA, "gate")
    assert (releases.champion("erp").id, releases.champion("iot").id) == ("r-1", "r-iot")


# jobs


def job(engine: Engine) -> JobRow:
    with Session(engine) as session:
        return session.exec(select(JobRow)).one()


def place(engine: Engine, owner: str, lease_s: float) -> None:
    now = datetime.now(UTC)
    with Session(engine) as session:
        session.add(
            JobRow(
                tenant="default", subject_key="s", kind="night", key="erp", state="running", attempt=1, owner=owner,
                lease_until=now + timedelta(seconds=lease_s), created_at=now,
            )
        )  # fmt: skip
        session.commit()


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_second_holder_is_refused_while_the_first_works(engine: Engine) -> None:
    store = JobStore(engine, "default")
    refused: list[BaseException] = []

    def second() -> None:
        try:
            with store.hold("night", "erp", ANNA):
                pass
        except StoreError as error:
            refused.append(error)

    with store.hold("night", "erp", ANNA):
        worker = threading.Thread(target=second)
        worker.start()
        worker.join()
        with pytest.raises(StoreError, match="being worked on"), store.hold("night", "erp", ANNA):
            pass
        with store.hold("night", "iot", ANNA), JobStore(engine, "other").hold("night", "erp", ANNA):
            pass
    assert [error.code for error in refused] == ["busy"]  # type: ignore[attr-defined]  # StoreErrors all


def test_finished_and_failed_work_can_be_done_again(engine: Engine) -> None:
    store = JobStore(engine, "default")
    with pytest.raises(ZeroDivisionError), store.hold("night", "erp", ANNA):
        raise ZeroDivisionError("by night")
    failed = job(engine)
    assert (failed.state, failed.attempt, failed.lease_until) == ("failed", 1, None)
    assert "by night" in failed.detail
    with store.hold("night", "erp", ANNA):
        assert (job(engine).state, job(engine).attempt) == ("running", 2)
    assert (job(engine).state, job(engine).detail) == ("done", "")


@pytest.mark.parametrize(
    ("owner", "lease_s", "taken"),
    [
        ("dead", 3600.0, True),
        ("elsewhere:1:1", -1.0, True),
        ("elsewhere:1:1", 3600.0, False),
        ("alive", 3600.0, False),
        ("alive", -1.0, True),
    ],
)
def test_a_lease_is_taken_over_when_its_holder_is_dead_or_its_time_is_out(
    engine: Engine, owner: str, lease_s: float, taken: bool
) -> None:
    process = {"dead": dead_process, "alive": os.getpid}.get(owner)
    place(engine, f"{socket.gethostname()}:{process()}:1" if process else owner, lease_s)
    store = JobStore(engine, "default")
    if taken:
        with store.hold("night", "erp", ANNA):
            assert job(engine).attempt == 2
    else:
        with pytest.raises(StoreError, match="being worked on"), store.hold("night", "erp", ANNA):
            pass
        assert job(engine).attempt == 1


def test_who_lost_the_lease_does_not_end_the_work_of_who_took_it(engine: Engine) -> None:
    with JobStore(engine, "default").hold("night", "erp", ANNA), engine.begin() as connection:
        connection.execute(text("update jobs set owner = 'elsewhere:1:1'"))
    assert job(engine).state == "running"


def test_a_database_away_for_a_moment_does_not_cost_the_lease(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.jobs, "_BEAT_S", 0.02)
    monkeypatch.setattr(core.jobs, "LEASE_S", 0.4)
    beats: list[int] = []

    class Away(Session):
        def commit(self) -> None:
            if threading.current_thread() is not threading.main_thread():
                beats.append(1)
                if len(beats) < 4:
                    raise OperationalError("commit", {}, Exception("database is locked"))
            super().commit()

    monkeypatch.setattr(core.jobs, "Session", Away)
    with JobStore(engine, "default").hold("night", "erp", ANNA):
        time.sleep(1.0)
        with pytest.raises(StoreError, match="is being worked on"), JobStore(engine, "default").hold("night", "erp", ANNA):
            pass
    assert len(beats) > 4


# a new database, and one whose opening was cut short

_OPENING = """
import os, sys
from pathlib import Path
import alembic.op
from core.database import open_database
from core.settings import Settings
home, dies_at = Path(sys.argv[1]), sys.argv[2]
if dies_at:
    setattr(alembic.op, dies_at, lambda *_, **__: os._exit(9))
open_database(Settings(home=home)).dispose()
"""


def _opening(home: Path, dies_at: str = "") -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _OPENING, str(home), dies_at]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("dies_at", ["batch_alter_table", "add_column"])
def test_a_home_whose_migration_was_killed_is_opened_by_the_next(tmp_path: Path, dies_at: str) -> None:
    killed = _opening(tmp_path, dies_at)
    killed.communicate()
    assert killed.returncode == 9
    engine = open_database(Settings(home=tmp_path))
    assert TraceStore(engine, "default").add([trace("a")]) == 1
    engine.dispose()


def test_several_processes_may_open_a_new_home_at_once(tmp_path: Path) -> None:
    for round_ in range(3):
        openings = [_opening(tmp_path / str(round_)) for _ in range(4)]
        said = [one.communicate()[1] for one in openings]
        assert [one.returncode for one in openings] == [0] * 4, said


def test_a_database_that_is_up_to_date_is_opened_while_another_writes(tmp_path: Path) -> None:
    first = open_database(Settings(home=tmp_path))
    with first.connect() as writing:
        writing.exec_driver_sql("BEGIN IMMEDIATE")
        begun = time.monotonic()
        open_database(Settings(home=tmp_path)).dispose()
        assert time.monotonic() - begun < 5
    first.dispose()


# owners


def test_a_process_is_known_by_when_it_began_too() -> None:
    owner = this_owner()
    host, process, thread, began = owner.split(":")
    assert not is_gone(owner) and not is_gone(f"{host}:{process}:{thread}"), "what was stored without it is read as before"
    assert is_gone(f"{host}:{dead_process()}:{thread}:{began}")
    assert not is_gone(f"elsewhere:{process}:{thread}:1")
    if began:  # where the system says so
        assert is_gone(f"{host}:{process}:{thread}:{int(began) - 1}"), "another process has its number by now"
