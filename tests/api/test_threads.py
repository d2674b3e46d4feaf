"""`/v1/threads` and `/v1/feedback`, over the real company with a scripted release."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from agents.home import Home
from agents.retention import forget_threads
from api.agent import HomeAgent
from api.app import create_app
from api.errors import ApiError
from api.worker import Worker
from core.artefacts import MINILM
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.principal import Principal
from core.types.tool import Toolset
from retrieval.asked import AskedStore
from tools.erp.sandbox.sandbox import Sandbox

_HOLD = {"name": "hold_customer", "arguments": {"customer": "Orchid Nursery"}}


class _Release:
    """A release that answers in order, whatever is asked."""

    release_id = "r-scripted"

    def __init__(self, toolset: Toolset) -> None:
        self.toolset, self.answers, self.confidence = toolset, [], 0.95

    def predict(self, messages: Sequence[Message]) -> Prediction:
        answer: Any = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, dict):
            calls = (ToolCall(name=answer["name"], arguments=answer["arguments"]),)
            return Prediction(outcome="calls", tool_calls=calls, confidence=self.confidence, latency_ms=1.0)
        return Prediction(outcome=answer, confidence=self.confidence, latency_ms=1.0)


class _Fleet:
    def __init__(self, release: _Release) -> None:
        self.release = release

    def get(self, toolset: str, release: str | None) -> _Release:
        assert toolset == "company" and release is None
        return self.release


@pytest.fixture
def release(home: Home) -> _Release:
    return _Release(home.registry.get("company"))


@pytest.fixture
def client(home: Home, release: _Release, no_callers: Any) -> Iterator[TestClient]:
    agent = HomeAgent(home, _Fleet(release), "company", 0.8)
    secret = home.keys.create(Principal())
    with TestClient(create_app(home.keys, no_callers, agent), headers={"Authorization": f"Bearer {secret}"}) as client:
        yield client
    agent.close()


def _holds(home: Home) -> list[str]:
    sandbox = Sandbox(home.company)
    operations = [action.operation for action in sandbox.journal(5)]
    sandbox.close()
    return [operation for operation in operations if operation == "hold_customer"]


def test_a_thread_acts_and_goes_on(client: TestClient, release: _Release, home: Home) -> None:
    release.answers = [_HOLD, "done", "none"]
    turn = client.post("/v1/threads", json={"text": "hold orchid nursery"}).json()
    assert turn["replies"][0]["kind"] == "done" and "Orchid Nursery" in turn["text"] and _holds(home) == ["hold_customer"]
    assert turn["receipt"]["release"] == "r-scripted" and turn["waiting"] == []
    again = client.post(f"/v1/threads/{turn['thread']}", json={"text": "thanks"}).json()
    assert again["thread"] == turn["thread"] and again["receipt"]["outcome"] == "none"
    shown = client.get(f"/v1/threads/{turn['thread']}").json()["messages"]
    assert [message["role"] for message in shown] == ["user", "assistant", "tool", "assistant", "user", "assistant"]


def test_an_unsure_write_waits_and_is_decided(client: TestClient, release: _Release, home: Home) -> None:
    release.answers, release.confidence = [_HOLD, _HOLD, "done"], 0.4
    thread = client.post("/v1/threads", json={"text": "hold orchid nursery"}).json()
    assert thread["waiting"][0]["tool"] == "hold_customer" and thread["waiting"][0]["changes"] and _holds(home) == []
    rejected = client.post(f"/v1/threads/{thread['thread']}/decision", json={"approve": False, "reason": "no"}).json()
    assert "no" in rejected["text"] and _holds(home) == []
    again = client.post(f"/v1/threads/{thread['thread']}", json={"text": "hold orchid nursery"}).json()
    client.post(f"/v1/threads/{again['thread']}/decision", json={"approve": True})
    assert _holds(home) == ["hold_customer"]
    nothing = client.post(f"/v1/threads/{again['thread']}/decision", json={"approve": True})
    assert nothing.status_code == 404 and "waits for nothing" in nothing.json()["error"]["message"]


def test_each_turn_is_for_the_person_whose_key_it_came_with(client: TestClient, release: _Release, home: Home) -> None:
    clerk, boss = Principal(person="clerk"), Principal(person="boss")
    release.answers, release.confidence = [_HOLD, "done"], 0.4
    client.headers["Authorization"] = f"Bearer {home.keys.create(clerk)}"
    thread = client.post("/v1/threads", json={"text": "hold orchid nursery"}).json()["thread"]
    client.headers["Authorization"] = f"Bearer {home.keys.create(boss)}"
    told = client.post(f"/v1/threads/{thread}/decision", json={"approve": True}).json()
    assert told == {"status": "decided", "thread": thread}, "what is said in it is between the agent and who asked"
    (trace,) = home.traces.all("company")
    assert trace.principal == clerk and _holds(home) == ["hold_customer"]
    assert client.get(f"/v1/threads/{thread}").status_code == 404, "another's thread can be decided about, and not read"
    assert client.post(f"/v1/threads/{thread}", json={"text": "go on"}).status_code == 404
    client.headers["Authorization"] = f"Bearer {home.keys.create(Principal(tenant='elsewhere'))}"
    for path, body in (("/v1/threads", {"text": "hi"}), (f"/v1/threads/{thread}", {"text": "hi"})):
        assert client.post(path, json=body).status_code == 404
    assert client.get(f"/v1/threads/{thread}").status_code == 404
    assert client.post("/v1/feedback", json={"trace": trace.id, "right": True}).status_code == 404


def test_nobody_teaches_what_they_may_not_do(client: TestClient, release: _Release, home: Home) -> None:
    release.answers = [_HOLD, "done", "none"]
    held = client.post("/v1/threads", json={"text": "hold orchid nursery"}).json()["receipt"]["trace"]
    said = client.post("/v1/threads", json={"text": "orchid nursery may buy again"}).json()["receipt"]["trace"]
    client.headers["Authorization"] = f"Bearer {home.keys.create(Principal(person='vic', role='viewer'))}"
    accepted = client.post("/v1/feedback", json={"trace": held, "right": True})
    calls = [{"name": "release_customer", "arguments": {"customer": "orchid nursery"}}]
    corrected = client.post("/v1/feedback", json={"trace": said, "right": False, "calls": calls})
    assert (accepted.status_code, corrected.status_code) == (403, 403)
    assert not any(trace.accepted for trace in home.traces.all("company"))
    client.headers["Authorization"] = f"Bearer {home.keys.create(Principal(person='bea'))}"
    teaches = client.post("/v1/feedback", json={"trace": said, "right": False, "calls": calls}).json()["teaches"]
    assert home.traces.get(teaches).author == "bea" and home.traces.get(teaches).principal.person != "bea"


def test_a_thumb_for_an_answer_makes_its_question_known(client: TestClient, release: _Release, home: Home) -> None:
    home.knowledge.add_text("returns.md", "# Returns\n\nGoods come back within thirty days.\n")
    home.knowledge.add_text("freight.md", "# Freight\n\nClients ship a pallet for forty euros.\n")
    release.answers = ["knowledge"]
    turn = client.post("/v1/threads", json={"text": "how many days until goods come back"}).json()
    assert turn["receipt"]["sources"] == ["returns.md"]
    client.post("/v1/feedback", json={"trace": turn["receipt"]["trace"], "right": True})
    vector = home.embedder.embed(["how many days until goods come back"])[0]
    (like,) = AskedStore(home.database, "default", MINILM.name).like(vector, 5)
    assert like.asked.document == "returns.md" and like.asked.quote == "Goods come back within thirty days."


def test_feedback_makes_a_turn_teach(client: TestClient, release: _Release, home: Home) -> None:
    release.answers = [_HOLD, "done", "none"]
    right = client.post("/v1/threads", json={"text": "hold orchid nursery"}).json()["receipt"]["trace"]
    assert not home.traces.get(right).accepted
    assert client.post("/v1/feedback", json={"trace": right, "right": True}).json()["teaches"] == right
    assert home.traces.get(right).accepted
    wrong = client.post("/v1/threads", json={"text": "orchid nursery may buy again"}).json()["receipt"]["trace"]
    calls = [{"name": "release_customer", "arguments": {"customer": "orchid nursery"}}]
    teaches = client.post("/v1/feedback", json={"trace": wrong, "right": False, "calls": calls}).json()["teaches"]
    corrected = home.traces.get(teaches)
    assert corrected.accepted and corrected.messages[-1].tool_calls[0].name == "release_customer"
    assert corrected.source == f"correction of {wrong}" and not home.traces.get(wrong).accepted
    assert client.post("/v1/feedback", json={"trace": wrong, "right": False}).json()["teaches"] is None
    assert client.post("/v1/feedback", json={"trace": right, "right": False}).json()["teaches"] is None
    assert not home.traces.get(right).accepted, "what was let be by mistake teaches no more"


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/v1/threads", {"text": " "}, 400, "empty"),
        ("/v1/threads", {"text": "x" * 20_000}, 400, "characters"),
        ("/v1/threads", {"said": "x"}, 400, "text"),
        ("/v1/threads/nowhere", {"text": "hi"}, 404, "nowhere"),
        ("/v1/threads/nowhere/decision", {"approve": True}, 404, "nowhere"),
        ("/v1/feedback", {"trace": "nowhere", "right": True}, 404, "nowhere"),
        ("/v1/feedback", {"trace": "nowhere", "right": False}, 404, "nowhere"),
    ],
)
def test_what_cannot_be_done_is_named(client: TestClient, path: str, body: dict[str, Any], status: int, word: str) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status and word in answer.json()["error"]["message"]


def test_a_correction_that_does_not_fit_is_refused(client: TestClient, release: _Release) -> None:
    release.answers = ["none"]
    trace = client.post("/v1/threads", json={"text": "hold orchid nursery"}).json()["receipt"]["trace"]
    for call, word in (({"name": "fly"}, "fly"), ({"name": "hold_customer", "arguments": {"custom": "x"}}, "custom")):
        answer = client.post("/v1/feedback", json={"trace": trace, "right": False, "calls": [call]})
        assert answer.status_code in (400, 404) and word in answer.json()["error"]["message"]


def test_without_a_key_or_an_agent_there_is_nothing(home: Home, client: TestClient, no_callers: Any) -> None:
    assert client.post("/v1/threads", json={"text": "hi"}, headers={"Authorization": "Bearer x"}).status_code == 401
    secret = home.keys.create(Principal())
    with TestClient(create_app(home.keys, no_callers), headers={"Authorization": f"Bearer {secret}"}) as bare:
        assert bare.post("/v1/threads", json={"text": "hi"}).status_code == 404


def test_a_service_that_starts_goes_on_with_what_a_crash_stopped(home: Home, release: _Release, no_callers: Any) -> None:
    agent = HomeAgent(home, _Fleet(release), "company", 0.8)
    agent.resume()
    assert not home.threads.exists(), "where nothing was stopped nothing is opened"
    release.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        agent.say("hold orchid nursery", None, Principal())
    agent.close()
    release.answers = [_HOLD, "done"]
    agent = HomeAgent(home, _Fleet(release), "company", 0.8)
    with TestClient(create_app(home.keys, no_callers, agent)):
        deadline = time.monotonic() + 30
        while _holds(home) == [] and time.monotonic() < deadline:
            time.sleep(0.02)
        while release.answers and time.monotonic() < deadline:
            time.sleep(0.02)
    assert _holds(home) == ["hold_customer"], "nobody had to ask for it"


def test_a_decision_that_took_effect_is_not_answered_as_refused(
    client: TestClient, release: _Release, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.answers, release.confidence = [_HOLD, "done"], 0.4
    thread = client.post("/v1/threads", json={"text": "hold orchid nursery"}).json()["thread"]
    run, jobs = Worker.run, list[Any]()

    async def one_job(worker: Worker, job: Any) -> Any:
        jobs.append(job)
        if len(jobs) > 1:
            raise ApiError("64 requests are waiting already", status=429, code="engine_busy")
        return await run(worker, job)

    monkeypatch.setattr(Worker, "run", one_job)
    decided = client.post(f"/v1/threads/{thread}/decision", json={"approve": True})
    assert decided.status_code == 200 and _holds(home) == ["hold_customer"]


# behind the OpenAI surface


def _ask(client: TestClient, *said: str, **more: Any) -> Any:
    """Send a conversation, the person's turn first and last."""
    messages = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return client.post("/v1/chat/completions", json={"model": "company@agent", "messages": messages, **more})


