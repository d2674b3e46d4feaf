"""The caller with an engine that says what it was told to say."""

import math
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from agents.caller import MAX_REQUEST_CHARACTERS, Caller, Steps, contested, unfilled, unsaid
from agents.engines.engine import Generation
from agents.offers import OfferFinder
from agents.picker import Pick, Picker
from agents.reviewer import Evidence, Reviewer, features
from agents.writer import Draft, Writer
from core.chat import render_prompt
from core.errors import BadInput
from core.types.message import Message, Role, ToolCall
from core.types.tool import read_toolset
from tools.habits import SAME_CALL_AGAIN
from tools.kinds import KindTable
from tools.marks import Marker

TOOLSET = read_toolset(
    "shop",
    [
        {"name": "move", "parameters": {"type": "object", "properties": {"item": {"type": "string", "x-kind": "product"}, "count": {"type": "integer"}}, "required": ["item"]}},
        {"name": "count", "parameters": {"type": "object", "properties": {"item": {"type": "string", "x-kind": "product"}}, "required": ["item"]}},
    ],
    {"product": {"names": ["oak chair", "pine desk"]}},
)  # fmt: skip
TABLE = KindTable(max_calls=2)
MARKER = Marker(TOOLSET, TABLE)
SAID = (Message(role="user", content="move 3 oak chairs and 4 pine desks"),)
MOVE, COUNT = 'move{"item":"oak chairs","count":3}', 'count{"item":"oak chairs"}'
BOTH = MOVE + '\nmove{"item":"pine desks","count":4}'


class FakeEngine:
    """Writes what is queued, in order, and remembers what it was asked."""

    def __init__(self, *texts: str | Generation) -> None:
        self._queue = deque(texts)
        self.grammars: list[str | None] = []
        self.prompts: list[str] = []
        self.reused: list[bool] = []

    def generate(self, prompt: str, grammar: str | None, max_tokens: int, reuse: bool = False) -> Generation:
        self.prompts.append(prompt)
        self.grammars.append(grammar)
        self.reused.append(reuse)
        text = self._queue.popleft()
        return text if isinstance(text, Generation) else written(text)

    def close(self) -> None:
        """Nothing to free."""


def written(text: str, probability: float = 0.5, finished: bool = True) -> Generation:
    return Generation(text=text, tokens=(text,), logprobs=(math.log(probability),), finished=finished)


class FakePicker(Picker):
    """Always the same ranking."""

    def __init__(self, *ranking: tuple[str, float]) -> None:
        self._ranking = list(ranking)

    def pick_all(self, conversations: Sequence[Sequence[Message]]) -> list[Pick]:
        return [Pick(self._ranking, {}) for _ in conversations]


class FakeReviewer(Reviewer):
    """Finds each text as probable as it was told to."""

    def __init__(self, probabilities: dict[str, float]) -> None:
        self._by_text, self._chooser = probabilities, None
        self.judged: list[str] = []

    def probability(self, row: object) -> float:
        return self._by_text[self.judged[-1]]


def caller(engine: FakeEngine, judge: FakeReviewer | None = None, ranker: Picker | None = None, **steps: object) -> Caller:
    finder, writer = OfferFinder(TOOLSET, TABLE), Writer(engine, TOOLSET, TABLE, MARKER)
    made = Caller(TOOLSET, finder, writer, ranker, judge, Steps.model_validate(steps))
    if judge is not None:
        consider = made.consider

        def watched(messages: Sequence[Message]) -> Iterator[Evidence]:
            for evidence in consider(messages):
                judge.judged.append(evidence.draft.text)
                yield evidence

        made.consider = watched  # type: ignore[method-assign]
    return made


# steps


