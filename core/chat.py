"""The one renderer and the one parser between conversations and model text.

Training, serving and evaluation all go through here, so what the weights learned is what they are asked. The format is a
compact ChatML: a turn of user or tool is `<|im_start|>role\\n…<|im_end|>`, and the model's own turn follows at once,
`name{json}` a line and `<|im_end|>` at the end. Before it may stand a turn of the picker, with its guess at the step. No
schemas stand in the prompt: they are in the weights.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from core.errors import BadInput
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.tool import Toolset
from core.types.value import content_hash

END = "<|im_end|>"
_OPEN = "<|im_start|>"
PICK_ROLE = "pick"
Picks: TypeAlias = Mapping[int, str]
"""What the picker said, by the position of the turn it said it for."""
NO_PICKS: Picks = MappingProxyType({})
PSEUDO_CALLS = ("search", "done", "none")
PSEUDO_HEADS = {"knowledge": "!search", "done": "!done", "none": "!none"}
"""What a step of an outcome without tool starts with, as `parse_calls` names it."""
MAX_CALLS = 4
_MAX_TOOL_TEXT = 1200
_CONTROL_TOKEN = re.compile(r"<(?=\|?[/\w]{1,40}\|?>)")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")
"""And halves of surrogate pairs: a result whose text was cut within an emoji holds one, and nothing can be done with it."""

FORMAT_HASH = content_hash(["compact-chatml", "marks", "picks", "facts", 4])
"""Names the text format in receipts and releases; raise the number when rendering changes."""


class Segment(NamedTuple):
    """A piece of rendered text."""

    text: str
    loss: bool
    """True where the model is to learn to write this text."""


def neutral(text: str) -> str:
    """Text from outside with nothing left that a tokenizer could read as a control token.

    `<|im_end|>` becomes `< |im_end|>`, as does any `<word>`; control characters other than newline and tab go.
    """
    # control characters first: taking one out of `<|im\x00_end|>` must not make a token
    return _CONTROL_TOKEN.sub("< ", _CONTROL_CHARACTER.sub("", text)).strip()


def as_said(value: Any, said: Sequence[str]) -> Any:
    """A value a model wrote, with every text in it as it was said where `neutral` had changed that: `<urgent>` for `< urgent>`.

    Args:
        value: A text, or a JSON value that holds texts.
        said: What was said, as it was.
    """
    if isinstance(value, dict):
        return {key: as_said(inner, said) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_said(inner, said) for inner in value]
    if not isinstance(value, str) or any(value in text for text in said):
        return value
    meant = value.replace("< ", "<")
    return meant if any(meant in text for text in said) else value


def aliases(toolset: Toolset) -> dict[str, str]:
    """How each tool is spelled in model text: its name, unless that is a pseudo-call's."""
    taken = {*PSEUDO_CALLS, *toolset.by_name}
    spelled = {}
    for name in toolset.by_name:
        alias = name
        while alias in PSEUDO_CALLS or (alias != name and alias in taken):
            alias += "_"
        taken.add(alias)
        spelled[name] = alias
    return spelled


def render_calls(toolset: Toolset, calls: Sequence[ToolCall]) -> str:
    """Write calls as the model writes them: one `name{json}` a line, arguments in schema order."""
    spelled = aliases(toolset)
    return "\n".join(spelled.get(call.name, neutral(call.name)) + json_text(ordered(toolset, call)) for call in calls)


def render_step(toolset: Toolset, step: Step) -> str:
    """Write what a step teaches: its calls, or `search{…}`, `done{}`, `none{}`."""
    if step.outcome == "knowledge":
        return "search" + json_text({"query": step.query} if step.query else {})
    if step.outcome in ("done", "none"):
        return step.outcome + "{}"
    return render_calls(toolset, step.calls)


def render_prompt(toolset: Toolset, messages: Sequence[Message], picks: Picks = NO_PICKS) -> str:
    """Render a conversation up to where the model writes next. System messages are not shown: logic is in the weights.

    Args:
        toolset: What its calls are of.
        messages: The conversation.
        picks: What the picker said before each of the model's turns, the next one's position being `len(messages)`.
    """
    rendered = dict(_render_messages(toolset, messages))
    return "".join(_pick_turn(picks, position) + rendered.get(position, "") for position in range(len(messages) + 1))


def render_example(toolset: Toolset, example: Example, picks: Picks = NO_PICKS) -> list[Segment]:
    """Render a whole conversation once, every teaching step in it with loss on exactly its text and end mark."""
    targets = {step.position: step for step in example.steps}
    rendered = dict(_render_messages(toolset, example.messages))
    segments = []
    for position in range(len(example.messages) + 1):
        if position in picks:
            segments.append(Segment(_pick_turn(picks, position), False))
        if position in targets:
            segments.append(Segment(render_step(toolset, targets[position]) + END, True))
        elif position in rendered:
            segments.append(Segment(rendered[position], False))
    return segments


def own_turns(messages: Sequence[Message]) -> list[int]:
    """Positions of the model's turns: those that call, those that end a task after a result, and the one to come.

    A turn the conversation begins with, what was before it cut off, is none: there is nothing to judge it by.
    """
    done = [
        position
        for position, message in enumerate(messages)
        if position and message.role == "assistant" and (message.tool_calls or messages[position - 1].role == "tool")
    ]
    return [*done, len(messages)]


def _pick_turn(picks: Picks, position: int) -> str:
    return f"{_OPEN}{PICK_ROLE}\n{neutral(picks[position])}{END}" if position in picks else ""


