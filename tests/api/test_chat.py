"""The OpenAI surface: through TestClient, and through the openai and LangChain clients over a real socket."""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import uvicorn
from fastapi.testclient import TestClient
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from sqlmodel import SQLModel, create_engine

from agents.replies import question
from api.app import create_app
from api.callers import ModelInfo
from core.errors import ModelError, NotFound
from core.keys import KeyStore
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction, Written
from core.types.principal import Principal
from core.types.tool import Tool, read_toolset


def _tool(name: str, required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "function": {"name": name, "description": f"{name}.", "parameters": schema}}


CUSTOMER = {"type": "string", "description": "customer as said", "x-kind": "customer"}
TOOLSET = read_toolset(
    "erp",
    [
        _tool("find_customer", ["query"], query={"type": "string", "description": "name, e-mail or phone", "x-kind": "text"}),
        _tool("create_quote", ["customer"], customer=CUSTOMER),
    ],
)
FIND = ToolCall(name="find_customer", arguments={"query": "Müller & Söhne"})
QUOTE = ToolCall(name="create_quote", arguments={"customer": "Acme", "lines": [{"item": "bolt", "qty": 2.5}]})


def _prediction(outcome: Any, *calls: ToolCall, ask: Ask | None = None, query: str | None = None) -> Prediction:
    return Prediction(outcome=outcome, tool_calls=calls, ask=ask, query=query, confidence=0.875, latency_ms=12.0)


WRITTEN = Written(tokens=("find", "{", "}"), logprobs=(-0.1, -0.2, -0.3), prompt_tokens=20, drafts=2)
CALLS = _prediction("calls", FIND, QUOTE).model_copy(update={"written": WRITTEN})
ASKS = _prediction("ask", ask=Ask(tool="create_quote", missing="customer", arguments={"lines": []}))