def test_with_all_steps_the_likeliest_draft_is_taken() -> None:
    engine = FakeEngine(MOVE, BOTH, COUNT)
    reviewer = FakeReviewer({MOVE: 0.2, BOTH: 0.7, COUNT: 0.4})
    prediction = caller(engine, reviewer, FakePicker(("move", 0.6), ("count", 0.3), ("!done", 0.001))).predict(SAID)
    assert [call.arguments["count"] for call in prediction.tool_calls] == [3, 4]
    assert prediction.confidence == 0.7
    assert reviewer.judged == [MOVE, BOTH, COUNT]
    assert engine.prompts == [render_prompt(TOOLSET, MARKER.mark(SAID), {1: "move"})] * 3, "marked, and with the pick"
    assert engine.reused == [False, True, True], "the prompt is evaluated once"
    assert None not in engine.grammars and len(set(engine.grammars)) == 3


def test_a_sure_first_draft_is_taken_without_others() -> None:
    engine = FakeEngine(MOVE)
    prediction = caller(engine, FakeReviewer({MOVE: 0.95}), FakePicker(("count", 1.0))).predict(SAID)
    assert prediction.confidence == 0.95 and len(engine.prompts) == 1


def test_without_mentions_the_writer_writes_freely() -> None:
    engine = FakeEngine(written(MOVE, 0.25))
    prediction = caller(engine, FakeReviewer({}), FakePicker(("count", 1.0)), mentions=False).predict(SAID)
    assert engine.grammars == [None]
    assert prediction.tool_calls[0].name == "move" and prediction.confidence == pytest.approx(0.25)


def test_without_reviewer_the_writers_own_draft_and_probability_count() -> None:
    for switched in ({"reviewer": False}, {}):
        engine = FakeEngine(written(COUNT, 0.4))
        reviewer = FakeReviewer({}) if switched else None
        prediction = caller(engine, reviewer, FakePicker(("move", 1.0)), **switched).predict(SAID)
        assert prediction.tool_calls[0].name == "count" and prediction.confidence == pytest.approx(0.4)
        assert engine.grammars[0] is not None and len(engine.grammars) == 1


def test_without_picker_its_heads_are_not_tried() -> None:
    engine = FakeEngine(MOVE, BOTH)
    reviewer = FakeReviewer({MOVE: 0.6, BOTH: 0.5})
    prediction = caller(engine, reviewer, FakePicker(("count", 1.0)), picker=False).predict(SAID)
    assert reviewer.judged == [MOVE, BOTH]
    assert len(prediction.tool_calls) == 1


def test_the_same_draft_is_judged_once() -> None:
    reviewer = FakeReviewer({MOVE: 0.6})
    caller(FakeEngine(MOVE, MOVE, MOVE), reviewer, FakePicker(("count", 1.0))).predict(SAID)
    assert reviewer.judged == [MOVE]


def test_a_real_reviewer_judges_drafts_by_their_features() -> None:
    evidence = list(caller(FakeEngine(MOVE, BOTH)).consider(SAID))
    rows = np.stack([features(TOOLSET, found) for found in evidence])
    reviewer = Reviewer.fit([(rows, [False, True])] * 10)
    assert reviewer.probability(rows[1]) > 0.5 > reviewer.probability(rows[0])
    made = Caller(
        TOOLSET, OfferFinder(TOOLSET, TABLE), Writer(FakeEngine(MOVE, BOTH), TOOLSET, TABLE, MARKER), None, reviewer, Steps()
    )
    assert len(made.predict(SAID).tool_calls) == 2


# outcomes


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("done{}", "done"),
        ("none{}", "none"),
        ('search{"query":"hours"}', "knowledge"),
        ('move{"count":3}', "ask"),
        (MOVE, "calls"),
    ],
)
def test_what_was_written_decides_the_outcome(text: str, outcome: str) -> None:
    prediction = caller(FakeEngine(text)).predict(SAID)
    assert prediction.outcome == outcome
    if outcome == "ask":
        assert prediction.ask is not None and (prediction.ask.missing, prediction.ask.arguments) == ("item", {"count": 3})


