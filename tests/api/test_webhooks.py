"""Webhooks: told in order, at least once, signed, and nothing is lost where nobody listens."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from agents.home import Home
from api.cli.serve import _webhooks
from api.webhooks import Webhooks
from core.errors import BadInput
from core.settings import Settings
from core.types.principal import Principal

_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


class _Receiver:
    """Keeps what it is told; answers with `status`."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[_Receiver]:
    receiver = _Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(Settings(home=tmp_path))


def _write(home: Home, key: str, state: Any = "done") -> None:
    home.ledger.begin(key, "put", {"amount": 5}, Principal(), "till")
    home.ledger.finish(key, state)


def _types(receiver: _Receiver) -> list[str]:
    return [json.loads(body)["type"] for _, body in receiver.told]


def test_what_is_new_is_told_in_order_and_signed(home: Home, receiver: _Receiver, tmp_path: Path) -> None:
    _write(home, "before")
    hooks = Webhooks(home.audit, receiver.url, _SECRET, tmp_path / "reached", clock=lambda: 1000.0)
    assert hooks.deliver() == 0
    home.ledger.note("waiting", "k1", Principal(), {"tool": "burn", "request": "a-1"})
    _write(home, "k2")
    _write(home, "k3", "failed")
    _write(home, "k4", "unknown")
    assert hooks.deliver() == 3 and _types(receiver) == ["approval.needed", "write.done", "write.unknown"]
    headers, body = receiver.told[0]
    signed = f"{headers['webhook-id']}.1000.".encode() + body
    wanted = base64.b64encode(hmac.new(b"0123456789abcdef01234567", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}" and headers["webhook-timestamp"] == "1000"
    assert json.loads(body)["data"] == {"key": "k1", "seq": 3, "tool": "burn", "request": "a-1"} and b"amount" not in body
    assert hooks.deliver() == 0


def test_what_is_not_taken_is_told_again_with_the_same_id(home: Home, receiver: _Receiver, tmp_path: Path) -> None:
    hooks = Webhooks(home.audit, receiver.url, _SECRET, tmp_path / "reached")
    _write(home, "k1")
    _write(home, "k2")
    receiver.status = 503
    assert hooks.deliver() == 0
    receiver.status = 200
    assert Webhooks(home.audit, receiver.url, _SECRET, tmp_path / "reached").deliver() == 2
    ids = [headers["webhook-id"] for headers, _ in receiver.told]
    assert len(ids) == 3 and ids[0] == ids[1] != ids[2]


def test_nobody_there_loses_nothing(home: Home, tmp_path: Path, receiver: _Receiver) -> None:
    hooks = Webhooks(home.audit, "http://127.0.0.1:9/", _SECRET, tmp_path / "reached")
    _write(home, "k1")
    assert hooks.deliver() == 0
    assert Webhooks(home.audit, receiver.url, _SECRET, tmp_path / "reached").deliver() == 1


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "whsec_ä"])
def test_a_weak_secret_is_refused(home: Home, tmp_path: Path, secret: str) -> None:
    with pytest.raises(BadInput, match="webhook secret"):
        Webhooks(home.audit, "http://127.0.0.1:9/", secret, tmp_path / "reached")


def test_nothing_is_told_unsigned(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="SECRET is not"):
        _webhooks(Home(Settings(home=tmp_path, webhook_url="http://127.0.0.1:9/")))
    assert _webhooks(Home(Settings(home=tmp_path))) is None
