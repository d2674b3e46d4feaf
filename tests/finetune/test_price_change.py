"""Who copies what results say now is right; who remembers what they said is seen to be stale."""

from collections.abc import Sequence

import pytest

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.tool import Toolset, read_toolset
from finetune.augment import Swapper
from finetune.price_change import PriceChange, judge_steps
from tools.kinds import KindTable

_PROPERTIES = {"item": {"type": "string"}, "price": {"type": "number"}}
TOOLSET: Toolset = read_toolset(
    "shop", [{"name": name, "parameters": {"type": "object", "properties": _PROPERTIES}} for name in ("look", "sell")]
)


def sold(item: str, price: float) -> Example:
    look, sell = ToolCall(name="look", arguments={"item": item}), ToolCall(name="sell", arguments={"item": item, "price": price})
    messages = (
        Message(role="user", content=f"sell {item} at its price"),
        Message(role="assistant", tool_calls=(look,)),
        Message(role="tool", content=f'{{"price": {price}}}'),
        Message(role="assistant", tool_calls=(sell,)),
    )
    steps = (Step(position=1, outcome="calls", calls=(look,)), Step(position=3, outcome="calls", calls=(sell,)))
    return Example(trace_id=item, cluster=item, messages=messages, steps=steps)


EXAMPLES = [sold(item, price) for item, price in (("chairs", 16.85), ("lamps", 240.5), ("tables", 1330.25))]


class Seller:
    """Sells at the price the result says, or at the one it remembers."""

    def __init__(self, remembers: bool) -> None:
        self._remembers = remembers

    def predict(self, messages: Sequence[Message]) -> Prediction:
        item = messages[0].content.split()[1]
        remembered = next(example for example in EXAMPLES if example.trace_id == item).steps[1].calls[0].arguments["price"]
        price = remembered if self._remembers else float(messages[2].content.removeprefix('{"price": ').removesuffix("}"))
        call = ToolCall(name="sell", arguments={"item": item, "price": price})
        return Prediction(outcome="calls", tool_calls=(call,), confidence=0.9, latency_ms=1.0)


@pytest.mark.parametrize(("remembers", "now", "stale"), [(False, 1.0, 0.0), (True, 0.0, 1.0)])
def test_copying_and_remembering_are_told_apart(remembers: bool, now: float, stale: float) -> None:
    swapper = Swapper(TOOLSET, KindTable(), EXAMPLES, seed=1)
    changed = [(example, other) for example in EXAMPLES if (other := swapper.repriced(example, 0)) is not None]
    assert len(changed) == 3 and swapper.repriced(changed[0][0].model_copy(update={"steps": (), "messages": ()}), 0) is None
    found = judge_steps(changed, Seller(remembers), TOOLSET, lambda done, of: None)
    assert isinstance(found, PriceChange) and (found.now.rate, found.stale.rate, found.now.n) == (now, stale, 3)
