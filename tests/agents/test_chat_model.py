"""The LangChain chat model: LangChain's own conformance tests, and what is particular to ours."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_tests.unit_tests import ChatModelUnitTests

from agents.chat_model import NightschoolChat
from core.errors import BadInput, ToolsetError
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction, Written
from core.types.tool import Toolset, read_toolset

CUSTOMER = {"type": "string", "description": "customer", "x-kind": "customer"}


class FakePredictor:
    """Gives queued predictions and remembers what it was asked."""

    def __init__(self, *predictions: Prediction) -> None:
        self.predictions = list(predictions)
        self.asked: list[tuple[Message, ...]] = []

    @property
    def toolset(self) -> Toolset:
        """One tool of ours, and those LangChain's tests bind."""
        ours = {"name": "find_orders", "parameters": {"type": "object", "properties": {"customer": CUSTOMER}}}
        return read_toolset("erp", [ours, *({"name": name} for name in ("my_adder_tool", "my_adder", "PersonA"))])

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """The next in the queue."""
        self.asked.append(tuple(messages))
        return self.predictions.pop(0)


def predicted(outcome: Any, **fields: Any) -> Prediction:
    """A prediction."""
    return Prediction(outcome=outcome, confidence=0.75, latency_ms=1.0, **fields)


CALLS = predicted(
    "calls", tool_calls=(ToolCall(name="find_orders", arguments={"customer": "Nørd & Co"}), ToolCall(name="my_adder"))
)
ASK = predicted("ask", ask=Ask(tool="find_orders", missing="customer", arguments={}))


class TestConformance(ChatModelUnitTests):
    """https://docs.langchain.com/oss/python/contributing/standard-tests-langchain"""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return NightschoolChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"predictor": FakePredictor()}

    @property
    def has_structured_output(self) -> bool:
        """It would bind any schema as a tool; the model writes only calls it was trained for."""
        return False


def test_calls_come_as_tool_calls_with_ids() -> None:
    message = NightschoolChat(predictor=FakePredictor(CALLS)).invoke("orders of Nørd & Co")
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [
        ("find_orders", {"customer": "Nørd & Co"}),
        ("my_adder", {}),
    ]
    assert len({call["id"] for call in message.tool_calls}) == 2
    assert message.content == ""
    assert message.response_metadata == {"outcome": "calls", "ask": None, "query": None, "confidence": 0.75}


def test_what_was_written_comes_with_log_probabilities_and_counts() -> None:
    written = Written(tokens=("my", "_adder"), logprobs=(-0.5, -0.25), prompt_tokens=9, drafts=1)
    model = NightschoolChat(predictor=FakePredictor(*[CALLS.model_copy(update={"written": written})] * 2))
    whole = model.invoke("add")
    streamed = None
    for chunk in model.stream("add"):
        streamed = chunk if streamed is None else streamed + chunk
    for message in (whole, streamed):
        assert message is not None and message.usage_metadata is not None
        assert message.response_metadata["logprobs"]["content"] == [
            {"token": "my", "logprob": -0.5},
            {"token": "_adder", "logprob": -0.25},
        ]
        assert (message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]) == (9, 2)


def test_a_missing_argument_comes_as_a_question() -> None:
    message = NightschoolChat(predictor=FakePredictor(ASK)).invoke("orders?")
    assert message.content == "Which customer is it for?"
    assert message.tool_calls == []
    assert message.response_metadata["ask"] == {"tool": "find_orders", "missing": "customer", "arguments": {}}


def test_a_question_of_knowledge_carries_its_query() -> None:
    message = NightschoolChat(predictor=FakePredictor(predicted("knowledge", query="returns policy"))).invoke("?")
    assert message.response_metadata["query"] == "returns policy"


@pytest.mark.parametrize("prediction", [CALLS, ASK, predicted("done"), predicted("none")])
def test_streamed_pieces_add_up_to_the_whole(prediction: Prediction) -> None:
    whole = NightschoolChat(predictor=FakePredictor(prediction)).invoke("x")
    pieces = list(NightschoolChat(predictor=FakePredictor(prediction)).stream("x"))
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    assert isinstance(total, AIMessageChunk)
    assert total.content == whole.content
    assert [(c["name"], c["args"]) for c in total.tool_calls] == [(c["name"], c["args"]) for c in whole.tool_calls]
    assert total.invalid_tool_calls == []
    assert total.response_metadata == whole.response_metadata


async def _collected(model: NightschoolChat) -> list[AIMessageChunk]:
    return [piece async for piece in model.astream("x")]


@pytest.mark.asyncio
async def test_it_streams_asynchronously_too() -> None:
    pieces = await _collected(NightschoolChat(predictor=FakePredictor(ASK)))
    assert "".join(str(piece.content) for piece in pieces) == "Which customer is it for?"


def test_the_conversation_reaches_the_predictor_whole() -> None:
    predictor = FakePredictor(predicted("done"))
    call = {"name": "find_orders", "args": {"customer": "A"}, "id": "c1"}
    NightschoolChat(predictor=predictor).invoke(
        [
            HumanMessage([{"type": "text", "text": "orders of A"}]),
            AIMessage("", tool_calls=[call]),
            ToolMessage('{"orders":[]}', tool_call_id="c1"),
        ]
    )
    assert predictor.asked == [
        (
            Message(role="user", content="orders of A"),
            Message(role="assistant", tool_calls=(ToolCall(name="find_orders", arguments={"customer": "A"}, id="c1"),)),
            Message(role="tool", content='{"orders":[]}', tool_call_id="c1"),
        )
    ]


def test_an_image_is_refused_by_name() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    with pytest.raises(BadInput, match=r"messages\[0\]\.content"):
        NightschoolChat(predictor=FakePredictor()).invoke([HumanMessage([image])])


def test_known_tools_can_be_bound_and_others_still_be_called() -> None:
    @tool
    def my_adder(a: int) -> int:
        """Add."""
        return a

    bound = NightschoolChat(predictor=FakePredictor(CALLS)).bind_tools([my_adder])
    assert [call["name"] for call in bound.invoke("x").tool_calls] == ["find_orders", "my_adder"]


@pytest.mark.parametrize("unknown", [{"name": "send_mail", "description": "", "parameters": {}}, {"type": "web_search"}])
def test_an_unknown_tool_cannot_be_bound(unknown: dict[str, Any]) -> None:
    with pytest.raises(ToolsetError, match=r"cannot bind (send_mail|web_search): toolset erp was trained for find_orders"):
        NightschoolChat(predictor=FakePredictor()).bind_tools([unknown])
