"""A remote engine: an OpenAI-compatible server (llama.cpp's or vLLM) that holds the base and its adapters.

The server renders the conversation itself and must be started with `core.chat.CHAT_TEMPLATE` as its chat template; what it
is sent are the turns of the rendered prompt, so that its prompt is ours to the letter. vLLM must report raw log-probabilities
(`--logprobs-mode raw_logprobs`, its default).
"""

import re
from typing import Any, Literal

from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage
from langchain_openai import ChatOpenAI
from langsmith.run_helpers import tracing_context
from openai import OpenAIError
from pydantic import SecretStr

from agents.engines.engine import Generation
from core.chat import END
from core.errors import BadInput, ModelError

Dialect = Literal["llamacpp", "vllm"]
_OPENED = re.compile(r"<\|im_start\|>(user|tool|pick|assistant)\n")


class RemoteEngine:
    """One model of one server."""

    def __init__(self, url: str, model: str, key: str, dialect: Dialect = "llamacpp", timeout_s: float = 60.0) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: Root of the API, such as `http://host:8000/v1`.
            model: The name the server serves the base with its adapter under.
            key: API key; any text where the server asks for none.
            dialect: How the server takes a grammar.
            timeout_s: Seconds one request may take.
        """
        self._name = f"{model} at {url}"
        self._dialect: Dialect = dialect
        self._chat = ChatOpenAI(
            model=model,
            base_url=url,
            api_key=SecretStr(key),
            temperature=0.0,
            logprobs=True,
            stop_sequences=[END],
            timeout=timeout_s,
            use_responses_api=False,
        )

    def generate(self, prompt: str, grammar: str | None, max_tokens: int, reuse: bool = False) -> Generation:
        """See `Engine.generate`."""
        messages = [_message(turn) for turn in parse_turns(prompt)]
        extra = _extra_body(self._dialect, grammar, reuse)
        try:
            # Whatever the environment says, prompts are not traced to LangSmith.
            with tracing_context(enabled=False):
                answer = self._chat.invoke(messages, max_tokens=max_tokens, extra_body=extra)
        except ContextOverflowError as error:
            raise BadInput(f"messages: {str(error)[:300]}", code="too_long") from error
        except (OpenAIError, ValueError, LookupError, TypeError) as error:  # the last three: an answer of another form
            raise ModelError(f"{self._name} failed: {type(error).__name__}: {str(error)[:300]}") from error
        return _read_answer(answer, self._name)

    def close(self) -> None:
        """Nothing to free: the client closes with the process."""


def parse_turns(prompt: str) -> list[dict[str, str]]:
    """Split a rendered prompt into turns that `CHAT_TEMPLATE` renders to the same text.

    The inverse of rendering as text, not as meaning: an end mark inside an argument splits its turn in two, which the
    template joins again.

    Args:
        prompt: Text as `core.chat.render_prompt` writes it: whole turns only.

    Returns:
        Turns in the form of `core.chat.render_turns`.

    Raises:
        ModelError: The text does not end with an end mark, so that no list of turns renders to it.
    """
    *bodies, rest = prompt.split(END)
    if rest or not bodies:
        raise ModelError(f"a remote server takes whole turns only; the prompt ends with {prompt[-40:]!r}")
    return [_turn(body) for body in bodies]


def _turn(body: str) -> dict[str, str]:
    opened = _OPENED.match(body)
    if opened is None:
        return {"role": "assistant", "content": body}
    turn = {"role": opened[1], "content": body[opened.end() :]}
    return {**turn, "name": "text"} if opened[1] == "assistant" else turn


def _message(turn: dict[str, str]) -> BaseMessage:
    """As `ChatMessage`, which is sent as it is: the typed messages want tool call ids and turn empty text into null."""
    return ChatMessage(role=turn["role"], content=turn["content"], name=turn.get("name"))


def _extra_body(dialect: Dialect, grammar: str | None, reuse: bool) -> dict[str, Any]:
    if dialect == "vllm":
        return {} if grammar is None else {"structured_outputs": {"grammar": grammar}}
    # As in `llamacpp.py`: another request's cache changes the last bits of the logits.
    return {"cache_prompt": reuse} if grammar is None else {"cache_prompt": reuse, "grammar": grammar}


def _read_answer(answer: AIMessage, name: str) -> Generation:
    logged = (answer.response_metadata.get("logprobs") or {}).get("content")
    if not isinstance(answer.content, str) or logged is None:
        raise ModelError(f"{name} answered without text or log-probabilities")
    pieces = [piece for piece in logged if piece["token"] and piece["token"] != END]
    usage = answer.usage_metadata
    return Generation(
        text=answer.content,
        tokens=tuple(piece["token"] for piece in pieces),
        logprobs=tuple(float(piece["logprob"]) for piece in pieces),
        finished=answer.response_metadata.get("finish_reason") != "length",
        prompt_tokens=usage["input_tokens"] if usage else 0,
    )
