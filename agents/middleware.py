"""Policy, approvals, ledger and audit for agents of LangChain: `create_agent(model, tools, middleware=[WritePath(home)])`.

Every call of a tool takes the write path, with the tool itself as the business system. A tool cannot be asked what it would do,
or what a key did, so a diff is not shown, and a call that a crash interrupted stays unknown until a person has looked.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command, interrupt

from agents.home import Home
from core.errors import ApprovalNeeded, ContactLost, Denied, NightschoolError, ToolError
from core.types.effect import Change, Effect
from core.types.message import Message, ToolCall
from core.types.principal import Principal
from core.types.tool import Risk, Tool, read_toolset
from core.types.value import content_hash
from tools.executor import Executor
from tools.ledger import derived_key
from tools.trust import Taint, Trust, taint_of

_WHOLE: Mapping[str, Trust] = {"content": "clean"}
Handler = Callable[[ToolCallRequest], ToolMessage | Command[Any]]
AsyncHandler = Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]


class WritePath(AgentMiddleware[Any, Any]):
    """Lets each call of a tool pass, wait for a person, or be refused."""

    def __init__(
        self,
        home: Home,
        risks: Mapping[str, Risk] | None = None,
        clean: Sequence[str] = (),
        principal: Principal | None = None,
    ) -> None:
        """Guard an agent's tools.

        Args:
            home: Whose policy, ledger and audit these are.
            risks: What a wrong call of each tool costs; a tool that is not here writes.
            clean: Tools whose results are vouched for; those of others are texts that anybody may have written.
            principal: For whom the agent acts; None is the home's own.
        """
        super().__init__()
        self._home, self._risks, self._clean = home, dict(risks or {}), frozenset(clean)
        self._principal = principal or home.principal

    def wrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> ToolMessage | Command[Any]:
        """Carry one call out, once; a refusal is told to the model as the tool's error."""
        name, said, number = request.tool_call["name"], request.tool_call["args"], str(request.tool_call["id"])
        tool = _as_tool(request, self._risks.get(name, "write"))
        system = _OneCall(tool, request, handler)
        executor = self._home.executor(system)
        key = derived_key(_thread(request), number, name, said)
        try:
            taint = self._taint(request, tool, said) if tool.risk != "read" else Taint()
            effect = self._carried_out(executor, name, said, key, taint)
        except NightschoolError as error:
            if system.waits is not None:
                raise system.waits from None
            return ToolMessage(content=f"{error.code}: {error}", tool_call_id=number, name=name, status="error")
        if system.answer is not None:
            return system.answer
        return ToolMessage(content=str(effect.result.get("content", "")), tool_call_id=number, name=name)

    async def awrap_tool_call(self, request: ToolCallRequest, handler: AsyncHandler) -> ToolMessage | Command[Any]:
        """As `wrap_tool_call`, for agents that run in an event loop: what is asked and entered must not keep others waiting."""
        loop = asyncio.get_running_loop()

        async def awaited(asked: ToolCallRequest) -> ToolMessage | Command[Any]:
            return await handler(asked)

        def called(asked: ToolCallRequest) -> ToolMessage | Command[Any]:
            return asyncio.run_coroutine_threadsafe(awaited(asked), loop).result()

        # A thread of its own: the tools may run in those the loop lends, and these would all be waiting for them here.
        thread = ThreadPoolExecutor(1)
        try:
            return await loop.run_in_executor(thread, copy_context().run, self.wrap_tool_call, request, called)
        finally:
            thread.shutdown(wait=False)

    def _carried_out(self, executor: Executor, name: str, said: dict[str, Any], key: str, taint: Taint) -> Effect:
        request = executor.approvals.of_key(key)
        if request is None:
            try:
                return executor.execute(name, said, self._principal, key, taint=taint)
            except ApprovalNeeded as error:
                request = executor.approvals.get(error.request)
        # What waits was settled before: when the person has answered, this runs again, and the answer is about what was shown.
        shown = {"tool": name, "arguments": said, "why": request.shown.why}
        answer = interrupt({"kind": "approval", "approval": request.id, **shown})
        decision = answer if isinstance(answer, dict) else {}
        by = Principal.model_validate(decision["by"]) if decision.get("by") else self._principal
        if decision.get("approve") is not True:
            executor.withdraw(request.id, by, str(decision.get("reason", "")))
            raise Denied(f"{name}: {by.person} did not let it be done: {decision.get('reason', '')}")
        return executor.execute(name, said, self._principal, key, executor.approve(request.id, by), taint)

    def _taint(self, request: ToolCallRequest, tool: Tool, said: dict[str, Any]) -> Taint:
        state = request.state if isinstance(request.state, dict) else {}
        messages = [_message(message) for message in state.get("messages", [])]
        return taint_of(messages, (), tool, said, lambda name: _WHOLE if name in self._clean else {})


