"""The session of a process that died is ended: what it still had waiting is turned away."""

import multiprocessing
from pathlib import Path

import pytest

from core.errors import Denied
from core.settings import installed_tryton
from tools.erp.tryton.installation import Installation
from tools.erp.tryton.rpc import Rpc
from tools.erp.tryton.server import Server
from tools.erp.tryton.sessions import Sessions

_TRYTON = Installation(installed_tryton())


def _note(folder: Path, session: str) -> None:
    Sessions(folder).note(session)


def test_only_sessions_of_processes_that_are_gone_are_told_and_once(tmp_path: Path) -> None:
    Sessions(tmp_path).note("mine")
    process = multiprocessing.get_context("spawn").Process(target=_note, args=(tmp_path, "theirs"))
    process.start()
    process.join()
    (tmp_path / "half.json").write_text('{"owner"')
    assert list(Sessions(tmp_path).dead()) == ["theirs"] and list(Sessions(tmp_path).dead()) == []
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.glob("*.json") if file.name != "half.json")
    assert list(Sessions(tmp_path / "none").dead()) == []


@pytest.mark.skipif(not _TRYTON.is_prepared, reason="no Tryton: `make tryton`")
def test_a_session_that_was_ended_is_let_in_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path, _TRYTON)
    running = server.start()
    try:
        dead = Rpc(running.url, running.login, running.password, Sessions(tmp_path / "noted"))
        monkeypatch.setattr("tools.erp.tryton.sessions.is_gone", lambda owner: True)
        server.rpc().end_dead()  # of another folder: nothing is noted there
        Rpc(running.url, running.login, running.password, Sessions(tmp_path / "other")).end_dead()
        assert dead.call("ir.date", "today")
        living = Rpc(running.url, running.login, running.password)
        living._sessions = Sessions(tmp_path / "noted")
        living.end_dead()
        monkeypatch.setattr(Rpc, "_login", lambda self: self.session)  # as a request that was sent before
        with pytest.raises(Exception, match="session is over"):
            dead.call("ir.date", "today")
        monkeypatch.undo()
        with pytest.raises(Denied):
            Rpc(running.url, running.login, "wrong")
    finally:
        server.stop()