class FakeCaller:
    """Gives the answers of its queue, in order; an exception in the queue is raised."""

    def __init__(self) -> None:
        self.release_id = "r-17"
        self.toolset = TOOLSET
        self.answers: deque[Prediction | Exception] = deque()
        self.seen: list[tuple[Message, ...]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.inside = 0
        self.most_inside = 0

    def predict(self, messages: Sequence[Message]) -> Prediction:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.gate.wait(10)
        self.seen.append(tuple(messages))
        answer = self.answers.popleft()
        self.inside -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeCallers:
    """One toolset, `erp`, with the champion and one more release."""

    def __init__(self, caller: FakeCaller) -> None:
        self.erp = caller
        self.named: list[tuple[str, str | None]] = []

    def caller(self, toolset: str, release: str | None) -> FakeCaller:
        self.named.append((toolset, release))
        if toolset != "erp" or release not in (None, "r-17"):
            raise NotFound(f"{toolset}@{release}: no such release; `nightschool releases list` shows them")
        return self.erp

    def models(self) -> list[ModelInfo]:
        return [ModelInfo(id="erp", created=1_700_000_000), ModelInfo(id="erp@r-17", created=1_700_000_000)]


@pytest.fixture
def caller() -> FakeCaller:
    return FakeCaller()


@pytest.fixture
def callers(caller: FakeCaller) -> FakeCallers:
    return FakeCallers(caller)


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    engine = create_engine(f"sqlite:///{tmp_path / 'keys.db'}")
    SQLModel.metadata.create_all(engine)
    return KeyStore(engine)


@pytest.fixture
def secret(keys: KeyStore) -> str:
    return keys.create(Principal())


@pytest.fixture
def client(keys: KeyStore, callers: FakeCallers, secret: str) -> Iterator[TestClient]:
    with TestClient(create_app(keys, callers), headers={"Authorization": f"Bearer {secret}"}) as client:
        yield client


@pytest.fixture
def base_url(keys: KeyStore, callers: FakeCallers) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(keys, callers), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def sdk(base_url: str, secret: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key=secret) as sdk:
        yield sdk


@pytest.fixture
def chain(base_url: str, secret: str) -> ChatOpenAI:
    return ChatOpenAI(model="erp", base_url=base_url, api_key=SecretStr(secret))


USER = [{"role": "user", "content": "A quote for Acme, please"}]


def _post(client: TestClient, **fields: Any) -> httpx2.Response:
    return client.post("/v1/chat/completions", json={"model": "erp", "messages": USER, **fields})


def _error(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["x-request-id"]
    body = response.json()
    assert set(body) == {"error"} and set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


# What is answered


def test_calls_are_tool_calls_with_arguments_as_json_text(client: TestClient, caller: FakeCaller) -> None:
    caller.answers.append(CALLS)
    body = _post(client).json()
    [choice] = body["choices"]
    assert body["object"] == "chat.completion" and body["model"] == "erp"
    assert choice["finish_reason"] == "tool_calls" and choice["message"]["content"] is None
    wire = choice["message"]["tool_calls"]
    assert [call["function"]["name"] for call in wire] == ["find_customer", "create_quote"]
    assert [json.loads(call["function"]["arguments"]) for call in wire] == [FIND.arguments, QUOTE.arguments]
    assert len({call["id"] for call in wire}) == 2
    assert body["nightschool"] == {
        "outcome": "calls",
        "ask": None,
        "query": None,
        "confidence": 0.875,
        "release": "r-17",
        "drafts": 2,
    }
    assert body["usage"] == {"prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23}


@pytest.mark.parametrize(
    ("prediction", "content"),
    [
        (ASKS, "Which customer is it for?"),
        (_prediction("done"), "Done."),
        (_prediction("knowledge", query="return policy"), "That has to be looked up: return policy"),
        (_prediction("none"), "None of the tools can do that."),
    ],
)
def test_other_outcomes_stop_with_a_sentence(
    client: TestClient, caller: FakeCaller, prediction: Prediction, content: str
) -> None:
    caller.answers.append(prediction)
    body = _post(client).json()
    [choice] = body["choices"]
    assert choice["finish_reason"] == "stop" and choice["message"]["content"] == content
    assert "tool_calls" not in choice["message"]
    row = prediction.to_row()
    assert body["nightschool"] == {
        **{key: row[key] for key in ("outcome", "ask", "query", "confidence")},
        "release": "r-17",
        "drafts": 0,
    }


def test_model_names_toolset_and_release(client: TestClient, caller: FakeCaller, callers: FakeCallers) -> None:
    caller.answers.extend([CALLS, CALLS])
    assert _post(client, model="erp@r-17").json()["model"] == "erp@r-17"
    _post(client, model="erp")
    assert callers.named == [("erp", "r-17"), ("erp", None)]


def test_openai_fields_it_does_not_use_are_ignored(client: TestClient, caller: FakeCaller) -> None:
    caller.answers.append(CALLS)
    extras = {
        "temperature": 0,
        "tools": [],
        "tool_choice": "auto",
        "n": 1,
        "parallel_tool_calls": True,
        "user": "x",
        "store": None,
    }
    assert _post(client, **extras, stream=None, stream_options=None).status_code == 200


def test_the_caller_sees_the_whole_conversation(client: TestClient, caller: FakeCaller) -> None:
    caller.answers.append(_prediction("done"))
    function = {"name": "find_customer", "arguments": '{"query": "Acme"}'}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Find Acme"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "[]"},
    ]
    assert _post(client, messages=messages).status_code == 200
    [seen] = caller.seen
    assert [message.role for message in seen] == ["system", "user", "assistant", "tool"]
    assert seen[2].tool_calls == (ToolCall(name="find_customer", arguments={"query": "Acme"}, id="call_1"),)


def test_a_request_of_20_000_characters_is_answered(client: TestClient, caller: FakeCaller) -> None:
    caller.answers.append(CALLS)
    assert _post(client, messages=[{"role": "user", "content": "x" * 20_000}]).status_code == 200
    assert len(caller.seen[0][0].content) == 20_000


def _events(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, last, end = response.text.split("\n\n")
    assert last == "data: [DONE]" and end == ""
    assert all(event.startswith("data: ") for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_a_stream_ends_with_finish_reason_and_details_and_carries_no_usage_unasked(
    client: TestClient, caller: FakeCaller
) -> None:
    caller.answers.append(ASKS)
    events = _events(_post(client, stream=True))
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(event["choices"][0]["delta"].get("content") or "" for event in events) == "Which customer is it for?"
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["nightschool"]["ask"]["missing"] == "customer"
    assert len({event["id"] for event in events}) == 1 and not any("usage" in event for event in events)


def test_a_stream_carries_usage_when_asked(client: TestClient, caller: FakeCaller) -> None:
    caller.answers.append(CALLS)
    events = _events(_post(client, stream=True, stream_options={"include_usage": True}))
    assert events[-1]["choices"] == [] and events[-1]["usage"]["total_tokens"] == 23
    assert all(event["usage"] is None for event in events[:-1])


# Models


def test_models_are_listed_and_shown(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    erp = {"id": "erp", "object": "model", "created": 1_700_000_000, "owned_by": "nightschool"}
    assert listed == {"object": "list", "data": [erp, {**erp, "id": "erp@r-17"}]}
    assert client.get("/v1/models/erp@r-17").json()["id"] == "erp@r-17"


def test_an_unknown_model_is_404(client: TestClient) -> None:
    for response in (
        client.get("/v1/models/crm"),
        _post(client, model="crm"),
        _post(client, model="erp@r-99"),
        _post(client, model="crm", stream=True),
    ):
        error = _error(response, 404)
        assert error["code"] == "model_not_found" and error["param"] == "model"
        assert response.headers["x-should-retry"] == "false"


def test_the_published_schema_describes_the_body_and_its_references_lead_somewhere(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    body = document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["model", "messages"]
    [reference] = [branch["$ref"] for branch in body["properties"]["stream_options"]["anyOf"] if "$ref" in branch]
    target: Any = document
    for part in reference.removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/")]
    assert "include_usage" in target["properties"]


# What is refused

DEEP: Any = "x"
for _ in range(150):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [*USER, {"role": "user", "content": 7}]}, "messages[1].content"),
        ({"messages": [*USER, {"role": "user", "content": DEEP}]}, "messages[1].content"),
        ({"messages": [*USER, {"role": "assistant", "content": "Hi"}]}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}, *USER]}, "messages[0].tool_calls[0].arguments"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": '{"\\ud800": 1}'}]}, *USER]}, "messages[0].tool_calls[0].arguments"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": '{"a": "\\ud800"}'}]}, *USER]}, "messages[0].tool_calls[0].arguments"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": '{"a": NaN}'}]}, *USER]}, "messages[0].tool_calls[0].arguments"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "[" * 900 + "]" * 900}]}, *USER]}, None),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": "erp@"}, "model"),
        ({"model": "@r-17"}, "model"),
        ({"n": 2}, "n"),
        ({"n": "many"}, "n"),
        ({"stream": "perhaps"}, "stream"),
        ({"stream_options": {"include_usage": "perhaps"}}, "stream_options.include_usage"),
    ],
)  # fmt: skip
def test_a_bad_field_is_400_and_named(client: TestClient, fields: dict[str, Any], param: str | None) -> None:
    response = _post(client, **fields)
    error = _error(response, 400)
    assert param is None or error["param"] == param
    assert error["type"] == "invalid_request_error" and error["message"]
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"model": "erp"', b'"\\ud800"', b"[" * 100_000, b"NaN", b"[]", b"null"]
)
def test_a_body_that_is_not_a_json_object_is_400(client: TestClient, content: bytes) -> None:
    response = client.post("/v1/chat/completions", content=content, headers={"Content-Type": "application/json"})
    assert _error(response, 400)["param"] is None