class _OneCall:
    """A tool of LangChain as a business system, for one call of it."""

    system = "langchain"

    def __init__(self, tool: Tool, request: ToolCallRequest, handler: Handler) -> None:
        self._tool, self._request, self._handler = tool, request, handler
        self.answer: ToolMessage | Command[Any] | None = None
        """What the tool gave back, if it was called now."""
        self.waits: GraphBubbleUp | None = None
        """Raised by a tool that asks a person itself; it is called again when they have answered."""

    def risk(self, tool: str) -> Risk:
        """As declared."""
        return self._tool.risk

    def conclusive(self, tool: str) -> bool:
        """A tool cannot be asked."""
        return False

    def trust(self, tool: str) -> Mapping[str, Trust]:
        """Of the whole result."""
        return {}

    def schema_hash(self, tool: str) -> str:
        """Of its arguments."""
        return self._tool.schema_hash

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        """A read is done at once; of a write nothing is known before."""
        if self._tool.risk != "read":
            return Effect(tool=tool, result={})
        return self._called(tool)

    def execute(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        """Call it; where it raises, nobody knows how far it came."""
        try:
            return self._called(tool)
        except NightschoolError:
            raise
        except GraphBubbleUp as waits:
            self.waits = waits
            raise ToolError(f"{tool}: waits for a person itself") from waits
        except Exception as error:
            raise ContactLost(f"{tool}: {error}") from error

    def find(self, key: str, tool: str, arguments: Mapping[str, Any]) -> Effect | None:
        """A tool cannot be asked."""
        return None

    def shows(self, changes: tuple[Change, ...]) -> bool:
        """It says itself what it did."""
        return True

    def undo(self, key: str, tool: str, arguments: Mapping[str, Any], effect: Effect) -> Effect:
        """A tool cannot take anything back."""
        raise Denied(f"{self._tool.name}: cannot be taken back")

    def _called(self, tool: str) -> Effect:
        self.answer = self._handler(self._request)
        content = self.answer.content if isinstance(self.answer, ToolMessage) else ""
        return Effect(tool=tool, result={"content": content if isinstance(content, str) else str(content)})


def _as_tool(request: ToolCallRequest, risk: Risk) -> Tool:
    """The tool with its schema; one that is not registered has none."""
    name = request.tool_call["name"]
    if request.tool is None:
        return Tool(name=name, risk=risk)
    function = convert_to_openai_tool(request.tool)["function"]
    return read_toolset("langchain", [{**function, "x-risk": risk}]).tools[0]


def _thread(request: ToolCallRequest) -> str:
    """The thread the agent runs in; without one, its state's own words name it."""
    config = getattr(request.runtime, "config", None) or {}
    thread = config.get("configurable", {}).get("thread_id")
    return str(thread) if thread else content_hash([str(getattr(request.state, "messages", request.state))])


def _message(message: AnyMessage) -> Message:
    text = message.text if isinstance(message.text, str) else str(message.content)
    if isinstance(message, HumanMessage):
        return Message(role="user", content=text)
    if isinstance(message, ToolMessage):
        # As one field, so that a tool whose results are vouched for can be told from others.
        return Message(role="tool", content=json.dumps({"content": text}), tool_call_id=message.tool_call_id)
    if isinstance(message, AIMessage):
        calls = tuple(ToolCall(name=call["name"], arguments=call["args"], id=call["id"]) for call in message.tool_calls)
        return Message(role="assistant", content=text, tool_calls=calls)
    return Message(role="system", content=text)
