"""Spans: free texts are cut where the words around their ends say so, and plans and grammars keep to them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.grammar import GrammarBuilder
from agents.offers import OfferFinder
from agents.plans import differs, lay_out
from agents.roles import Roles
from agents.spans import Said, Spans, bare
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from tests.agents.test_grammar import accepts
from tests.hashed_words import HashedWords
from tools.kinds import KindTable
from tools.marks import Marker

NAME, TEXT = {"type": "string", "x-kind": "name"}, {"type": "string", "x-kind": "text"}
TOOLSET = read_toolset(
    "desk",
    [
        {"name": "note", "parameters": {"type": "object", "properties": {"who": NAME, "subject": TEXT, "reason": TEXT}}},
        {"name": "call", "parameters": {"type": "object", "properties": {"who": NAME}}},
    ],
    {"name": {"names": ["Acme", "Bolt", "Crane", "Dunn"]}},
)
TABLE = KindTable()
MARKER = Marker(TOOLSET, TABLE)
SUBJECTS = (
    "door is stuck",
    "lamp broke on Monday",
    "no heating since 3 May",
    "invoice lost",
    "wrong colour, again",
    "key missing",
)


def said(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def note(who: str, subject: str) -> ToolCall:
    return ToolCall(name="note", arguments={"who": who, "subject": subject})


def rows() -> tuple[list[tuple[Message, ...]], list[tuple[ToolCall, ...]]]:
    rows = []
    for who in ("Acme", "Bolt", "Crane"):
        for subject in SUBJECTS:
            rows.append((said(f"note for {who}: {subject}, please"), (note(who, subject),)))
            rows.append((said(f"please write down that {subject} for {who}"), (note(who, subject),)))
    return [messages for messages, _ in rows], [calls for _, calls in rows]


@pytest.fixture(scope="module")
def spans() -> Spans:
    return Spans.fit(*rows(), MARKER, HashedWords())


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("note for Dunn: roof leaks, please", "roof leaks"),
        ("note for Dunn: roof leaks since 4 June, please", "roof leaks since 4 June"),
        ("please write down that the roof leaks for Dunn", "the roof leaks"),
    ],
)
def test_the_words_around_its_ends_cut_a_text(spans: Spans, text: str, subject: str) -> None:
    guess = spans.read(said(text)).likeliest("note", "subject")
    assert guess is not None and guess.text == subject and 0 < guess.chance <= 1
    assert spans.read(said(text)).chance("note", "subject", subject) == guess.chance


def test_what_is_no_free_text_or_was_not_said_has_no_chance(spans: Spans) -> None:
    texts = spans.read(said("note for Dunn: roof leaks, please"))
    assert texts.likeliest("note", "who") is None and texts.chance("note", "who", "Dunn") is None
    assert texts.likeliest("unheard_of", "subject") is None
    assert texts.chance("note", "subject", "door is stuck") is None and texts.chance("note", "subject", " ?") is None
    assert spans.read(()).likeliest("note", "subject") is None
    shorter = texts.chance("note", "subject", "roof")
    assert shorter is not None and shorter < 0.5


def test_a_text_that_was_not_said_starts_nowhere() -> None:
    taught = [(said(f"note for {who}, please"), (ToolCall(name="note", arguments={"who": who}),)) for who in ("Acme", "Bolt")]
    taught += [
        (said(f"note for {who}: {text}, please"), (note(who, text),))
        for who in ("Acme", "Bolt", "Crane", "Dunn", "Eve")
        for text in SUBJECTS
    ]
    spans = Spans.fit([messages for messages, _ in taught], [calls for _, calls in taught], MARKER, HashedWords())
    there, missing = (
        spans.read(said(text)).likeliest("note", "subject")
        for text in ("note for Dunn: roof leaks, please", "note for Dunn, please")
    )
    assert there is not None and missing is not None and there.chance > 0.5 > missing.chance


def test_of_few_texts_nothing_is_learned() -> None:
    conversations, steps = rows()
    texts = Spans.fit(conversations[:9], steps[:9], MARKER, HashedWords()).read(said("note for Dunn: roof leaks, please"))
    assert texts.likeliest("note", "subject") is None and texts.chance("note", "subject", "roof leaks") is None
    assert list(texts.judge(note("Dunn", "roof leaks"))) == [] == list(texts.arguments("note"))


def test_chances_of_all_texts_sum_to_at_most_one(spans: Spans) -> None:
    texts = spans.read(said("note for Dunn: roof leaks, please"))
    here = Said(said("note for Dunn: roof leaks, please"), MARKER)
    every = {bare(here.text(first, last)) for first in range(len(here.words)) for last in here.ends(first)}
    assert 0.5 < sum(texts.chance("note", "subject", text) or 0 for text in every if text) < 1.01


def test_spans_survive_their_file(spans: Spans, tmp_path: Path) -> None:
    spans.save(tmp_path / "picker.safetensors")
    loaded = Spans.load(tmp_path / "picker.safetensors", MARKER, HashedWords())
    text = said("note for Dunn: roof leaks, please")
    chance = spans.read(text).chance("note", "subject", "roof leaks")
    assert loaded.read(text).chance("note", "subject", "roof leaks") == pytest.approx(chance, rel=1e-2), "kept in half precision"


def test_a_draft_with_other_ends_is_planned_again(spans: Spans) -> None:
    messages = said("note for Dunn: roof leaks since 4 June, please")
    texts, roles = spans.read(messages), Roles.fit(TOOLSET, *rows(), MARKER).read(messages)
    whole, cut = note("Dunn", "roof leaks since 4 June"), note("Dunn", "roof leaks")
    assert differs(roles, texts, [cut]) and not differs(roles, texts, [whole])
    without = ToolCall(name="note", arguments={"who": "Dunn"})
    assert differs(roles, texts, [without]), "a likely text is left out"
    assert texts.left_out(without) > 0.5 > texts.left_out(whole)
    builder = GrammarBuilder(TOOLSET, TABLE, OfferFinder(TOOLSET, TABLE).collect(messages))
    grammar = builder.planned(lay_out(TOOLSET, roles, texts, ["note"]))
    assert grammar is not None
    written = [call.name + json.dumps(call.arguments, separators=(",", ":")) for call in (whole, cut, without)]
    assert [accepts(grammar, step) for step in written] == [True, False, False]
    assert lay_out(TOOLSET, roles, texts, ["note", "note"])[0][0].texts == {}, "one text is not two notes' alike"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["note", "Acme", "(door", "stuck),", "4", "May.", "?", '"', "…", "ß"]), max_size=9).map(" ".join))
def test_every_run_of_words_is_found_where_it_stands(text: str) -> None:
    here = Said(said(text), MARKER)
    for first in range(len(here.words)):
        for last in here.ends(first):
            if wanted := bare(here.text(first, last)):
                place = here.place(here.text(first, last))
                assert place is not None and bare(here.text(*place)) == wanted
