"""Agreement: another text is no other step, another step is counted and shown."""

from agents.engines.engine import Generation
from agents.offers import OfferFinder
from agents.writer import Writer
from core.types.message import Message
from core.types.tool import read_toolset
from evals.agreement import agreement
from tools.kinds import KindTable
from tools.marks import Marker

TOOLSET = read_toolset(
    "shop", [{"name": "move", "parameters": {"type": "object", "properties": {"count": {"type": "integer"}, "to": {"enum": ["a", "b"]}}}}]
)  # fmt: skip
TABLE = KindTable()


class SaysInTurn:
    """An engine with its answers written down."""

    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)

    def generate(self, prompt: str, grammar: str | None, max_tokens: int, reuse: bool = False) -> Generation:
        assert "surely a move" in prompt, "as the writers were taught to read it"
        return Generation(text=self._texts.pop(0))

    def close(self) -> None:
        """Nothing to free."""


def writer(*texts: str) -> Writer:
    return Writer(SaysInTurn(*texts), TOOLSET, TABLE, Marker(TOOLSET, TABLE))


def test_steps_are_compared_not_spellings() -> None:
    said = [(Message(role="user", content=f"move {n}"),) for n in (1, 2, 3)]
    first = writer('move{"count":1,"to":"a"}', "done{}", 'move{"count":3}')
    other = writer('move{"to":"a","count":1}', "none{}", 'move{"count":3}')
    steps: list[tuple[int, int]] = []
    found = agreement(
        said,
        TOOLSET,
        OfferFinder(TOOLSET, TABLE),
        {"first": first, "other": other},
        lambda messages: {len(messages): "surely a move"},
        lambda *step: steps.append(step),
    )
    assert found.keys() == {"other"}
    assert (found["other"].same.rate, found["other"].same.n) == (2 / 3, 3)
    assert found["other"].same_text.rate == 1 / 3
    [difference] = found["other"].disagreements
    assert (difference.said, difference.first, difference.other) == ("move 2", "done{}", "none{}")
    assert steps == [(1, 3), (2, 3), (3, 3)]