@pytest.mark.parametrize("steps", [{}, {"mentions": False}, {"reviewer": False}])
@pytest.mark.parametrize("text", ["", "I cannot do that.", "move{", 'move["x"]', written(MOVE, finished=False)])
def test_text_that_is_no_call_is_none_without_confidence(text: str | Generation, steps: dict[str, bool]) -> None:
    prediction = caller(FakeEngine(text), **steps).predict(SAID)
    assert (prediction.outcome, prediction.confidence, prediction.tool_calls) == ("none", 0.0, ())


# requests


def said(*turns: tuple[Role, str]) -> tuple[Message, ...]:
    return tuple(Message(role=role, content=content) for role, content in turns)


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ((), "messages: empty"),
        (said(("user", "move"), ("assistant", "What?")), "is assistant"),
        (said(("user", "move"), ("system", "x")), "is system"),
        (said(("user", "  \n")), "no user message says anything"),
        (said(("tool", "{}")), "no user message says anything"),
        (said(("user", "x" * (MAX_REQUEST_CHARACTERS + 1))), "12,001 characters"),
        (said(("user", "x" * MAX_REQUEST_CHARACTERS), ("tool", "{}"), ("user", "y")), "12,001 characters"),
    ],
)
def test_a_request_that_cannot_be_decided_is_bad_input_and_costs_nothing(messages: tuple[Message, ...], wrong: str) -> None:
    engine = FakeEngine()
    with pytest.raises(BadInput, match=wrong):
        caller(engine).predict(messages)
    assert engine.prompts == []


def test_a_conversation_may_end_with_a_tool_result() -> None:
    call = Message(role="assistant", tool_calls=(ToolCall(name="count", arguments={"item": "oak chairs"}),))
    prediction = caller(FakeEngine("done{}")).predict((*SAID, call, Message(role="tool", content="{}")))
    assert prediction.outcome == "done"


@pytest.mark.parametrize(
    ("arguments", "item", "count", "missed", "doubted"),
    [
        ({"item": "oak chair"}, 0.6, 0.5, ["count"], []),
        ({"item": "oak chair"}, 0.6, 0.1, [], []),
        ({"item": "oak chair", "count": 3}, 0.6, 0.5, [], ["count"]),
        ({"item": "oak chair", "count": 3}, 0.6, 0.9, [], []),
        ({"item": "oak chair", "count": 3}, 0.3, 0.9, [], ["item"]),
        ({"count": 3}, 0.6, 0.1, ["item"], []),
        ({}, 0.6, 0.9, ["count"], []),
    ],
)
def test_arguments_are_in_doubt_where_picker_and_writer_differ(
    arguments: dict[str, object], item: float, count: float, missed: list[str], doubted: list[str]
) -> None:
    call = ToolCall(name="move", arguments=arguments)
    pick = Pick([("move", 1.0)], {"move.item": item, "move.count": count})
    assert contested(TOOLSET, call, pick) == ([frozenset((name,)) for name in missed], [frozenset((n,)) for n in doubted])
    assert contested(TOOLSET, call, None) == ([], [])


def test_a_draft_is_made_with_and_without_what_is_in_doubt() -> None:
    class Doubting(FakePicker):
        def pick_all(self, conversations: Sequence[Sequence[Message]]) -> list[Pick]:
            return [Pick([("move", 1.0)], {"move.count": 0.5, "count": 0.01}) for _ in conversations]

    said = (Message(role="user", content="move 3 oak chairs"),)
    bare = 'move{"item":"oak chairs"}'
    added, left_out = FakeEngine(bare, MOVE), FakeEngine(MOVE, bare)
    assert [found.draft.wanted for found in caller(added, None, Doubting()).consider(said)] == [None, "completed"]
    assert [found.draft.wanted for found in caller(left_out, None, Doubting()).consider(said)] == [None, "without"]


