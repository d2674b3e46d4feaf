"""The untrained base with all schemas in its prompt: the baseline every release is compared with."""

import json
import re
import time
from collections.abc import Sequence

from agents.caller import check_request
from agents.engines.engine import Engine, Generation
from core.chat import END, compact_result, decide, neutral, parse_calls, render_calls
from core.errors import BadInput
from core.types.message import Message, ToolCall, read_call
from core.types.prediction import Prediction, Written
from core.types.tool import Toolset

_MAX_NEW_TOKENS = 80
_INSTRUCTION = """You are an assistant that calls tools. Decide what to do next. Answer with nothing but one line per call:
tool_name{"argument":value}
Use only these tools and arguments, and only values the user said; leave out what was not said.
If nothing is left to do after tool results, answer done{}. If the user asks for general knowledge or policy, answer
search{"query":"..."}. If no tool fits or it is small talk, answer none{}.
Tools:
"""
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


class UntrainedCaller:
    """A base model without adapter, asked in its own chat format."""

    def __init__(self, engine: Engine, toolset: Toolset) -> None:
        self._engine, self._toolset = engine, toolset
        schemas = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in toolset.tools]
        tools = "\n".join(json.dumps(schema, ensure_ascii=False, separators=(",", ":")) for schema in schemas)
        self._system = f"<|im_start|>system\n{_INSTRUCTION}{neutral(tools)}{END}\n"

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next; text that is no call counts as `none`."""
        started = time.perf_counter()
        check_request(messages)
        generation = self._engine.generate(self._prompt(messages), None, _MAX_NEW_TOKENS, reuse=True)
        calls = read_loosely(self._toolset, generation)
        decided = decide(self._toolset, calls, 0.0, (time.perf_counter() - started) * 1000)
        written = Written(
            tokens=generation.tokens, logprobs=generation.logprobs, prompt_tokens=generation.prompt_tokens, drafts=1
        )
        return decided.model_copy(update={"written": written})

    def _prompt(self, messages: Sequence[Message]) -> str:
        turns = [self._system]
        for message in messages:
            text = render_calls(self._toolset, message.tool_calls) or neutral(compact_result(message.content))
            if message.role != "system" and text:
                turns.append(f"<|im_start|>{message.role}\n{text}{END}\n")
        return "".join(turns) + "<|im_start|>assistant\n"


def read_loosely(toolset: Toolset, generation: Generation) -> tuple[ToolCall, ...]:
    """Calls from free text: the asked form, or JSON objects with a name and arguments as models often write them."""
    try:
        calls = parse_calls(toolset, generation.text.strip().removeprefix("```json").strip("`\n "))
        return tuple(call for call in calls if call.name.startswith("!") or call.name in toolset.by_name)
    except BadInput:
        pass
    found = _OBJECT.search(generation.text)
    try:
        call = read_call(json.loads(found[0]), "answer") if found else None
    except (BadInput, ValueError, RecursionError):
        return ()
    return (call,) if call is not None and call.name in toolset.by_name else ()
