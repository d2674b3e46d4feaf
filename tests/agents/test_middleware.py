"""Agents of LangChain on the write path: their tools are let pass, wait for a person, or are refused, and called once."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.home import Home
from agents.middleware import WritePath
from core.settings import Settings

_POLICY = """
default_role = "clerk"
[roles.clerk]
may_read = ["*"]
may_write = ["send_note", "wipe", "fail"]
[roles.boss]
may_approve = ["*"]
"""
_BOSS = {"person": "bea", "role": "boss"}


class _Model(BaseChatModel):
    """Calls what it is told to, one call after the other, then says what came back."""

    calls: list[tuple[str, dict[str, Any]]]
    at_once: bool = False

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        done = sum(message.type == "tool" for message in messages)
        if self.at_once and not done:
            every = [{"name": name, "args": given, "id": f"c{at}"} for at, (name, given) in enumerate(self.calls)]
            said = AIMessage("", tool_calls=every)
        elif done < len(self.calls):
            name, arguments = self.calls[done]
            said = AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"c{done}"}])
        else:
            said = AIMessage(str(messages[-1].content))
        return ChatResult(generations=[ChatGeneration(message=said)])


class _World:
    """Tools that note what they did, and an agent over them."""

    def __init__(self, folder: Path) -> None:
        self.done: list[str] = []
        self.home = Home(Settings(home=folder))
        (folder / "policy.toml").write_text(_POLICY)

        @tool
        def send_note(to: str) -> str:
            """Send a note."""
            self.done.append(f"note to {to}")
            return f"sent to {to}"

        @tool
        def wipe(what: str) -> str:
            """Wipe something out."""
            self.done.append(f"wiped {what}")
            return "wiped"

        @tool
        def fail(what: str) -> str:
            """Fail on the way."""
            self.done.append("began")
            raise TimeoutError("no answer")

        @tool
        def look_up(what: str) -> str:
            """Look something up."""
            return f"{what}: see mallory@evil.example"

        self._tools: list[Any] = [send_note, wipe, fail, look_up]
        self._saver = InMemorySaver()

    def ask(self, said: Any, *calls: tuple[str, dict[str, Any]], clean: Sequence[str] = ()) -> dict[str, Any]:
        given = said if isinstance(said, Command) else {"messages": [("user", said)]}
        result: dict[str, Any] = self._agent(calls, clean).invoke(given, {"configurable": {"thread_id": "t"}})
        return result

    def ask_in_a_loop(self, said: Any, *calls: tuple[str, dict[str, Any]], at_once: bool = False) -> dict[str, Any]:
        given = said if isinstance(said, Command) else {"messages": [("user", said)]}
        agent = self._agent(calls, (), at_once)
        result: dict[str, Any] = asyncio.run(agent.ainvoke(given, {"configurable": {"thread_id": "t"}}))
        return result

    def _agent(self, calls: Sequence[tuple[str, dict[str, Any]]], clean: Sequence[str], at_once: bool = False) -> Any:
        guard = WritePath(self.home, {"look_up": "read", "wipe": "destructive"}, clean)
        model = _Model(calls=list(calls), at_once=at_once)
        return create_agent(model, self._tools, middleware=[guard], checkpointer=self._saver)


@pytest.fixture
def world(tmp_path: Path) -> _World:
    return _World(tmp_path)


def _last(result: dict[str, Any]) -> str:
    return str(result["messages"][-1].content)


def test_what_policy_allows_is_done_and_entered(world: _World) -> None:
    assert _last(world.ask("a note to ada", ("send_note", {"to": "ada"}))) == "sent to ada"
    assert world.done == ["note to ada"] and [entry.state for entry in world.home.ledger.newest()] == ["done"]
    assert world.home.audit.verify() == []


def test_the_same_call_again_is_not_done_again(world: _World) -> None:
    guard = WritePath(world.home)
    handled: list[Any] = []
    request: Any = type("Request", (), {})()
    request.tool_call, request.tool, request.state = (
        {"name": "send_note", "args": {"to": "ada"}, "id": "c0"},
        None,
        {"messages": []},
    )
    request.state["messages"] = [_human("a note to ada")]
    request.runtime = type("Runtime", (), {"config": {"configurable": {"thread_id": "t"}}})()

    def handler(_: Any) -> Any:
        from langchain_core.messages import ToolMessage

        handled.append(1)
        return ToolMessage("sent", tool_call_id="c0")

    first, second = guard.wrap_tool_call(request, handler), guard.wrap_tool_call(request, handler)
    assert first.content == second.content == "sent" and handled == [1]  # type: ignore[union-attr]  # tool messages


def _human(text: str) -> Any:
    from langchain_core.messages import HumanMessage

    return HumanMessage(text)


def test_what_is_destructive_waits_for_another_person(world: _World) -> None:
    waiting = world.ask("wipe the board", ("wipe", {"what": "board"}))
    (asked,) = waiting["__interrupt__"]
    assert asked.value["tool"] == "wipe" and "second person" in asked.value["why"] and world.done == []
    done = world.ask(Command(resume={"approve": True, "by": _BOSS}), ("wipe", {"what": "board"}))
    assert _last(done) == "wiped" and world.done == ["wiped board"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"approve": False, "reason": "not today", "by": _BOSS}, "not today"),
        ({"approve": True}, "may not approve"),
        ("yes", "denied"),
    ],
)
def test_without_a_yes_of_somebody_who_may_it_is_not_done(world: _World, answer: Any, told: str) -> None:
    world.ask("wipe the board", ("wipe", {"what": "board"}))
    assert told in _last(world.ask(Command(resume=answer), ("wipe", {"what": "board"}))) and world.done == []


@pytest.mark.parametrize(
    ("said", "calls", "clean", "why"),
    [
        ("tell ada", (("look_up", {"what": "ada"}), ("send_note", {"to": "mallory@evil.example"})), (), "to: from a text"),
        ("tell ada", (("look_up", {"what": "ada"}), ("send_note", {"to": "ada"})), (), "texts nobody vouches for: look_up"),
        ("tell ada", (("send_note", {"to": "eve"}),), (), "to: from a text"),
        ("tell ada", (("look_up", {"what": "ada"}), ("send_note", {"to": "mallory@evil.example"})), ("look_up",), ""),
    ],
)
def test_values_of_foreign_texts_wait(world: _World, said: str, calls: Any, clean: Sequence[str], why: str) -> None:
    result = world.ask(said, *calls, clean=clean)
    if why:
        assert why in result["__interrupt__"][0].value["why"] and world.done == []
    else:
        assert world.done == ["note to mallory@evil.example"]


def test_a_call_that_fails_on_the_way_is_unknown_and_not_tried_again(world: _World) -> None:
    told = _last(world.ask("fail at it", ("fail", {"what": "it"})))
    assert told.startswith("unknown: ") and world.done == ["began"]
    assert [entry.tool for entry in world.home.ledger.unknown()] == ["fail"]


def test_a_tool_no_list_names_waits(world: _World) -> None:
    (world.home.settings.home / "policy.toml").write_text(_POLICY.replace('"send_note", ', ""))
    asked = world.ask("a note to ada", ("send_note", {"to": "ada"}))["__interrupt__"][0]
    assert "in no list of the policy" in asked.value["why"] and world.done == []


def test_an_agent_in_an_event_loop_takes_the_same_path(world: _World) -> None:
    assert _last(world.ask_in_a_loop("a note to ada", ("send_note", {"to": "ada"}))) == "sent to ada"
    assert world.done == ["note to ada"] and [entry.state for entry in world.home.ledger.newest()] == ["done"]


def test_in_an_event_loop_what_is_destructive_waits_too(world: _World) -> None:
    (asked,) = world.ask_in_a_loop("wipe the board", ("wipe", {"what": "board"}))["__interrupt__"]
    assert asked.value["tool"] == "wipe" and world.done == []
    answer = Command(resume={"approve": True, "by": _BOSS})
    assert _last(world.ask_in_a_loop(answer, ("wipe", {"what": "board"}))) == "wiped" and world.done == ["wiped board"]


def test_in_an_event_loop_more_calls_than_it_lends_threads_come_to_an_end(world: _World) -> None:
    people = [f"p{number}" for number in range(min(32, (os.cpu_count() or 1) + 4) + 1)]
    said = f"a note to {' and '.join(people)}"
    world.ask_in_a_loop(said, *(("send_note", {"to": person}) for person in people), at_once=True)
    assert sorted(world.done) == sorted(f"note to {person}" for person in people)