def test_a_missing_field_is_400_and_named(client: TestClient) -> None:
    assert _error(client.post("/v1/chat/completions", json={"model": "erp"}), 400)["param"] == "messages"
    assert _error(client.post("/v1/chat/completions", json={"messages": USER}), 400)["param"] == "model"


def test_fastapis_own_refusals_take_the_same_form(keys: KeyStore, callers: FakeCallers) -> None:
    app = create_app(keys, callers)

    @app.post("/sum")
    def add(numbers: list[int]) -> int:
        return sum(numbers)

    client = TestClient(app)
    assert _error(client.post("/sum", json=["one"]), 400)["param"] == "0"
    assert _error(client.post("/sum", content=b"{", headers={"Content-Type": "application/json"}), 400)["param"] is None
    too_large = iter([b"[1,", b"1," * 600_000, b"1]"])
    assert (
        _error(client.post("/sum", content=too_large, headers={"Content-Type": "application/json"}), 413)["code"]
        == "request_too_large"
    )


def test_an_unknown_path_names_itself(client: TestClient) -> None:
    error = _error(client.post("/v1/responses", json={}), 404)
    assert error["code"] == "unknown_url" and "/v1/responses" in error["message"]
    assert _error(client.get("/v1/chat/completions"), 405)["code"] == "unknown_url"