def _text(answer: Any) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def _streamed(answer: Any) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]" and answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line) for line in lines[:-1]]


def test_the_agent_takes_a_turn(client: TestClient, release: _Release, home: Home) -> None:
    release.answers = [_HOLD, "done"]
    answer = _ask(client, "hold orchid nursery").json()
    assert "Orchid Nursery" in answer["choices"][0]["message"]["content"] and _holds(home) == ["hold_customer"]
    assert answer["choices"][0]["finish_reason"] == "stop" and answer["nightschool"]["receipt"]["outcome"] == "done"


def test_a_client_that_knows_no_threads_stays_in_its_own(client: TestClient, release: _Release, home: Home) -> None:
    release.answers, release.confidence = [_HOLD, "done", "none"], 0.4
    asked = _ask(client, "hold orchid nursery")
    assert _text(asked).endswith("Say yes or no.") and _holds(home) == []
    done = _ask(client, "hold orchid nursery", _text(asked), "Yes.")
    assert _holds(home) == ["hold_customer"] and done.json()["nightschool"]["thread"] == asked.json()["nightschool"]["thread"]
    after = _ask(client, "hold orchid nursery", _text(asked), "Yes.", _text(done), "thanks")
    assert after.json()["nightschool"]["thread"] == asked.json()["nightschool"]["thread"]