def test_a_number_the_last_turn_did_not_say_is_in_doubt() -> None:
    said = (
        Message(role="user", content="how many oak chairs are there?"),
        Message(role="assistant", tool_calls=(ToolCall(name="count", arguments={"item": "oak chairs"}),)),
        Message(role="tool", content='{"item": "oak chairs", "on_hand": 3}'),
        Message(role="user", content="move some oak chairs"),
    )
    offers = OfferFinder(TOOLSET, TABLE).collect(said)
    assert unsaid(ToolCall(name="move", arguments={"item": "oak chairs", "count": 3}), offers) == [frozenset(("count",))]
    assert (
        unsaid(ToolCall(name="move", arguments={"item": "oak chairs", "count": 3}), OfferFinder(TOOLSET, TABLE).collect(SAID))
        == []
    )
    drafts = list(caller(FakeEngine(MOVE, 'move{"item":"oak chairs"}')).consider(said))
    assert [found.draft.wanted for found in drafts] == [None, "without"]
    sources = [list(features(TOOLSET, found)[-3:]) for found in drafts]
    assert sources == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], "the reviewer is told"


def test_a_draft_that_does_what_calls_never_do_is_judged_only_where_there_is_no_other() -> None:
    table = TABLE.model_copy(update={"never": (SAME_CALL_AGAIN,)})
    done = ToolCall(name="count", arguments={"item": "oak chairs"})
    after = (*SAID, Message(role="assistant", tool_calls=(done,)), Message(role="tool", content="{}"))

    def considered(engine: FakeEngine, ranking: list[tuple[str, float]]) -> list[str]:
        writer = Writer(engine, TOOLSET, table, MARKER)
        found = Caller(TOOLSET, OfferFinder(TOOLSET, table), writer, FakePicker(*ranking), None, Steps()).consider(after)
        return [evidence.draft.text for evidence in found]

    again = f"{COUNT}\n{COUNT}"
    assert considered(FakeEngine(COUNT, again, MOVE), [("count", 0.6), ("move", 0.4)]) == [MOVE]
    assert considered(FakeEngine(COUNT, again), [("count", 1.0)]) == [COUNT]


def test_how_sure_the_writer_is_of_a_query_says_nothing_about_a_search() -> None:
    def drafted(text: str, *logprobs: float) -> list[float]:
        generation = Generation(text=text, tokens=("search{", '"query":"x"}'), logprobs=logprobs)
        (found,) = caller(FakeEngine(generation), None, FakePicker(("!search", 1.0))).consider(SAID)
        return list(features(TOOLSET, found))

    assert drafted('search{"query":"x"}', -0.1, -9.0) == drafted('search{"query":"x"}', -0.1, -0.2)
    assert drafted('search{"query":"x"}', -0.1, -0.2) != drafted('search{"query":"x"}', -3.0, -0.2)


def test_drafts_know_what_they_were_made_for() -> None:
    drafts: list[Evidence] = list(caller(FakeEngine(BOTH, MOVE, COUNT)).consider(SAID))
    assert [found.draft.wanted for found in drafts] == [None, "fewer"]
    assert all(isinstance(found.draft, Draft) for found in drafts)


def test_a_clause_that_mentions_nothing_may_be_free_text() -> None:
    arguments = {"order": {"type": "string", "x-kind": "order"}, "reason": {"type": "string", "x-kind": "text"}}
    shop = read_toolset(
        "shop",
        [{"name": "cancel", "parameters": {"type": "object", "properties": arguments}}],
        {"order": {"patterns": [r"SO\d+"]}},
    )
    for said, wanted in (
        ("drop SO12, nobody needs it", [frozenset(("reason",))]),
        ("drop SO12 at once please", []),
        ("drop SO12, thanks", []),
    ):
        offers = OfferFinder(shop, KindTable()).collect([Message(role="user", content=said)])
        assert unfilled(shop, KindTable(), ToolCall(name="cancel", arguments={"order": "SO12"}), offers) == wanted


def test_free_text_is_written_as_it_was_said() -> None:
    said = (Message(role="user", content="move <urgent> oak chairs"),)
    assert "< urgent>" in render_prompt(TOOLSET, said), "the writer never reads it as it is"
    assert caller(FakeEngine('move{"item":"< urgent> oak chairs"}')).predict(said).tool_calls[0].arguments == {
        "item": "<urgent> oak chairs"
    }
