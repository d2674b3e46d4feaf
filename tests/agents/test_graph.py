"""Whole turns: what is said, asked, done, looked up, refused, and what survives a crash."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.desk import Desk, Thresholds
from agents.feedback import correct
from agents.guard import SchemaGuard
from agents.home import Home
from agents.memory import Memory
from agents.router import Routed
from agents.threads import Threads, Turn, open_threads
from core.database import open_database
from core.errors import BadInput, Denied, NotFound, StoreError
from core.settings import Settings
from core.traces import TraceStore
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.principal import Principal
from core.types.tool import read_toolset
from core.types.trace import Trace
from finetune.harvest import harvest_one
from retrieval.knowledge import Knowledge
from retrieval.store import KnowledgeStore
from retrieval.vectors import ExactIndex
from tools.erp.company import CONVERSATIONS
from tools.erp.operations import ALL
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.executor import Executor
from tools.kinds import KindTable
from tools.marks import Marker
from tools.policy import DEFAULT_POLICY

_HOLD = {"name": "hold_customer", "arguments": {"customer": "Orchid Nursery"}}
_ROLES = ("accounting", "sales")
_TOOLSET = read_toolset("company", [operation.function for operation in ALL])


class _Scripted:
    """A release that answers in order, whatever is asked."""

    release_id = "r-scripted"

    def __init__(self, *answers: Any, confidence: float = 0.9) -> None:
        self.answers, self._confidence = list(answers), confidence
        self.seen: list[Message] = []

    def predict(self, messages: Sequence[Message]) -> Prediction:
        self.seen = list(messages)
        answer = self.answers.pop(0)
        sure = {"confidence": self._confidence, "latency_ms": 1.0}
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Prediction):
            return answer
        if isinstance(answer, list):
            calls = tuple(ToolCall(name=call["name"], arguments=call["arguments"]) for call in answer)
            return Prediction(outcome="calls", tool_calls=calls, **sure)
        if answer == "ask":
            return Prediction(outcome="ask", ask=Ask(tool="hold_customer", missing="customer", arguments={}), **sure)
        return Prediction(outcome=answer, query="the fee" if answer == "knowledge" else None, **sure)


class _Idle(_Scripted):
    """A release that never does anything."""

    def predict(self, messages: Sequence[Message]) -> Prediction:
        self.answers = ["done" if messages[-1].role == "tool" else "none"]
        return super().predict(messages)


class _Router:
    """Always the same route, but for what asks when."""

    def __init__(self, label: str) -> None:
        self._label = label

    def route(self, texts: Sequence[str]) -> list[Routed]:
        found = ["knowledge" if text.startswith("when ") else self._label for text in texts]
        return [Routed(label=label, confidence=0.99, best=label) for label in found]


class _Place:
    """A company, a database and pages for one test."""

    def __init__(self, folder: Path, company: Path, encoder: Any) -> None:
        self.folder, self.encoder = folder, encoder
        (folder / "company.sqlite").write_bytes(company.read_bytes())
        self.sandbox = Sandbox(folder / "company.sqlite")
        self.database = open_database(Settings(home=folder))
        self.home = Home(Settings(home=folder))
        self.ledger = self.home.ledger
        self.knowledge = Knowledge(KnowledgeStore(self.database, "default"), encoder, "words", ExactIndex)
        self.traces = TraceStore(self.database, "default")

    def desk(self, caller: Any, route: str | None = None, act: float = 0.0) -> Desk:
        return Desk(
            toolset=_TOOLSET,
            caller=caller,
            executor=self.home.executor(self.sandbox),
            book=Lookup(self.sandbox),
            knowledge=self.knowledge,
            encoder=self.encoder,
            router=_Router(route) if route else None,  # type: ignore[arg-type]  # a stand-in
            traces=self.traces,
            memory=Memory(Marker(_TOOLSET, KindTable()), lambda: self.traces.corrections("company")),
            principal=Principal(),
            thresholds=Thresholds(act=act),
        )

    def say(self, text: str, caller: Any, thread: str | None = None, **desk: Any) -> Turn:
        with self.threads(caller, **desk) as threads:
            return threads.say(text, thread)

    def threads(self, caller: Any, **desk: Any) -> Any:
        return open_threads(self.desk(caller, **desk), self.folder / "threads.sqlite")

    def done(self) -> list[str]:
        return [action.operation for action in self.sandbox.journal()]


@pytest.fixture
def place(tmp_path: Path, short_company: Path, hashed_words: Any) -> Iterator[_Place]:
    place = _Place(tmp_path, short_company, hashed_words)
    place.before = place.done()  # type: ignore[attr-defined]
    yield place
    place.sandbox.close()
    place.database.dispose()


def _new(place: _Place) -> list[str]:
    return place.done()[: len(place.done()) - len(place.before)]  # type: ignore[attr-defined]


def test_a_sure_write_is_done_and_recorded(place: _Place) -> None:
    turn = place.say("put orchid nursery on hold", _Scripted([_HOLD], "done"))
    assert [reply["kind"] for reply in turn.replies] == ["done"] and "Orchid Nursery" in turn.text
    assert turn.replies[0]["changes"] and _new(place) == ["hold_customer"]
    assert turn.receipt["release"] == "r-scripted" and turn.receipt["outcome"] == "done"
    trace = place.traces.get(turn.receipt["trace"])
    assert not trace.accepted and trace.outcome == "done" and trace.messages[1].tool_calls[0].name == "hold_customer"


def test_the_caller_sees_results_and_turns_before(place: _Place) -> None:
    caller = _Scripted([_HOLD], "done", "ask")
    first = place.say("put orchid nursery on hold", caller)
    second = place.say("and the other one", caller, first.thread)
    assert [message.role for message in caller.seen] == ["user", "assistant", "tool", "assistant", "user"]
    assert second.replies[0]["kind"] == "ask" and second.text == "Which customer is it for?"


_OPEN = Prediction(outcome="done", left_open=("open a ticket, late, for them",), confidence=0.9, latency_ms=1.0)
_TICKET = {"name": "create_ticket", "arguments": {"customer": "Orchid Nursery", "subject": "late"}}


def test_a_wish_that_stays_open_is_told_and_kept_until_yes(place: _Place) -> None:
    caller = _Scripted([_HOLD], _OPEN, [_TICKET], "done", "none")
    first = place.say("hold orchid nursery and open a ticket, late, for them", caller)
    assert [reply["kind"] for reply in first.replies] == ["done", "open"] and "open a ticket, late, for them" in first.text
    assert first.receipt["outcome"] == "done" and _new(place) == ["hold_customer"]
    second = place.say("Yes.", caller, first.thread)
    spoken = [message.content for message in caller.seen if message.role == "user"]
    assert spoken[-1] == "Yes, open a ticket, late, for them" and _new(place) == ["create_ticket", "hold_customer"]
    place.say("yes", caller, second.thread)
    assert caller.seen[-1].content == "yes", "what was done is open no more"


def test_a_wish_that_stays_open_is_dropped_by_anything_else(place: _Place) -> None:
    caller = _Scripted([_HOLD], _OPEN, "none", "none")
    first = place.say("hold orchid nursery and open a ticket for them", caller)
    place.say("no", caller, first.thread)
    place.say("yes", caller, first.thread)
    assert caller.seen[-1].content == "yes" and _new(place) == ["hold_customer"]


def test_two_records_that_fit_are_asked_about(place: _Place) -> None:
    turn = place.say("hold brightwater", _Scripted([{"name": "hold_customer", "arguments": {"customer": "brightwater"}}]))
    assert turn.replies[0]["kind"] == "ask" and "Brightwater" in turn.text and _new(place) == []


def test_an_unsure_write_waits_for_a_person(place: _Place) -> None:
    with place.threads(_Scripted([_HOLD], "done", confidence=0.5), act=0.8) as threads:
        turn = threads.say("hold orchid nursery")
        (call,) = turn.waiting
        assert call["tool"] == "hold_customer" and call["changes"] and turn.receipt == {} and _new(place) == []
        approved = threads.decide(turn.thread, approve=True)
        assert _new(place) == ["hold_customer"] and approved.receipt["outcome"] == "done"
        with pytest.raises(NotFound, match="waits for nothing"):
            threads.decide(turn.thread, approve=True)


def test_a_rejected_write_is_not_done_and_neither_is_one_that_is_talked_over(place: _Place) -> None:
    caller = _Scripted([_HOLD], [_HOLD], "none", confidence=0.5)
    with place.threads(caller, act=0.8) as threads:
        turn = threads.say("hold orchid nursery")
        assert threads.decide(turn.thread, approve=False, reason="wrong one").text == "Not done: wrong one."
        again = threads.say("hold orchid nursery", turn.thread)
        after = threads.say("never mind", again.thread)
    assert after.waiting == () and after.receipt["outcome"] == "none" and _new(place) == []


def _key(place: _Place) -> str:
    return Lookup(place.sandbox).match("customer", "Orchid Nursery", {})[0].key  # type: ignore[index]  # it is there


def test_an_answer_is_about_what_was_shown(place: _Place) -> None:
    """A no stays a no where the call would not have to wait any more, and a yes is of the diff that was shown."""
    with place.threads(_Scripted([_HOLD], "done", confidence=0.5), act=0.8) as threads:
        waiting = threads.say("hold orchid nursery")
    with place.threads(_Scripted("done"), act=0.1) as threads:
        assert threads.decide(waiting.thread, approve=False, reason="no").text == "Not done: no."
    assert _new(place) == []
    with place.threads(_Scripted([_HOLD], "done", confidence=0.5), act=0.8) as threads:
        waiting = threads.say("hold orchid nursery")
        place.sandbox.execute("hold_customer", {"customer": _key(place)}, "by somebody else")
        after = threads.decide(waiting.thread, approve=True)
    assert after.replies[0]["kind"] == "failed" and _new(place) == ["hold_customer"]


def test_only_what_was_shown_is_approved(place: _Place) -> None:
    with place.threads(_Scripted([_HOLD], [_TICKET], "done", confidence=0.5), act=0.8) as threads:
        first = threads.say("hold orchid nursery")
        old = first.waiting[0]["approval"]
        second = threads.say("a ticket for orchid nursery, late", first.thread)
        with pytest.raises(NotFound, match="not for"):
            threads.decide(second.thread, approve=True, approval=old)
        threads.decide(second.thread, approve=True, approval=second.waiting[0]["approval"])
    assert _new(place) == ["create_ticket"]


def _trace(place: _Place, turn: Turn) -> Trace:
    return place.traces.get(turn.receipt["trace"])


def test_what_a_person_let_be_done_teaches_and_what_nobody_saw_does_not(place: _Place) -> None:
    unseen = place.say("put orchid nursery on hold", _Scripted([_HOLD], "done"))
    assert (_trace(place, unseen).judged, _trace(place, unseen).accepted) == ("", False)
    with place.threads(_Scripted([_TICKET], "done", confidence=0.5), act=0.8) as threads:
        approved = threads.decide(threads.say("a ticket for orchid nursery, late").thread, approve=True)
    assert (_trace(place, approved).judged, _trace(place, approved).accepted) == ("approved", True)
    with place.threads(_Scripted([_TICKET], confidence=0.5), act=0.8) as threads:
        rejected = threads.decide(threads.say("another ticket for orchid nursery, late").thread, approve=False)
    assert (_trace(place, rejected).judged, _trace(place, rejected).accepted) == ("rejected", False)


def test_one_step_nobody_saw_leaves_the_turn_unconfirmed(place: _Place) -> None:
    bank = {"name": "change_bank_details", "arguments": {"supplier": "Alpha Bearings Co", "iban": "DE89370400440532013000"}}
    with place.threads(_Scripted([_HOLD], [bank], "done")) as threads:
        turn = threads.say("hold orchid nursery, and DE89370400440532013000 for Alpha Bearings Co")
        after = threads.decide(turn.thread, approve=True, by=Principal(person="bea", role="controlling"))
    assert _new(place)[:2] == ["change_bank_details", "hold_customer"]
    assert (_trace(place, after).judged, _trace(place, after).accepted) == ("approved", False)


def test_what_a_person_puts_right_is_done_and_taught_and_acts_on_the_next_request(place: _Place) -> None:
    right = {"customer": "Orchid Nursery", "reason": "pays late"}
    with place.threads(_Scripted([_HOLD], "done", confidence=0.5), act=0.8) as threads:
        waiting = threads.say("hold orchid nursery, pays late")
        identity = waiting.waiting[0]["id"]
        done = threads.decide(waiting.thread, approve=True, edits={identity: right})
    assert _new(place) == ["hold_customer"]
    assert place.ledger.newest()[0].arguments == {"customer": _key(place), "reason": "pays late"}
    trace = _trace(place, done)
    assert (trace.judged, trace.accepted) == ("edited", True)
    assert [call.arguments for message in trace.messages for call in message.tool_calls] == [right]
    memory = Memory(Marker(_TOOLSET, KindTable()), lambda: place.traces.corrections("company"))
    again = memory.recall([Message(role="user", content="hold orchid nursery, pays late")])
    assert again is not None and [call.arguments for call in again.tool_calls] == [right]
    assert place.home.approvals.waiting() == [] and place.home.audit.verify() == []


@pytest.mark.parametrize(
    ("edits", "error"),
    [
        ({"t9s9c9": {}}, NotFound),
        ({"t1s1c1": {"customer": 5}}, BadInput),
        ({"t1s1c1": {"customer": "nobody of that name"}}, BadInput),
        ({"t1s1c1": {"custumer": "Orchid Nursery"}}, BadInput),
    ],
)
def test_an_edit_that_does_not_fit_leaves_it_waiting(place: _Place, edits: Any, error: type[Exception]) -> None:
    with place.threads(_Scripted([_HOLD], "done", confidence=0.5), act=0.8) as threads:
        waiting = threads.say("hold orchid nursery")
        with pytest.raises(error):
            threads.decide(waiting.thread, approve=True, edits=edits)
        assert _new(place) == []
        threads.decide(waiting.thread, approve=True)
    assert _new(place) == ["hold_customer"]


def test_what_takes_two_people_is_not_put_right_by_one(place: _Place) -> None:
    call = {"name": "change_bank_details", "arguments": {"supplier": "Alpha Bearings Co", "iban": "DE89370400440532013000"}}
    bea, theirs = Principal(person="bea", role="controlling"), {**call["arguments"], "iban": "DE02120300000000202051"}
    with place.threads(_Scripted([call], confidence=1.0)) as threads:
        waiting = threads.say("new bank for Alpha Bearings Co")
        with pytest.raises(Denied, match="two people"):
            threads.decide(waiting.thread, approve=True, by=bea, edits={waiting.waiting[0]["id"]: theirs})
    assert _new(place) == []


def test_who_may_let_it_through_may_not_write_it_anew(place: _Place) -> None:
    """Accounting may approve a discount of sales, but grants none itself, and so changes none on the way."""
    grant = {"name": "set_discount", "arguments": {"customer": "Orchid Nursery", "percent": 20}}
    ann, bob = Principal(person="ann", role="sales"), Principal(person="bob", role="accounting")
    with place.threads(_Scripted([grant], "done")) as threads:
        waiting = threads.say("20 % for orchid nursery", by=ann)
        edits = {waiting.waiting[0]["id"]: {"customer": "Orchid Nursery", "percent": 90}}
        with pytest.raises(Denied, match="not bob's to write"):
            threads.decide(waiting.thread, approve=True, by=bob, edits=edits)
        threads.decide(waiting.thread, approve=True, by=bob)
    assert place.ledger.newest()[0].arguments["percent"] == 20


def test_what_was_only_wished_differently_is_no_lesson(place: _Place) -> None:
    """An edit whose values nobody said is done, and taught to nobody."""
    grant = {"name": "set_discount", "arguments": {"customer": "Orchid Nursery", "percent": 20}}
    with place.threads(_Scripted([grant], "done", confidence=0.5), act=0.8) as threads:
        waiting = threads.say("20 % for orchid nursery")
        edits = {waiting.waiting[0]["id"]: {"customer": "Orchid Nursery", "percent": 10}}
        done = threads.decide(waiting.thread, approve=True, edits=edits)
    assert place.ledger.newest()[0].arguments["percent"] == 10
    assert (_trace(place, done).judged, _trace(place, done).accepted) == ("edited", False)
    assert list(place.traces.corrections("company")) == []


def test_destructive_calls_always_wait(place: _Place) -> None:
    call = {"name": "change_bank_details", "arguments": {"supplier": "Alpha Bearings Co", "iban": "DE89370400440532013000"}}
    turn = place.say("new bank for Alpha Bearings Co", _Scripted([call], confidence=1.0))
    assert turn.waiting and _new(place) == []


def test_a_broken_rule_is_told_and_the_caller_goes_on(place: _Place) -> None:
    call = {"name": "release_customer", "arguments": {"customer": "Orchid Nursery"}}
    caller = _Scripted([call], "done")
    turn = place.say("release orchid nursery", caller)
    assert turn.replies[0]["kind"] == "failed" and "error" in caller.seen[-1].content and _new(place) == []


def test_a_page_is_quoted_to_those_who_may_see_it(place: _Place) -> None:
    place.knowledge.add_text("finance/margins.md", "# Margins\n\n## Chairs\n\nThe margin on chairs is forty percent.\n")
    policy = DEFAULT_POLICY.read_text().replace("[roles.sales]", '[roles.sales]\npages = ["sales/*"]')
    (place.folder / "policy.toml").write_text(policy)
    with place.threads(_Scripted(), route="knowledge") as threads:
        told = {role: threads.say("what is the margin on chairs", by=Principal(person="p", role=role)) for role in _ROLES}
        thread = told["sales"].thread
        model_hears = str(threads.messages(thread))
    assert "forty percent" in told["accounting"].text and told["accounting"].receipt["sources"] == ["finance/margins.md"]
    assert "forty" not in told["sales"].text + model_hears and told["sales"].receipt["sources"] == []


def test_knowledge_is_quoted_with_its_source(place: _Place) -> None:
    place.knowledge.add_text(
        "fees.md", "# Fees\nVersion: 2 · Valid from: 2026-01-01\n\n## Return\n\nThe fee for a return is nine euros.\n"
    )
    turn = place.say("what is the fee for a return", _Scripted(), route="knowledge")
    assert "nine euros" in turn.text and "fees.md" in turn.text and turn.receipt["sources"] == ["fees.md"]
    place.knowledge.add_text("fees.md", "# Fees\n\n## Return\n\nThe fee for a return is eleven euros.\n")
    assert "eleven euros" in place.say("what is the fee for a return", _Scripted(), route="knowledge").text
    assert "None of the pages" in place.say("who painted the ceiling", _Scripted(), route="knowledge").text


def test_a_mixed_request_is_done_and_answered(place: _Place) -> None:
    place.knowledge.add_text("holds.md", "# Holds\n\nA hold ends after thirty days.\n")
    turn = place.say("hold orchid nursery, and when does a hold end after", _Scripted([_HOLD], "done"), route="mixed")
    assert [reply["kind"] for reply in turn.replies] == ["done", "answer"] and "thirty days" in turn.text


def test_of_a_mixed_request_only_what_asks_is_looked_up(place: _Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(place.knowledge, "search", lambda question, limit, may_see: asked.append(question) or [])
    place.say("hold orchid nursery at once, and when does such a hold end", _Scripted([_HOLD], "done"), route="mixed")
    assert asked == ["when does such a hold end"]


@pytest.mark.parametrize(("route", "word"), [("smalltalk", "work"), ("out_of_scope", "colleague")])
def test_what_is_no_work_is_refused_politely(place: _Place, route: str, word: str) -> None:
    turn = place.say("hello there", _Scripted(), route=route)
    assert word in turn.text and turn.receipt["outcome"] == "none"


def test_a_crash_between_effect_and_checkpoint_does_nothing_twice(place: _Place, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = _Scripted([_HOLD], "done")
    execute = Executor.execute

    def crash(self: Executor, *args: Any) -> Any:
        execute(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Executor, "execute", crash)
    with place.threads(caller) as threads, pytest.raises(KeyboardInterrupt):
        threads.say("hold orchid nursery", None)
    monkeypatch.setattr(Executor, "execute", execute)
    with place.threads(caller) as threads:
        (turn,) = threads.resume_all()
        assert threads.resume_all() == []
    assert _new(place) == ["hold_customer"] and turn.receipt["outcome"] == "done"


def _failing(*_: Any, **__: Any) -> Any:
    raise StoreError("nothing is allowed until the policy can be read", code="policy")


@pytest.mark.parametrize(("owner", "method"), [(Executor, "judge"), (Executor, "execute"), (_Router, "route")])
def test_a_turn_that_failed_is_over_and_nobody_goes_on_with_it(
    place: _Place, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    broken = RuntimeError("the disk is full")
    with place.threads(_Scripted("none"), route="action") as threads:
        thread = threads.say("hello").thread
    with monkeypatch.context() as failing, place.threads(_Scripted([_HOLD]), route="action") as threads:
        failing.setattr(owner, method, lambda *_: (_ for _ in ()).throw(broken))
        with pytest.raises(RuntimeError, match="disk"):
            threads.say("hold orchid nursery", thread)
        shown = threads.messages(thread)
    assert shown[-1]["role"] == "assistant" and "disk" not in str(shown)
    with place.threads(_Scripted("none"), route="action") as threads:
        assert threads.resume_all() == []
        after = threads.say("never mind", thread)
    assert _new(place) == [] and [reply["kind"] for reply in after.replies] == ["none"]


def test_what_a_failed_turn_had_asked_for_waits_no_more(place: _Place, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Executor.judge

    def judged(self: Executor, tool: str, *arguments: Any) -> Any:
        return _failing() if tool == "create_ticket" else judge(self, tool, *arguments)

    monkeypatch.setattr(Executor, "judge", judged)
    with place.threads(_Scripted([_HOLD, _TICKET], confidence=0.5), act=0.8) as threads, pytest.raises(StoreError):
        threads.say("hold orchid nursery and open a ticket, late")
    assert place.home.approvals.waiting() == [] and _new(place) == []


@pytest.mark.parametrize("approve", [True, False])
def test_an_approval_that_failed_waits_on_and_is_not_given_later_by_itself(
    place: _Place, monkeypatch: pytest.MonkeyPatch, approve: bool
) -> None:
    caller = _Scripted([_HOLD], "done", confidence=0.5)
    with monkeypatch.context() as failing, place.threads(caller, act=0.8) as threads:
        waiting = threads.say("hold orchid nursery")
        failing.setattr(Executor, "approve", lambda *_: (_ for _ in ()).throw(RuntimeError("the disk is full")))
        with pytest.raises(RuntimeError):
            threads.decide(waiting.thread, approve=True)
    with place.threads(caller, act=0.8) as threads:
        assert threads.resume_all() == [] and _new(place) == []
        assert threads.resume(waiting.thread).waiting == waiting.waiting
        threads.decide(waiting.thread, approve=approve)
    assert _new(place) == ["hold_customer"] * approve


def test_what_a_crash_stopped_is_not_given_up_where_nobody_is_told_that_it_failed(
    place: _Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.threads(_Scripted(KeyboardInterrupt())) as threads, pytest.raises(KeyboardInterrupt):
        threads.say("hold orchid nursery")
    caller = _Scripted([_HOLD], "done")
    with monkeypatch.context() as failing, place.threads(caller) as threads:
        failing.setattr(Executor, "judge", _failing)
        assert threads.resume_all() == []
    with place.threads(caller) as threads:
        (turn,) = threads.resume_all()
    assert turn.receipt["outcome"] == "done" and _new(place) == ["hold_customer"]


def test_one_stopped_turn_that_cannot_go_on_does_not_stop_the_others(place: _Place) -> None:
    with place.threads(_Scripted(KeyboardInterrupt(), KeyboardInterrupt())) as threads:
        for text in ("hold orchid nursery", "open a ticket for orchid nursery, late"):
            with pytest.raises(KeyboardInterrupt):
                threads.say(text)
    with place.threads(_Scripted(RuntimeError("broken"), [_TICKET], "done")) as threads:
        (turn,) = threads.resume_all()
    assert turn.receipt["outcome"] == "done" and _new(place) == ["create_ticket"]
    with place.threads(_Scripted([_HOLD], "done")) as threads:
        assert len(threads.resume_all()) == 1, "it is not given up"
    assert sorted(_new(place)) == ["create_ticket", "hold_customer"]


def test_fifty_corrections_act_on_the_very_next_request(place: _Place) -> None:
    """Requests that the release gets wrong, whatever they are: it calls nothing."""
    rows = (json.loads(line) for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines())
    single = (row for row in rows if row["outcome"] == "calls" and len(row["messages"]) == 2)
    asked = [next(single) for _ in range(50 * 40)][::40]
    right = 0
    with place.threads(_Idle(), act=1.1) as threads:
        for row in asked:
            wrong = threads.say(row["messages"][0]["content"])
            functions = [call["function"] for call in row["messages"][1]["tool_calls"]]
            calls = [ToolCall(name=f["name"], arguments=json.loads(f["arguments"])) for f in functions]
            trace = correct(place.traces, _TOOLSET, wrong.receipt["trace"], calls)
            turn = threads.say(row["messages"][0]["content"])
            asks = [reply for reply in turn.replies if reply["kind"] == "ask"]
            acted = [*turn.waiting, *(reply["call"] for reply in turn.replies if "call" in reply)]
            right += bool(asks) or [call["tool"] for call in acted][: len(calls)] == [call.name for call in calls]
            assert trace.accepted
    print(f"{right} of {len(asked)} corrections acted on the next request")
    assert right == len(asked) == 50


def test_going_round_in_circles_ends(place: _Place) -> None:
    find = {"name": "find_customer", "arguments": {"query": "Orchid Nursery"}}
    turn = place.say("find orchid", _Scripted(*[[find]] * 20))
    assert turn.replies[-1]["kind"] == "error" and "circles" in turn.text


@pytest.mark.parametrize("text", ["", "  \n", "x" * 12_001])
def test_messages_that_cannot_be_read_are_named(place: _Place, text: str) -> None:
    with pytest.raises(BadInput, match="message"):
        place.say(text, _Scripted())


def test_an_unknown_thread_is_named(place: _Place) -> None:
    with place.threads(_Scripted()) as threads:
        for use in (threads.messages, threads.resume, lambda thread: threads.say("hi", thread)):
            with pytest.raises(NotFound, match="nowhere"):
                use("nowhere")
    assert isinstance(threads, Threads)


def test_a_tool_that_changed_since_it_was_learned_is_left_to_a_person(place: _Place) -> None:
    tools = {operation.tool.name: operation.function for operation in ALL}
    hold = tools["hold_customer"]
    tools["hold_customer"] = {**hold, "parameters": {**hold["parameters"], "required": ["customer", "reason"]}}
    now = [_TOOLSET]
    guard = SchemaGuard(_TOOLSET, lambda: now[0].version, lambda: now[0])
    find = {"name": "find_customer", "arguments": {"query": "Orchid Nursery"}}
    caller = _Scripted([_HOLD], "done", [_HOLD], [find], "done", "ask")
    desk = replace(place.desk(caller), guard=guard)
    with open_threads(desk, place.folder / "threads.sqlite") as threads:
        assert threads.say("hold orchid nursery").receipt["outcome"] == "done"
        now[0] = read_toolset("company", list(tools.values()))
        turn = threads.say("hold orchid nursery")
        assert turn.receipt["outcome"] == "escalated" and "hold_customer: changed" in turn.text
        assert threads.say("find orchid nursery").receipt["outcome"] == "done"
        assert threads.say("hold somebody").receipt["outcome"] == "escalated"
    assert _new(place) == ["hold_customer"]
    assert SchemaGuard(_TOOLSET, lambda: None, lambda: _TOOLSET).changed() == set(_TOOLSET.by_name)


def test_a_tool_the_release_has_never_seen_is_left_to_a_person_and_the_thread_goes_on(place: _Place) -> None:
    refund = {"name": "refund_customer", "arguments": {"customer": "Orchid Nursery"}}
    with open_threads(place.desk(_Scripted([refund], [_HOLD], "done")), place.folder / "threads.sqlite") as threads:
        turn = threads.say("refund orchid nursery")
        assert turn.receipt["outcome"] == "escalated" and "refund_customer: changed" in turn.text
        assert threads.say("hold orchid nursery", turn.thread).receipt["outcome"] == "done"
    later = list(place.traces.all("company"))[-1]
    assert later.unlearned == (1,), "a turn teaches nothing of those before it"
    example = harvest_one(later)
    assert example is not None and min(step.position for step in example.steps) > 1


def test_a_thread_that_goes_on_after_a_tool_changed_knows_both_schemas(place: _Place) -> None:
    tools = {operation.tool.name: operation.function for operation in ALL}
    ticket = tools["create_ticket"]
    tools["create_ticket"] = {**ticket, "parameters": {**ticket["parameters"], "required": ["customer", "subject", "priority"]}}
    later = read_toolset("company", list(tools.values()))
    again = {"name": "create_ticket", "arguments": {"customer": "Orchid Nursery", "subject": "late", "priority": "high"}}
    find = {"name": "find_customer", "arguments": {"query": "Orchid Nursery"}}
    thread = place.say("a ticket for orchid nursery, priority high: late", _Scripted([again], "done")).thread
    desk = replace(place.desk(_Scripted([find], "done", [again], "done")), toolset=later)
    with open_threads(desk, place.folder / "threads.sqlite") as threads:
        threads.say("find orchid nursery", thread)
        threads.say("and one more for orchid nursery, priority high: late", thread)
    first, second, third = (trace.schema_hashes for trace in place.traces.all("company"))
    assert first["create_ticket"] == second["create_ticket"] == _TOOLSET.schema_hashes["create_ticket"], "as it was called then"
    assert second["find_customer"] == later.schema_hashes["find_customer"] and third["create_ticket"] == "several"
