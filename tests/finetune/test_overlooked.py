"""What people let be by mistake is told from what they put right, and nothing else is touched."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import finetune.curation
from agents.home import Home
from agents.picker import Pick, Picker
from core.settings import Settings
from core.types.example import Example
from core.types.message import Message, ToolCall
from core.types.release import Release
from core.types.tool import read_toolset
from core.types.trace import CORRECTION, THREAD, Trace
from finetune.barred import Barred
from finetune.curate.filtered import Filtered
from finetune.curate.overlooked import LEAST, believed, corrections, doubts, let_be
from finetune.curation import Curated, Curator
from finetune.fit import Remembering, picker_rows
from finetune.harvest import harvest
from finetune.progress import Silent
from tests.hashed_words import HashedWords

_ITEM = {"type": "object", "properties": {"item": {"type": "string", "x-kind": "product"}}, "required": ["item"]}
PRODUCTS = ("oak chair", "pine desk", "snow chain", "steel lamp", "glass vase")
TOOLSET = read_toolset(
    "shop",
    [{"name": name, "parameters": _ITEM} for name in ("order", "count")],
    {"product": {"names": list(PRODUCTS)}},
)
WORDS = {"order": "please get us another", "count": "how many do we have of the"}


def turn(number: int, done: str, wish: str = "order", source: str = THREAD + "t", accepted: bool = True) -> Trace:
    """A wish for one tool, and the tool that was called."""
    item = PRODUCTS[number % 5]
    said = Message(role="user", content=f"{chr(97 + number % 26) * 3}{number}: {WORDS[wish]} {item}")
    call = ToolCall(id="c1", name=done, arguments={"item": item})
    messages = (said, Message(role="assistant", tool_calls=(call,)))
    return Trace(toolset="shop", messages=messages, outcome="calls", source=source, accepted=accepted)


def put_right_turn(number: int, wish: str = "order") -> list[Trace]:
    """What was done first, and what should have been."""
    done = "count" if wish == "order" else "order"
    wrong = turn(number, done, wish, accepted=False)
    return [wrong, turn(number, wish, wish, source=CORRECTION + wrong.id)]


class Knowing(Picker):
    """Knows what an order sounds like."""

    def __init__(self) -> None:
        """Needs no classifier."""

    def pick_all(self, conversations: Sequence[Sequence[Message]]) -> list[Pick]:
        return [self._pick(messages[0].content) for messages in conversations]

    def _pick(self, said: str) -> Pick:
        wish, other = ("order", "count") if WORDS["order"] in said else ("count", "order")
        return Pick([(wish, 0.9), (other, 0.1)], {wish: 0.9, other: 0.1})


def judged(traces: Sequence[Trace]) -> Filtered:
    """What is left of the traces."""
    examples, put_right = harvest(traces), corrections(traces)
    refused = [correction.refused for correction in put_right.values()]
    return believed(examples, doubts(examples, let_be(examples, traces, put_right), refused, Knowing(), TOOLSET))


def in_two_steps(first: Trace, second: Trace, source: str = THREAD + "t") -> Trace:
    """What the first does, and after its result what the second does."""
    told = Message(role="tool", tool_call_id="c1", content="{}")
    return first.model_copy(update={"messages": (*first.messages, told, *second.messages[1:]), "source": source})


# what was put right, and what was let be


def test_a_step_put_right_is_the_first_that_differs() -> None:
    wrong, right = put_right_turn(1)
    (correction,) = corrections([wrong, right]).values()
    assert correction.refused.messages == wrong.messages[:1] and [call.name for call in correction.refused.calls] == ["count"]
    assert correction.right == harvest([right])[0].steps[0].key


def test_a_turn_of_two_steps_put_right_at_the_second_is_wrong_there_and_let_be_before() -> None:
    first, other = turn(1, "count"), turn(1, "order")
    wrong = in_two_steps(first, first).model_copy(update={"accepted": False})
    right = in_two_steps(first, other, CORRECTION + wrong.id)
    put_right = corrections([wrong, right])
    assert put_right[right.id].refused.messages == wrong.messages[:3]
    (example,) = harvest([right])
    assert let_be([example], [wrong, right], put_right) == {right.id: [example.steps[0]]}


@pytest.mark.parametrize("left", ["no original", "the same again", "nothing to learn"])
def test_a_correction_of_which_nothing_can_be_told_tells_nothing(left: str) -> None:
    wrong, right = put_right_turn(1)
    if left == "no original":
        wrong = turn(2, "count", accepted=False)
    elif left == "the same again":
        right = right.model_copy(update={"messages": wrong.messages})
    else:
        wrong = Trace(toolset="shop", messages=wrong.messages[:1], accepted=False)
        right = right.model_copy(update={"source": CORRECTION + wrong.id})
    assert corrections([wrong, right]) == {}
    assert let_be(harvest([right]), [wrong, right], {}) == {}


def test_what_was_imported_put_right_or_calls_nothing_was_not_let_be() -> None:
    imported, own = turn(1, "order", source="file"), turn(3, "order")
    silent = own.model_copy(update={"messages": own.messages[:1], "outcome": "none"})
    traces = [imported, own, silent, *put_right_turn(4)]
    assert set(let_be(harvest(traces), traces, corrections(traces))) == {own.id}


# who is doubted


def day(wrong: int, odd: int, right: int) -> tuple[list[Trace], list[Trace]]:
    """So many turns put right, let be although wrong, and right; the second list is what was let be although wrong."""
    corrected = [trace for number in range(wrong) for trace in put_right_turn(1000 + number, ("order", "count")[number % 2])]
    missed = [turn(2000 + number, "count") for number in range(odd)]
    fine = [turn(3000 + number, wish, wish) for number in range(right) for wish in [("order", "count")[number % 2]]]
    return [*corrected, *missed, *fine], missed


def test_turns_let_be_that_look_like_turns_put_right_are_dropped() -> None:
    traces, missed = day(LEAST, 20, 80)
    kept = judged(traces)
    assert set(kept.dropped) == {trace.id for trace in missed}
    assert [example for example in harvest(traces) if example.trace_id not in kept.dropped] == kept.kept
    assert judged(traces) == kept


def test_what_came_before_a_doubted_step_is_kept_and_what_followed_from_it_is_not() -> None:
    traces, _ = day(LEAST, 0, 80)
    fine, odd = turn(4000, "order"), turn(4000, "count")
    late = in_two_steps(in_two_steps(fine, odd), fine)
    early = in_two_steps(odd, fine).model_copy(update={"messages": in_two_steps(turn(4001, "count"), fine).messages})
    kept = judged([*traces, late, early])
    left = {example.trace_id: example for example in kept.kept}
    assert early.id in kept.dropped and len(left[late.id].steps) == 1
    assert left[late.id].messages == fine.messages and left[late.id].steps == harvest([fine])[0].steps


def test_what_people_put_right_or_imported_is_taken_at_their_word() -> None:
    traces, _ = day(LEAST, 20, 80)
    odd = [turn(5000, "count", source="file"), turn(5001, "count", source=CORRECTION + "another")]
    assert {trace.id for trace in odd} <= {example.trace_id for example in judged([*traces, *odd]).kept}


@pytest.mark.parametrize(("wrong", "odd", "right"), [(LEAST - 1, 20, 80), (LEAST, 20, LEAST - 21)])
def test_too_few_turns_tell_nothing(wrong: int, odd: int, right: int) -> None:
    traces, _ = day(wrong, odd, right)
    kept = judged(traces)
    assert kept.dropped == {} and len(kept.kept) == wrong + odd + right


def test_a_day_nobody_errs_in_loses_nothing() -> None:
    traces, _ = day(LEAST, 0, 150)
    examples: list[Example] = harvest(traces)
    assert judged(traces) == Filtered(examples, {})


# at night


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Home, "embedder", HashedWords())
    home = Home(Settings(home=tmp_path / "home", threads=1, engine_threads=1))
    home.registry.add(TOOLSET)
    yield home
    home.database.dispose()


def curator(home: Home) -> Curator:
    return Curator(home, TOOLSET, lambda: Remembering(home.embedder), 0, Silent())


def doubted(curated: Curated) -> set[str]:
    """Traces that were not believed."""
    return {identity for identity, why in curated.dropped.items() if why == "let be, but like what was put right"}


def imported(count: int) -> list[Trace]:
    return [turn(9000 + number, wish, wish, "file") for number in range(count) for wish in [("order", "count")[number % 2]]]


def test_a_picker_of_what_was_imported_tells_errors_of_the_day(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    traces, missed = day(LEAST, 20, 80)
    home.traces.add([*imported(80), *traces])
    curated = curator(home).curate(Barred())
    assert doubted(curated) <= {trace.id for trace in missed} and len(doubted(curated)) >= 10
    monkeypatch.setattr(finetune.curation, "fit_picker", None)
    assert curator(home).curate(Barred()) == curated, "told once"


@pytest.mark.parametrize("known", [0, LEAST - 1])
def test_without_anything_known_before_the_day_nobody_is_doubted(home: Home, known: int) -> None:
    traces, _ = day(LEAST, 20, 80)
    home.traces.add([*imported(known), *traces])
    curated = curator(home).curate(Barred())
    assert doubted(curated) == set() and len(curated.examples) + len(curated.dropped) == known + LEAST + 100
    assert len(picker_rows(curated.examples)) == len(curated.examples)


def release(home: Home, name: str, learned: Sequence[Trace], start: str | None = None) -> None:
    """A champion that has learned some traces."""
    made_of = {"toolset": "shop", "toolset_version": "1", "schema_hashes": TOOLSET.schema_hashes, "base": "small"}
    home.releases.add(Release(id=name, format_hash="f", dataset="d", seed=0, status="passed", start=start, **made_of))
    home.releases.promote(name, home.principal, "gate")
    home.releases.path(name).mkdir(parents=True)
    rows = {"rows": {"writer": [{"trace": trace.id} for trace in learned]}}
    (home.releases.path(name) / "dataset.json").write_text(json.dumps(rows))


@pytest.mark.parametrize(("chain", "asked"), [(["first"], "first"), (["first", "second"], "first"), (["second"], None)])
def test_the_latest_release_that_has_not_seen_the_day_judges_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, chain: list[str], asked: str | None
) -> None:
    traces, missed = day(LEAST, 20, 80)
    home.traces.add([*imported(80), *traces])
    before: str | None = None
    for name in chain:
        release(home, name, traces if name == "second" else imported(80), before)
        before = name
    judges: list[str] = []

    def load(_: Curator, found: Release) -> Picker:
        judges.append(found.id)
        return Knowing()

    monkeypatch.setattr(Curator, "_load_picker", load)
    monkeypatch.setattr(Curator, "_fit_picker", lambda *_: Knowing())
    assert doubted(curator(home).curate(Barred())) == {trace.id for trace in missed}
    assert judges == ([asked] if asked else [])