def test_a_body_over_1_mib_is_413_declared_or_not(client: TestClient, caller: FakeCaller) -> None:
    caller.answers.append(CALLS)
    fits = json.dumps({"model": "erp", "messages": [{"role": "user", "content": "x" * (1024 * 1024 - 100)}]}).encode()
    assert client.post("/v1/chat/completions", content=fits).status_code == 200
    for content in (b"x" * (1024 * 1024 + 1), iter([b"x" * 600_000, b"x" * 600_000])):
        assert _error(client.post("/v1/chat/completions", content=content), 413)["code"] == "request_too_large"


def test_an_engine_failure_is_503_and_may_be_repeated(client: TestClient, caller: FakeCaller) -> None:
    caller.answers.append(ModelError("erp@r-17: the engine stopped"))
    response = _post(client)
    assert _error(response, 503)["type"] == "server_error"
    assert "x-should-retry" not in response.headers


def test_an_unexpected_failure_is_500_and_tells_nothing(
    client: TestClient, caller: FakeCaller, caplog: pytest.LogCaptureFixture
) -> None:
    caller.answers.extend([RuntimeError("/srv/secret.db is locked"), CALLS])
    response = _post(client)
    error = _error(response, 500)
    assert "secret" not in response.text and response.headers["x-request-id"] in error["message"]
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["x-request-id"] in caplog.text
    assert _post(client).status_code == 200


def test_every_response_has_an_id_of_its_own(client: TestClient) -> None:
    ids = {client.get("/healthz").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


# Turns


def test_predictions_take_turns_and_the_66th_at_once_is_429(
    keys: KeyStore, callers: FakeCallers, caller: FakeCaller, secret: str
) -> None:
    app = create_app(keys, callers)
    caller.gate.clear()
    caller.answers.extend([CALLS] * 65)
    body = {"model": "erp", "messages": USER}

    async def flood() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers, timeout=30) as client:
            posts = [asyncio.create_task(client.post("/v1/chat/completions", json=body)) for _ in range(70)]
            while sum(post.done() for post in posts) < 5:
                await asyncio.sleep(0.01)
            caller.gate.set()
            return await asyncio.gather(*posts)

    responses = asyncio.run(flood())
    refused = [response for response in responses if response.status_code == 429]
    assert len(refused) == 5 and sum(response.status_code == 200 for response in responses) == 65
    assert caller.most_inside == 1
    for response in refused:
        assert _error(response, 429)["type"] == "rate_limit_error"
        assert 1 <= int(response.headers["retry-after"]) <= 60 and "x-should-retry" not in response.headers


def test_a_cancelled_request_gives_its_turn_away_and_frees_its_place(
    keys: KeyStore, callers: FakeCallers, caller: FakeCaller
) -> None:
    worker = create_app(keys, callers).state.worker
    caller.gate.clear()
    ran: list[str] = []

    async def cancel_one() -> None:
        first = asyncio.create_task(worker.run(lambda: caller.gate.wait(10)))
        second = asyncio.create_task(worker.run(lambda: ran.append("second")))
        third = asyncio.create_task(worker.run(lambda: ran.append("third")))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.sleep(0)
        caller.gate.set()
        await asyncio.gather(first, third)

    asyncio.run(cancel_one())
    assert ran == ["third"]


# The real clients