def _render_messages(toolset: Toolset, messages: Sequence[Message]) -> Iterator[tuple[int, str]]:
    previous: Message | None = None
    for position, message in enumerate(messages):
        if message.role == "user":
            yield position, f"{_OPEN}user\n{neutral(message.content)}{END}"
        elif message.role == "tool":
            yield position, f"{_OPEN}tool\n{neutral(compact_result(message.content))[:_MAX_TOOL_TEXT]}{END}"
        elif message.tool_calls:
            yield position, render_calls(toolset, message.tool_calls) + END
        elif message.role == "assistant" and previous is not None and previous.role == "tool":
            yield position, "done{}" + END
        elif message.role == "assistant" and message.content.strip():
            yield position, f"{_OPEN}assistant\n{neutral(message.content)}{END}"
        previous = message


def compact_result(content: str) -> str:
    """A tool result without insignificant white space where it is JSON, else as it is."""
    try:
        return _dump(json.loads(content))
    except (ValueError, RecursionError):
        return content


def parse_calls(toolset: Toolset, text: str) -> tuple[ToolCall, ...]:
    """Read back what `render_step` wrote, aliases undone; pseudo-calls come back under their own names.

    Raises:
        BadInput: A line is not `name{json object}`.
    """
    named = {alias: name for name, alias in aliases(toolset).items()}
    calls = []
    for line in text.removesuffix(END).strip("\n").split("\n"):
        name, brace, rest = line.partition("{")
        try:
            arguments = json.loads(brace + rest)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"model text is not a call: {line[:80]!r}", code="bad_call") from error
        if not name or not isinstance(arguments, dict):
            raise BadInput(f"model text is not a call: {line[:80]!r}", code="bad_call")
        calls.append(ToolCall(name=named.get(name, _pseudo(name)), arguments=arguments))
    return tuple(calls)


def _pseudo(name: str) -> str:
    """Pseudo-calls keep a mark no tool name can have, so that a tool called `done` stays itself."""
    return f"!{name}" if name in PSEUDO_CALLS else name


def decide(toolset: Toolset, calls: Sequence[ToolCall], confidence: float, latency_ms: float) -> Prediction:
    """Turn parsed calls into the next step; code, not the model, sees that a required argument is missing."""
    real = tuple(call for call in calls if not call.name.startswith("!"))
    if not real:
        return _decide_pseudo(calls, confidence, latency_ms)
    for call in real:
        tool = toolset.by_name.get(call.name)
        missing = tool.first_unmet(call.arguments) if tool else None
        if missing is not None:
            ask = Ask(tool=call.name, missing=missing, arguments=call.arguments)
            return Prediction(outcome="ask", ask=ask, confidence=confidence, latency_ms=latency_ms)
    return Prediction(outcome="calls", tool_calls=real, confidence=confidence, latency_ms=latency_ms)


def _decide_pseudo(calls: Sequence[ToolCall], confidence: float, latency_ms: float) -> Prediction:
    first = calls[0] if calls else ToolCall(name="!none")
    if first.name == "!search":
        query = first.arguments.get("query")
        return Prediction(
            outcome="knowledge", query=query if isinstance(query, str) else None, confidence=confidence, latency_ms=latency_ms
        )
    return Prediction(outcome="done" if first.name == "!done" else "none", confidence=confidence, latency_ms=latency_ms)


def ordered(toolset: Toolset, call: ToolCall) -> dict[str, Any]:
    """Arguments in schema order, unknown ones last, so that one call has one spelling."""
    tool = toolset.by_name.get(call.name)
    arguments: dict[str, Any] = _ordered(call.arguments, tool.parameters if tool else {})
    return arguments


def _ordered(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        names = [n for n in properties if n in value] + [n for n in value if n not in properties]
        return {n: _ordered(value[n], properties.get(n) or {}) for n in names}
    if isinstance(value, list):
        return [_ordered(item, schema.get("items") or {}) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def json_text(value: Any) -> str:
    """Compact JSON as the model writes it; what a tokenizer could read as a control token has its `<` escaped."""
    return _CONTROL_TOKEN.sub(r"\\u003c", _dump(value))


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


CHAT_TEMPLATE = (
    "{%- for m in messages -%}"
    "{%- if m.role in ('user', 'tool', 'pick') -%}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' }}"
    "{%- elif m.role == 'assistant' and m.name|default('') == 'text' -%}"
    "{{ '<|im_start|>assistant\\n' + m.content + '<|im_end|>' }}"
    "{%- elif m.role == 'assistant' -%}{{ m.content + '<|im_end|>' }}"
    "{%- endif -%}{%- endfor -%}"
)
"""The same format as a Jinja chat template, for servers that render themselves; they are sent `render_turns`."""


def render_turns(toolset: Toolset, messages: Sequence[Message], picks: Picks = NO_PICKS) -> list[dict[str, str]]:
    """Messages for a remote server that renders with `CHAT_TEMPLATE`: calls and `done{}` already written as text."""
    turns = []
    rendered = dict(_render_messages(toolset, messages))
    for position in range(len(messages) + 1):
        if position in picks:
            turns.append({"role": PICK_ROLE, "content": neutral(picks[position])})
        if position not in rendered:
            continue
        role, text = messages[position].role, rendered[position]
        opened = f"{_OPEN}{role}\n"
        body = text.removeprefix(opened).removesuffix(END)
        turn = {"role": role, "content": body}
        if role == "assistant" and text.startswith(opened):
            turn["name"] = "text"
        turns.append(turn)
    return turns