def test_conversations_that_begin_alike_are_not_taken_for_one(client: TestClient, release: _Release, home: Home) -> None:
    release.answers, release.confidence = ["none", "none", _HOLD, "none", "done"], 0.4
    hello = _text(_ask(client, "hello"))
    assert _text(_ask(client, "hello")) == hello
    asked = _ask(client, "hello", hello, "hold orchid nursery")
    other = _ask(client, "hello", hello, "yes").json()["nightschool"]
    assert _holds(home) == [] and other["thread"] != asked.json()["nightschool"]["thread"]
    shown = client.get(f"/v1/threads/{other['thread']}").json()["messages"]
    assert [message["content"] for message in shown][:3] == ["hello", hello, "yes"], "it goes on in a thread of its own"
    _ask(client, "hello", hello, "hold orchid nursery", _text(asked), "yes")
    assert _holds(home) == ["hold_customer"]


def test_a_turn_that_failed_is_over_and_what_is_said_again_goes_on_in_its_thread(
    client: TestClient, release: _Release, home: Home
) -> None:
    release.answers = ["none", _HOLD, _HOLD, "done"]
    first = _ask(client, "hello")
    (home.settings.home / "policy.toml").write_text("[roles")
    failed = _ask(client, "hello", _text(first), "hold orchid nursery")
    assert failed.status_code == 503 and "policy" in failed.json()["error"]["message"]
    (home.settings.home / "policy.toml").unlink()
    release.release_id = "r-newer"  # threads are opened anew for another champion
    again = _ask(client, "hello", _text(first), "hold orchid nursery")
    assert again.json()["nightschool"]["thread"] == first.json()["nightschool"]["thread"]
    kinds = [reply["kind"] for reply in again.json()["nightschool"]["replies"]]
    assert kinds == ["done"] and _holds(home) == ["hold_customer"], "the turn that failed is not taken up by itself"


