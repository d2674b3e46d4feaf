"""A teacher on another machine sees no personal data, and what it says is taken only where somebody said it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from agents.teacher import Teacher
from core.errors import BadInput, ModelError
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from tools.personal import PersonalData
from tools.surrogates import Surrogates

_TEXT = {"type": "string"}
TOOLSET: Toolset = read_toolset(
    "shop",
    [
        {
            "name": "send",
            "description": "Send something to a customer.",
            "parameters": {
                "type": "object",
                "properties": {
                    "customer": {**_TEXT, "x-kind": "customer"},
                    "email": {**_TEXT, "x-kind": "email"},
                    "what": {"enum": ["invoice", "quote"]},
                    "copies": {"type": "integer"},
                },
                "required": ["customer"],
            },
        }
    ],
    {"customer": {"names": ["Harlow & Sons", "Orion Lab Ltd"], "partial": True}},
)
RAW = ("harlow", "orion", "nora@hus.no", "gb33bukb20201555555555", "+44 7400 123456")


class Server(HTTPServer):
    """Answers with what it is told to, and remembers what came over the wire."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.wire: list[bytes] = []
        self.answer: Any = None
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.wire.append(body)
        message = self.server.answer(json.loads(body)) if callable(self.server.answer) else self.server.answer
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "", **(message or {})}}
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(
            json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}).encode()
        )

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def teacher(server: Server, raw: bool = False) -> Teacher:
    surrogates = None if raw else Surrogates(PersonalData(TOOLSET.vocabulary), b"secret")
    return Teacher(server.url, "big", "k", TOOLSET, surrogates)


def called(arguments: Any, name: str = "send") -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"tool_calls": [{"id": "x", "type": "function", "function": {"name": name, "arguments": text}}]}


def user(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def test_results_are_sent_with_the_ids_of_their_calls(server: Server) -> None:
    call = ToolCall(name="send", arguments={"customer": "orion lab"})
    before = (*user("orion?"), Message(role="assistant", tool_calls=(call, call)), *(Message(role="tool", content="{}"),) * 2)
    assert teacher(server).calls([*before, *user("and now?")]) == ()
    sent = json.loads(server.wire[0])["messages"]
    assert [one["tool_call_id"] for one in sent if one["role"] == "tool"] == ["call_1", "call_2"]
    assert [one["id"] for message in sent for one in message.get("tool_calls") or ()] == ["call_1", "call_2"]


def test_no_personal_data_is_on_the_wire_and_the_answer_is_in_the_words_that_were_said(server: Server) -> None:
    before = (
        Message(role="user", content="who is orion lab?"),
        Message(role="assistant", tool_calls=(ToolCall(id="c1", name="send", arguments={"customer": "orion lab"}),)),
        Message(role="tool", tool_call_id="c1", content=json.dumps({"customer": "Orion Lab Ltd", "phone": "+44 7400 123456"})),
    )
    request = "send harlow two copies to nora@hus.no, account GB33BUKB20201555555555"

    def copy(body: dict[str, Any]) -> dict[str, Any]:
        words = body["messages"][-1]["content"].replace(",", "").split()
        return called({"customer": words[1], "email": words[5], "copies": 2, "what": "invoice"})

    server.answer = copy
    calls = teacher(server).calls([*before, *user(request)])
    assert [(call.name, call.arguments) for call in calls] == [
        ("send", {"customer": "harlow", "email": "nora@hus.no", "copies": 2, "what": "invoice"})
    ]
    sent = server.wire[0].decode().casefold()
    assert [said for said in RAW if said in sent] == []
    document = json.loads(server.wire[0])
    assert document["temperature"] == 0.0 and document["model"] == "big" and "x-kind" not in sent
    assert [tool["function"]["name"] for tool in document["tools"]] == ["send"]


def test_data_goes_as_it_is_where_that_was_allowed(server: Server) -> None:
    server.answer = {}
    assert teacher(server, raw=True).calls(user("send harlow a copy")) == ()
    assert b"harlow" in server.wire[0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (called({"customer": "harlow"}, "erase"), "none of the tools"), (called("{"), "no JSON"), (called({"copies": 2}), "customer"),
        (called({"customer": "Somebody Else"}), "nobody said"), (called({"customer": 5}), "customer"),
        (called({"customer": "harlow", "what": "love letter"}), "what"), (called({"customer": "harlow", "copies": 9}), "nobody said"),
        (called('{"customer": "harlow", "copies": 1e999}'), "copies"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(server: Server, answer: Any, said: str) -> None:
    server.answer = answer
    with pytest.raises(BadInput, match=said):
        teacher(server, raw=True).calls(user("send harlow a copy"))


def test_other_words_come_back_with_the_names_that_were_said_and_no_personal_data_is_on_the_wire(server: Server) -> None:
    def turned(body: dict[str, Any]) -> dict[str, Any]:
        assert "tools" not in body
        return {"content": f'"for {body["messages"][-1]["content"].removeprefix("send ")} I need it"'}

    server.answer = turned
    assert teacher(server).reworded("send Harlow, nora@hus.no") == "for Harlow, nora@hus.no I need it"
    assert not any(raw in line.decode().lower() for line in server.wire for raw in RAW)


@pytest.mark.parametrize("words", ["", "  ", "send  Harlow the invoice!", "x" * 400])
def test_no_other_words_are_told(server: Server, words: str) -> None:
    server.answer = {"content": words}
    with pytest.raises(BadInput, match=r"no other words for the request$"):
        teacher(server, raw=True).reworded("send Harlow the invoice")


def test_only_marks_around_all_of_it_go(server: Server) -> None:
    server.answer = {"content": '"A" or "B"'}
    assert teacher(server, raw=True).reworded("send it") == '"A" or "B"'


def test_a_surrogate_that_does_not_come_back_as_it_was_is_refused(server: Server) -> None:
    server.answer = lambda body: {"content": "NOW " + body["messages"][-1]["content"].upper()}
    with pytest.raises(BadInput, match="spells differently"):
        teacher(server).reworded("send harlow an invoice")


def test_what_was_hidden_in_one_request_is_not_put_into_another(server: Server) -> None:
    big, sent = teacher(server), list[str]()

    def copy(body: dict[str, Any]) -> dict[str, Any]:
        sent.append(body["messages"][-1]["content"])
        return {"content": f"please {sent[-1]}"}

    server.answer = copy
    big.reworded("send Orion the quote")
    surrogate = sent[0].split()[1]
    assert big.reworded(f"send {surrogate} the quote") == f"please send {surrogate} the quote"


@pytest.mark.parametrize("answer", [{"content": "a lamp \ud83d"}, called('{"customer": "Harlow \\ud83d"}')])
def test_half_a_sign_is_refused(server: Server, answer: dict[str, Any]) -> None:
    server.answer = answer
    big = teacher(server, raw=True)
    with pytest.raises(BadInput, match="half of a surrogate pair"):
        big.calls(user("send Harlow")) if "tool_calls" in answer else big.reworded("send Harlow")


def test_a_request_that_is_refused_is_no_sign_of_being_away(server: Server) -> None:
    server.status = 400
    with pytest.raises(BadInput, match="refused"):
        teacher(server).calls(user("send harlow a copy"))


def test_a_teacher_that_is_away_is_named(server: Server) -> None:
    server.status = 500
    with pytest.raises(ModelError, match="teacher big at http"):
        teacher(server).calls(user("send harlow a copy"))
    gone = Teacher("http://127.0.0.1:1/v1", "big", "k", TOOLSET, None, timeout_s=2)
    with pytest.raises(ModelError, match="teacher big at http"):
        gone.calls(user("hello"))
