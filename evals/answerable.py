"""Whether a case can be answered with the tools there are: what expects the impossible examines nobody."""

from core.types.case import Case
from core.types.message import ToolCall
from core.types.prediction import Ask
from core.types.tool import Tool, Toolset
from tools.validate import argument_error


def unanswerable(case: Case, toolset: Toolset) -> str | None:
    """Why no step with these tools could be right, naming the field; None where one could.

    Calls in `messages` are not looked at: what went wrong there may be what the step is to put right.
    """
    if case.expected and case.outcome not in (None, "calls"):
        return f"expected: calls, but where the outcome is {case.outcome!r} nothing is called"
    if case.outcome == "calls" and not case.expected:
        return "expected: no call, but the outcome is 'calls'"
    for at, call in enumerate(case.expected):
        if problem := _call_problem(toolset.by_name.get(call.name), call, toolset):
            return f"expected[{at}]: {problem}"
    if case.ask is not None and (problem := _ask_problem(toolset.by_name.get(case.ask.tool), case.ask, toolset)):
        return f"ask: {problem}"
    return None


def expects(case: Case, tool: Tool) -> bool:
    """Whether what a case expects of a tool fits this version of it; where it expects nothing, what was called before."""
    expected = [call for call in case.expected if call.name == tool.name]
    if case.ask is not None and case.ask.tool == tool.name:
        return _ask_error(tool, case.ask) is None
    before = [call for message in case.messages for call in message.tool_calls if call.name == tool.name]
    return all(argument_error(tool, call.arguments) is None for call in expected or before)


def _call_problem(tool: Tool | None, call: ToolCall, toolset: Toolset) -> str | None:
    if tool is None:
        return _unknown(call.name, toolset)
    error = argument_error(tool, call.arguments)
    return f"{call.name}: {error}" if error else None


def _ask_problem(tool: Tool | None, ask: Ask, toolset: Toolset) -> str | None:
    if tool is None:
        return _unknown(ask.tool, toolset)
    error = _ask_error(tool, ask)
    return f"{ask.tool}: {error}" if error else None


def _ask_error(tool: Tool, ask: Ask) -> str | None:
    if ask.missing not in tool.properties:
        return f"missing {ask.missing!r} is no argument; known: {', '.join(tool.properties) or 'none'}"
    return argument_error(tool, ask.arguments, complete=False)


def _unknown(name: str, toolset: Toolset) -> str:
    return f"unknown tool {name!r}; the toolset has {', '.join(sorted(toolset.by_name))}"
