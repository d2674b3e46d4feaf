"""Answers that are lost on the wire: the real openai client asks again by itself, and nothing is done twice."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
import uvicorn

from agents.home import Home
from api.agent import HomeAgent
from api.app import create_app
from api.retries import Retries, name_of
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.principal import Principal
from core.types.tool import Toolset
from tools.erp.sandbox.sandbox import Sandbox

_CUTS, _ALL_CUTS = 15, 200


class _Clerk:
    """Opens one ticket a turn, about what was said."""

    release_id = "r-clerk"

    def __init__(self, toolset: Toolset) -> None:
        self.toolset = toolset

    def predict(self, messages: Sequence[Message]) -> Prediction:
        if messages[-1].role == "tool":
            return Prediction(outcome="done", confidence=1.0, latency_ms=0.0)
        call = ToolCall(name="create_ticket", arguments={"customer": "Orchid Nursery", "subject": messages[-1].content})
        return Prediction(outcome="calls", tool_calls=(call,), confidence=1.0, latency_ms=0.0)


class _Fleet:
    def __init__(self, release: _Clerk) -> None:
        self._release = release

    def get(self, toolset: str, release: str | None) -> _Clerk:
        return self._release


@pytest.fixture
def port(home: Home, no_callers: Any) -> Iterator[int]:
    """Of a real server."""
    agent = HomeAgent(home, _Fleet(_Clerk(home.registry.get("company"))), "company", 0.0)
    server = uvicorn.Server(uvicorn.Config(create_app(home.keys, no_callers, agent), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()
    agent.close()


@pytest.fixture
def cutting(port: int) -> Iterator[tuple[int, Counter[str]]]:
    """The port of a proxy that loses the first answer to every body, and what it saw."""
    seen, known = Counter[str](), set[bytes]()

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            upstream.request("POST", self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            text = answer.read()
            upstream.close()
            self.close_connection = True
            if body not in known:
                known.add(body)
                seen["cut"] += 1
                self.connection.close()
                return
            seen["told"] += 1
            self.send_response(answer.status)
            for name in ("content-type", "x-request-id"):
                self.send_header(name, answer.headers.get(name, ""))
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None: ...

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    yield proxy.server_address[1], seen
    proxy.shutdown()
    proxy.server_close()


def _tickets(home: Home) -> int:
    sandbox = Sandbox(home.company)
    made = sum(action.operation == "create_ticket" for action in sandbox.journal(10_000))
    sandbox.close()
    return made


def _say(client: openai.OpenAI, text: str, stream: bool) -> str:
    messages: Any = [{"role": "user", "content": text}]
    if not stream:
        return client.chat.completions.create(model="company@agent", messages=messages).choices[0].message.content or ""
    chunks = client.chat.completions.create(model="company@agent", messages=messages, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize("cuts", [_CUTS, pytest.param(_ALL_CUTS, marks=pytest.mark.slow)])
def test_a_lost_answer_is_told_again_and_nothing_is_done_twice(cutting: Any, home: Home, cuts: int) -> None:
    proxy, seen = cutting
    before, key = _tickets(home), home.keys.create(Principal())
    with openai.OpenAI(base_url=f"http://127.0.0.1:{proxy}/v1", api_key=key, max_retries=2) as client:
        answers = [_say(client, f"wish {number} of Orchid Nursery", stream=number % 2 == 1) for number in range(cuts)]
    made = _tickets(home) - before
    print(f"{seen['cut']} answers cut on the wire, {made} tickets for {cuts} wishes")
    assert seen == {"cut": cuts, "told": cuts} and made == cuts and all("icket" in answer for answer in answers)


def test_the_same_words_from_a_person_are_another_wish(port: int, home: Home) -> None:
    before, key = _tickets(home), home.keys.create(Principal())
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key, max_retries=2) as client:
        for _ in range(2):
            _say(client, "the very same wish of Orchid Nursery", stream=False)
    assert _tickets(home) - before == 2


def test_only_a_repetition_of_the_same_person_within_ten_minutes_is_one() -> None:
    now = [0.0]
    retries: Retries[str] = Retries(lasts_s=600, clock=lambda: now[0])
    name = name_of("ada", b"{}")
    assert len({name, name_of("bea", b"{}"), name_of("ada", b"[]")}) == 3
    retries.keep(name, "turn")
    for count, found in (("1", "turn"), ("2", "turn"), ("0", None), (None, None), ("x", None), ("٣", None), ("-1", None)):
        assert retries.find(name, count) == found
    now[0] = 601
    assert retries.find(name, "1") is None
    retries.keep("other", "later")
    retries.forget("other")
    assert retries.find("other", "1") is None