def test_openai_reads_calls_and_questions(sdk: openai.OpenAI, caller: FakeCaller) -> None:
    caller.answers.extend([CALLS, ASKS])
    calls = sdk.chat.completions.create(model="erp", messages=[{"role": "user", "content": "hi"}])
    message = calls.choices[0].message
    assert calls.choices[0].finish_reason == "tool_calls" and message.tool_calls is not None
    functions = [call.function for call in message.tool_calls if call.type == "function"]
    assert [json.loads(function.arguments) for function in functions] == [FIND.arguments, QUOTE.arguments]
    assert calls.model_extra is not None and calls.model_extra["nightschool"]["release"] == "r-17"
    asks = sdk.chat.completions.create(model="erp", messages=[{"role": "user", "content": "hi"}])
    assert asks.choices[0].message.content == "Which customer is it for?"
    assert asks._request_id


def test_openai_streams_calls(sdk: openai.OpenAI, caller: FakeCaller) -> None:
    caller.answers.append(CALLS)
    names: dict[int, str] = {}
    arguments = {0: "", 1: ""}
    finish, usage = None, None
    with sdk.chat.completions.create(
        model="erp", messages=[{"role": "user", "content": "hi"}], stream=True, stream_options={"include_usage": True}
    ) as stream:
        for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                finish = choice.finish_reason or finish
                for delta in choice.delta.tool_calls or ():
                    assert delta.function is not None
                    names[delta.index] = delta.function.name or names[delta.index]
                    arguments[delta.index] += delta.function.arguments or ""
    assert names == {0: "find_customer", 1: "create_quote"}
    assert [json.loads(text) for text in arguments.values()] == [FIND.arguments, QUOTE.arguments]
    assert finish == "tool_calls" and usage is not None and usage.total_tokens == 23


def test_openais_own_accumulator_takes_the_stream(sdk: openai.OpenAI, caller: FakeCaller) -> None:
    caller.answers.extend([CALLS, ASKS])
    with sdk.chat.completions.stream(model="erp", messages=[{"role": "user", "content": "hi"}]) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls is not None and [call.function.name for call in calls] == ["find_customer", "create_quote"]
    with sdk.chat.completions.stream(model="erp", messages=[{"role": "user", "content": "hi"}]) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Which customer is it for?"


def test_openai_lists_models_and_maps_errors(sdk: openai.OpenAI, base_url: str, caller: FakeCaller) -> None:
    assert [model.id for model in sdk.models.list()] == ["erp", "erp@r-17"]
    assert sdk.models.retrieve("erp").owned_by == "nightschool"
    with pytest.raises(openai.NotFoundError, match="no such release") as missing:
        sdk.chat.completions.create(model="crm", messages=[{"role": "user", "content": "hi"}])
    assert missing.value.code == "model_not_found" and missing.value.request_id
    with pytest.raises(openai.BadRequestError) as bad:
        sdk.chat.completions.create(model="erp", messages=[])
    assert bad.value.param == "messages"
    with pytest.raises(openai.APIStatusError) as large:
        sdk.chat.completions.create(model="erp", messages=[{"role": "user", "content": "x" * 3_000_000}])
    assert large.value.status_code == 413
    with openai.OpenAI(base_url=base_url, api_key="ns_wrong") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_openai_repeats_an_engine_failure_but_not_an_unexpected_one(sdk: openai.OpenAI, caller: FakeCaller) -> None:
    caller.answers.extend([ModelError("busy"), CALLS, RuntimeError("bug")])
    sdk.chat.completions.create(model="erp", messages=[{"role": "user", "content": "hi"}])
    with pytest.raises(openai.InternalServerError):
        sdk.chat.completions.create(model="erp", messages=[{"role": "user", "content": "hi"}])
    assert not caller.answers and len(caller.seen) == 3