def test_a_thread_may_be_named(client: TestClient, release: _Release) -> None:
    release.answers = ["none", "none"]
    thread = _ask(client, "hello").json()["nightschool"]["thread"]
    assert _ask(client, "and now", thread=thread).json()["nightschool"]["thread"] == thread
    assert _ask(client, "and now", thread="nowhere").status_code == 404


def test_a_conversation_whose_thread_was_forgotten_goes_on_in_a_new_one(
    client: TestClient, release: _Release, home: Home
) -> None:
    release.answers = ["none", "none", "none"]
    first = _ask(client, "hello")
    assert forget_threads(home.threads, datetime.now(UTC) + timedelta(days=1), pretend=False) == 1
    second = _ask(client, "hello", _text(first), "and now")
    assert second.status_code == 200 and second.json()["nightschool"]["thread"] != first.json()["nightschool"]["thread"]
    shown = client.get(f"/v1/threads/{second.json()['nightschool']['thread']}").json()["messages"]
    assert [message["content"] for message in shown][:3] == ["hello", _text(first), "and now"]
    third = _ask(client, "hello", _text(first), "and now", _text(second), "thanks")
    assert third.json()["nightschool"]["thread"] == second.json()["nightschool"]["thread"]


def test_the_agent_is_a_model_among_the_others(client: TestClient, home: Home, no_callers: Any) -> None:
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["company@agent"]
    assert client.get("/v1/models/company@agent").json()["id"] == "company@agent"
    with TestClient(create_app(home.keys, no_callers), headers=client.headers) as bare:
        assert bare.get("/v1/models/company@agent").status_code == 404


