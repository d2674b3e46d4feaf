"""Sessions with a Tryton: those of a process that died are ended, and one goes on where the server is started elsewhere."""

import json
import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import ContactLost, Denied
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


@contextmanager
def _answering(answers: dict[str, str]) -> Iterator[str]:
    """The URL of a server that answers like Tryton, or in other words where they are given for a method."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            method = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["method"]
            usual = {"common.db.login": '{"result": [1, "key"]}', "model.res.user.get_preferences": '{"result": {}}'}
            text = (answers.get(method) or usual.get(method, '{"result": "here"}')).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/erp/"
    finally:
        server.shutdown()
        server.server_close()


def test_an_answer_that_is_no_json_is_none() -> None:
    with _answering({"model.ir.date.today": "<html>502 Bad Gateway</html>"}) as url:
        rpc = Rpc(url, "ada", "secret")
        with pytest.raises(ContactLost, match="no JSON: <html>502"):
            rpc.call("ir.date", "today")
        rpc.close()


def test_a_session_goes_on_where_the_server_was_started_elsewhere() -> None:
    place: list[str | None] = [None]
    with _answering({}) as first:
        rpc = Rpc(first, "ada", "secret", where=lambda: place[0])
        assert rpc.call("ir.date", "today") == "here"
    rpc._client.close()  # as idle connections end
    rpc._client = type(rpc._client)(trust_env=False)
    with pytest.raises(ContactLost, match="no answer"):
        rpc.call("ir.date", "today")
    with _answering({}) as second:
        place[0] = second
        assert rpc.call("ir.date", "today") == "here", "what never reached the old place is sent to the new one"
    rpc.close()


def test_what_may_have_reached_the_old_place_is_not_sent_again_by_itself() -> None:
    with _answering({"model.ir.date.today": "cut"}) as first, _answering({}) as second:
        rpc = Rpc(first, "ada", "secret", where=lambda: second)
        with pytest.raises(ContactLost):
            rpc.call("ir.date", "today")
        assert rpc.call("ir.date", "today") == "here"
        rpc.close()