def test_langchain_reads_calls_and_sends_results_back(chain: ChatOpenAI, caller: FakeCaller) -> None:
    caller.answers.extend([CALLS, _prediction("done")])
    called = chain.invoke("A quote for Acme")
    assert isinstance(called, AIMessage)
    assert [(call["name"], call["args"]) for call in called.tool_calls] == [(c.name, c.arguments) for c in (FIND, QUOTE)]
    results = [ToolMessage("ok", tool_call_id=call["id"]) for call in called.tool_calls]
    assert chain.invoke([HumanMessage("A quote for Acme"), called, *results]).content == "Done."
    assert [message.role for message in caller.seen[1]] == ["user", "assistant", "tool", "tool"]
    assert [call.arguments for call in caller.seen[1][1].tool_calls] == [FIND.arguments, QUOTE.arguments]


def test_langchain_streams_calls_and_questions(chain: ChatOpenAI, caller: FakeCaller) -> None:
    caller.answers.extend([CALLS, ASKS])
    whole: AIMessageChunk | None = None
    for chunk in chain.stream("A quote for Acme"):
        assert isinstance(chunk, AIMessageChunk)
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [(c.name, c.arguments) for c in (FIND, QUOTE)]
    assert "".join(str(chunk.content) for chunk in chain.stream("A quote")) == "Which customer is it for?"


def test_langchain_binds_tools_although_the_toolset_has_its_own(chain: ChatOpenAI, caller: FakeCaller) -> None:
    caller.answers.append(CALLS)
    tools = [{"type": "function", "function": {"name": t.name, "parameters": t.parameters}} for t in TOOLSET.tools]
    assert len(chain.bind_tools(tools).invoke("hi").tool_calls) == 2


# Questions


@pytest.mark.parametrize(
    ("name", "schema", "asked"),
    [
        ("customer", CUSTOMER, "Which customer is it for?"),
        ("from", {"description": "source warehouse", "x-kind": "warehouse"}, "Which source warehouse is it?"),
        ("order", {"description": "order number", "x-kind": "order_id"}, "What is the order number?"),
        ("valid_until", {"description": "expiry date as said", "x-kind": "date"}, "What is the expiry date?"),
        ("query", {"description": "name, e-mail or phone", "x-kind": "text"}, "What is the name, e-mail or phone?"),
        ("card_last_four", {"description": "Last 4 digits of the card number"}, "What are the last 4 digits of the card number?"),
        ("card_type", {"enum": ["credit", "debit"], "description": "Type of card"}, "Which card type: credit or debit?"),
        ("period", {"enum": ["last_month", "a", "b"]}, "Which period: last month, a or b?"),
        ("change", {"description": "How much to change the brightness"}, "How much to change the brightness?"),
        ("house_place", {"description": "The room or location (in the house)."}, "What is the room or location?"),
        ("pin", {"description": "PIN of the card"}, "What is the PIN of the card?"),
        ("express", {"type": "boolean", "description": "express delivery"}, "Express delivery: yes or no?"),
        ("due_date", {}, "What is the due date?"),
        ("unknown", None, "What is the unknown?"),
        (
            "lines",
            {
                "type": "array",
                "description": "lines",
                "items": {
                    "type": "object",
                    "properties": {"item": {"description": "product as said"}, "qty": {"description": "quantity"}},
                    "required": ["item", "qty"],
                },
            },
            "What are the lines? Please give product and quantity for each.",
        ),
    ],
)
def test_a_question_is_plain_english(name: str, schema: dict[str, Any] | None, asked: str) -> None:
    tool = Tool(name="t", parameters={"type": "object", "properties": {} if schema is None else {name: schema}})
    assert question(Ask(tool="t", missing=name, arguments={}), tool) == asked


def test_a_question_about_an_unknown_tool_still_names_what_is_missing() -> None:
    assert question(Ask(tool="gone", missing="due_date", arguments={}), None) == "What is the due date?"


def test_another_tenants_key_reaches_no_model(client: TestClient, keys: KeyStore, callers: FakeCallers) -> None:
    client.headers["Authorization"] = f"Bearer {keys.create(Principal(tenant='elsewhere'))}"
    body = {"model": "erp", "messages": [{"role": "user", "content": "hi"}]}
    answers = [client.get("/v1/models"), client.get("/v1/models/erp"), client.post("/v1/chat/completions", json=body)]
    assert [answer.status_code for answer in answers] == [404] * 3 and callers.named == []