def test_what_was_said_elsewhere_comes_along(client: TestClient, release: _Release) -> None:
    release.answers = ["none"]
    thread = _ask(client, "I am from Orchid", "Welcome", "hello").json()["nightschool"]["thread"]
    shown = client.get(f"/v1/threads/{thread}").json()["messages"]
    assert [message["content"] for message in shown[:3]] == ["I am from Orchid", "Welcome", "hello"]


def test_two_people_who_say_the_same_have_threads_of_their_own(client: TestClient, release: _Release, home: Home) -> None:
    release.answers = ["none", "none"]
    first = _ask(client, "hello")
    other = home.keys.create(Principal(person="other"))
    client.headers["Authorization"] = f"Bearer {other}"
    second = _ask(client, "hello", _text(first), "and you?")
    assert second.json()["nightschool"]["thread"] != first.json()["nightschool"]["thread"]


@pytest.mark.parametrize("sure", [0.95, 0.4])
def test_a_stream_says_what_the_whole_answer_says(client: TestClient, release: _Release, home: Home, sure: float) -> None:
    release.answers, release.confidence = [_HOLD, "done"], sure
    chunks = _streamed(_ask(client, "hold orchid nursery", stream=True))
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant" and chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert "Orchid Nursery" in text and text.endswith("Say yes or no.") == (sure < 0.8)
    if sure < 0.8:
        yes = _streamed(_ask(client, "hold orchid nursery", text, "yes", stream=True))
        assert yes[-1]["nightschool"]["thread"] == chunks[-1]["nightschool"]["thread"]
    assert _holds(home) == ["hold_customer"]


def test_a_stream_that_cannot_begin_has_a_status(client: TestClient, release: _Release) -> None:
    assert _ask(client, "hi", thread="nowhere", stream=True).status_code == 404
    assert _ask(client, "x" * 20_000, stream=True).status_code == 400


def test_a_tools_result_and_another_toolset_are_refused(client: TestClient) -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "{}"},
    ]
    tool = client.post("/v1/chat/completions", json={"model": "company@agent", "messages": messages})
    assert tool.status_code == 400 and "user" in tool.json()["error"]["message"]
    other = client.post("/v1/chat/completions", json={"model": "shop@agent", "messages": messages[:1]})
    assert other.status_code == 404 and other.json()["error"]["code"] == "model_not_found"
