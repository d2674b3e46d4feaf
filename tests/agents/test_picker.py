"""The picker: ranks what a step starts with and says which parts it has, from the request alone."""

from pathlib import Path

import pytest

from agents.arguments import parts_of
from agents.linear import LabelSetClassifier
from agents.picker import Picker, PickerRow
from core.errors import ModelError
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from tests.hashed_words import HashedWords
from tools.kinds import KindTable
from tools.marks import Marker

SCHEMA = {"type": "object", "properties": {"customer": {"type": "string", "x-kind": "customer"}, "note": {"type": "string"}}}
TOOLSET = read_toolset(
    "shop",
    [{"name": "bill", "parameters": SCHEMA}, {"name": "call", "parameters": SCHEMA}],
    {"customer": {"names": ["Acme", "Bolt", "Crane", "Delta"]}},
)
MARKER = Marker(TOOLSET, KindTable())


def said(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


@pytest.fixture(scope="module")
def picker() -> Picker:
    names = ["Acme", "Bolt", "Crane"]
    rows = [
        *((said(f"please bill {n}"), (ToolCall(name="bill", arguments={"customer": n}),)) for n in names * 2),
        *((said(f"ring up {n} now"), (ToolCall(name="call", arguments={"customer": n}),)) for n in names * 2),
        *((said(f"ring up {n}, tell them hello"), (ToolCall(name="call", arguments={"customer": n, "note": "hello"}),)) for n in names),
        *((said(f"nice day {n}"), (ToolCall(name="!none"),)) for n in ("today", "outside", "indeed")),
    ]  # fmt: skip
    one, other = (ToolCall(name=name, arguments={"customer": "Acme"}) for name in ("bill", "call"))
    joined = [(said(f"please bill {n}, and ring up {m} now"), (one, other)) for n in names for m in names]
    return Picker.fit(TOOLSET, [PickerRow(*r) for r in rows], [PickerRow(*r) for r in joined], MARKER, HashedWords())


def test_fitted_on_it_learns_a_new_word_and_forgets_none(picker: Picker, tmp_path: Path) -> None:
    names = ["Acme", "Bolt", "Crane"]
    new = [PickerRow(said(f"zorch {n}"), (ToolCall(name="bill", arguments={"customer": n}),)) for n in names * 2]
    assert picker.pick(said("zorch Delta")).ranking[0][1] < 0.7
    known = [PickerRow(said(f"ring up {n} now"), (ToolCall(name="call", arguments={"customer": n}),)) for n in names * 2]
    later = Picker.fit(TOOLSET, new, [], MARKER, HashedWords(), start=picker, kept=known)
    later.save(tmp_path / "picker.safetensors")
    read = Picker.load(tmp_path / "picker.safetensors", TOOLSET, MARKER, HashedWords())
    zorched = read.pick(said("zorch Delta"))
    assert zorched.ranking[0][0] == "bill" and zorched.ranking[0][1] > 0.8
    for text in ("please bill Delta", "ring up Delta now", "ring up Delta, tell them hello", "nice day outside"):
        before, after = picker.pick(said(text)), read.pick(said(text))
        assert after.ranking[0][0] == before.ranking[0][0]
        assert all(abs(after.parts[part] - chance) < 0.25 for part, chance in before.parts.items())
    assert read.pick(said("ring up Delta, tell them hello")).parts["call.note"] > 0.5


def test_rows_it_has_learned_hold_it_where_it_was(picker: Picker) -> None:
    new = [PickerRow(said(f"{what} {n}"), (ToolCall(name="bill", arguments={"customer": n}),))
           for n in ("Acme", "Bolt", "Crane") for what in ("lovely weather today", "how nice it is", "what a day")]  # fmt: skip
    known = [PickerRow(said(f"nice day {n}"), (ToolCall(name="!none"),)) for n in ("today", "outside", "indeed")] * 3
    chances = [
        dict(Picker.fit(TOOLSET, new, [], MARKER, HashedWords(), picker, kept).pick(said("nice day outside")).ranking)["!none"]
        for kept in ([], known)
    ]
    assert chances[0] < chances[1]


def test_a_head_nobody_took_before_is_taken_in(picker: Picker) -> None:
    rows = [PickerRow(said(f"where does it say {what}"), (ToolCall(name="!search"),)) for what in ("prices", "terms", "dates")]
    assert "!search" not in dict(picker.pick(said("where does it say prices")).ranking)
    later = Picker.fit(TOOLSET, rows, [], MARKER, HashedWords(), start=picker)
    assert later.pick(said("where does it say prices")).ranking[0][0] == "!search"


def test_the_likeliest_head_comes_first_whatever_the_name(picker: Picker) -> None:
    for name in ("Acme", "Delta"):
        assert picker.pick(said(f"please bill {name}")).ranking[0][0] == "bill"
    ranking = picker.pick(said("nice day")).ranking
    assert ranking[0][0] == "!none" and abs(sum(p for _, p in ranking) - 1) < 1e-5
    assert [p for _, p in ranking] == sorted((p for _, p in ranking), reverse=True)


def test_an_argument_is_likely_where_words_speak_of_it(picker: Picker) -> None:
    with_note, without = (picker.pick(said(f"ring up Delta{end}")).parts["call.note"] for end in (", tell them hello", " now"))
    assert with_note > 0.5 > without
    assert picker.pick(said("bill Acme")).parts["bill.note"] < 0.5, "never seen, but known of another tool"
    assert "!none.note" not in picker.pick(said("bill")).parts


def test_two_wishes_are_seen_where_no_row_had_two(picker: Picker) -> None:
    parts = picker.pick(said("please bill Delta, and ring up Acme now")).parts
    assert min(parts["bill"], parts["call"]) > 0.3
    alone = picker.pick(said("please bill Delta")).parts
    assert alone["call"] < 0.2, "a request of one clause is judged as it stands"
    after = (*said("please bill Delta, and ring up Acme now"), *(Message(role="tool", content="{}", tool_call_id="1"),))
    assert picker.pick(after).parts["call"] < parts["call"], "after a result the state tells what is left"


def test_joined_rows_teach_that_a_step_holds_several_calls_and_nothing_else(picker: Picker) -> None:
    both, alone = (picker.pick(said(text)) for text in ("please bill Delta, and ring up Crane now", "please bill Delta"))
    assert both.several > 0.5 > alone.several
    plain = Picker.fit(TOOLSET, [PickerRow(said("bill Acme"), (ToolCall(name="bill"),))] * 4, [], MARKER, HashedWords())
    assert plain.pick(said("bill Acme, bill Bolt")).several == 0


def test_a_saved_picker_picks_the_same(picker: Picker, tmp_path: Path) -> None:
    picker.save(tmp_path / "picker.safetensors")
    loaded = Picker.load(tmp_path / "picker.safetensors", TOOLSET, MARKER, HashedWords())
    for text in ("bill Acme", "ring up", ""):
        assert [head for head, _ in loaded.pick(said(text)).ranking] == [head for head, _ in picker.pick(said(text)).ranking]
        assert loaded.pick(said(text)).several == pytest.approx(picker.pick(said(text)).several, abs=2e-3)
        assert loaded.pick(said(text)).parts == pytest.approx(picker.pick(said(text)).parts, abs=2e-3)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        LabelSetClassifier.load(tmp_path / "x.safetensors")


def test_parts_are_tools_arguments_and_what_comes_twice() -> None:
    lines = [{"item": "oak", "qty": 1}, {"item": "ash"}]
    calls = (ToolCall(name="quote", arguments={"lines": lines}), ToolCall(name="bill"), ToolCall(name="bill", arguments={"a": 1}))
    assert parts_of(calls) == {
        "quote", "quote.lines", "quote.lines*2", "quote.lines.item", "quote.lines.qty", "bill", "bill*2", "bill.a",
    }  # fmt: skip
    assert parts_of((ToolCall(name="!done"),)) == {"!done"} and parts_of(()) == frozenset()
