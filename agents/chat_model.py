"""A predictor as a LangChain chat model, for agents of other people's making: it decides, they call the tools.

A step is decided as a whole, so streaming gives the same step in pieces, not sooner. Generation parameters of other models
(temperature, stop words, most tokens) are taken and change nothing: decoding is greedy under the request's grammar.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agents.replies import reply_text
from core.errors import ToolsetError
from core.types.message import Message, read_messages
from core.types.prediction import Prediction
from core.types.tool import Toolset


@runtime_checkable
class ToolsetPredictor(Protocol):
    """Anything that decides the next step among the tools of one toolset."""

    @property
    def toolset(self) -> Toolset:
        """The tools it knows."""
        ...

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next."""
        ...


class NightschoolChat(BaseChatModel):
    """Answers with tool calls, with the question for what is missing, or with a word on why there is nothing to call.

    `response_metadata` of an answer carries `outcome`, `ask`, `query` and `confidence` as `Prediction` has them, and `logprobs`
    in OpenAI's form: each piece the model wrote with its natural-log probability before the grammar.
    """

    predictor: ToolsetPredictor
    """What decides."""
    model: str = "nightschool"
    """How traces name it."""

    @property
    def _llm_type(self) -> str:
        return "nightschool"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Check that the tools given are known; the model's own schemas stay, and so does every other tool it knows.

        `tool_choice` changes nothing either: whether to call is what the model decides.

        Raises:
            ToolsetError: A tool is not in the toolset.
        """
        described = [convert_to_openai_tool(tool) for tool in tools]
        known = self.predictor.toolset
        unknown = [name for tool in described if (name := _name(tool)) not in known.by_name]
        if unknown:
            raise ToolsetError(
                f"cannot bind {', '.join(unknown)}: toolset {known.name} was trained for {', '.join(known.by_name)}; "
                "import a toolset with these tools and train a release for it"
            )
        return self.bind(tools=described, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prediction = self._predict(messages)
        message = AIMessage(
            content=self._content(prediction),
            tool_calls=_tool_calls(prediction),
            response_metadata=_metadata(prediction),
            usage_metadata=_usage(prediction),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        prediction = self._predict(messages)
        for message in self._pieces(prediction):
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                run_manager.on_llm_new_token(str(message.content), chunk=chunk)
            yield chunk

    def _pieces(self, prediction: Prediction) -> Iterator[AIMessageChunk]:
        content = self._content(prediction)
        if content:
            yield AIMessageChunk(content=content)
        for index, call in enumerate(_tool_calls(prediction)):
            arguments = json.dumps(call["args"], ensure_ascii=False)
            piece = tool_call_chunk(name=call["name"], args=arguments, id=call["id"], index=index)
            yield AIMessageChunk(content="", tool_call_chunks=[piece])
        yield AIMessageChunk(
            content="",
            response_metadata=_metadata(prediction),
            usage_metadata=_usage(prediction),
            chunk_position="last",
        )

    def _predict(self, messages: Sequence[BaseMessage]) -> Prediction:
        return self.predictor.predict(read_messages(convert_to_openai_messages(messages)))

    def _content(self, prediction: Prediction) -> str:
        return reply_text(prediction, self.predictor.toolset) or ""


def _name(tool: dict[str, Any]) -> str:
    """The name of a tool in OpenAI's form; what other providers run themselves has a type and no function."""
    return str(tool.get("function", {}).get("name") or tool.get("type"))


def _tool_calls(prediction: Prediction) -> list[ToolCall]:
    return [
        ToolCall(name=call.name, args=call.arguments, id=call.id or f"call_{secrets.token_hex(12)}", type="tool_call")
        for call in prediction.tool_calls
    ]


def _metadata(prediction: Prediction) -> dict[str, Any]:
    row = prediction.to_row()
    metadata = {name: row[name] for name in ("outcome", "ask", "query", "confidence")}
    if prediction.written is not None:
        pieces = zip(prediction.written.tokens, prediction.written.logprobs, strict=True)
        metadata["logprobs"] = {"content": [{"token": token, "logprob": logprob} for token, logprob in pieces]}
    return metadata


def _usage(prediction: Prediction) -> UsageMetadata | None:
    if prediction.written is None:
        return None
    prompt, completion = prediction.written.prompt_tokens, len(prediction.written.tokens)
    return UsageMetadata(input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion)
