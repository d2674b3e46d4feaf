"""Choices: enumerated values said, and arguments that are filled with nothing else."""

from agents.caller import unfilled
from agents.offers import OfferFinder
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from tools.choices import ChoiceFinder, with_said_choices
from tools.kinds import KindTable, slot_of

ENUMS = {
    "account": ["checking", "savings"],
    "source": ["checking", "savings"],
    "department": ["general", "fraud"],
    "period": ["last_month"],
}
TOOLSET = read_toolset(
    "bank",
    [
        {
            "name": "ask",
            "parameters": {"type": "object", "properties": {k: {"type": "string", "enum": v} for k, v in ENUMS.items()}},
        }
    ],
)


def row(said: str, **arguments: str) -> Example:
    call = ToolCall(name="ask", arguments=arguments)
    return Example(
        trace_id=said,
        cluster=said,
        messages=(Message(role="user", content=said), Message(role="assistant", tool_calls=(call,))),
        steps=(Step(position=1, outcome="calls", calls=(call,)),),
    )


ROWS = [
    *(row(f"my checking {n}", account="checking") for n in range(6)),
    *(row(f"someone please {n}", department="general") for n in range(6)),
    *(row(f"last month {n}", period="last_month") for n in range(4)),
]


def test_choices_are_found_as_dictation_writes_them() -> None:
    found = ChoiceFinder(TOOLSET, KindTable()).find("from checkin to savin, last month")
    assert [(m.kind, m.surface, m.value) for m in found] == [
        ("account", "checkin", "checking"),
        ("account", "savin", "savings"),
        ("period", "last month", "last_month"),
    ]


def test_a_choice_cut_in_two_by_dictation_is_found() -> None:
    found = ChoiceFinder(TOOLSET, KindTable()).find("my save ins please")
    assert [(m.surface, m.value) for m in found] == [("save ins", "savings")]


def test_a_call_that_leaves_out_a_said_choice_may_be_completed() -> None:
    table = KindTable()
    finder = OfferFinder(TOOLSET, table)
    later = [Message(role="user", content="from checking"), Message(role="user", content="my savings")]
    call = ToolCall(name="ask", arguments={"source": "checking"})
    assert unfilled(TOOLSET, table, call, finder.collect(later)) == [frozenset({"account"})]
    assert unfilled(TOOLSET, table, call, finder.collect(later[:1])) == [], "used already"


def test_training_rows_tell_which_arguments_take_only_what_was_said() -> None:
    table = with_said_choices(TOOLSET, KindTable(), ROWS)
    assert table.said == ("account",), "department is filled by judgement, period was seen too seldom"
    assert with_said_choices(TOOLSET, KindTable(), []).said == ()


def test_what_nobody_said_is_offered_only_for_arguments_filled_by_judgement() -> None:
    table = KindTable(said=("account",))
    offers = OfferFinder(TOOLSET, table).collect([Message(role="user", content="my savin account")])
    slots = {name: slot_of(TOOLSET, table, name, schema) for name, schema in TOOLSET.tools[0].properties.items()}
    assert offers.of(slots["account"]) == ["savings"]
    assert offers.of(slots["department"]) == ["general", "fraud"]
    nothing = OfferFinder(TOOLSET, table).collect([Message(role="user", content="hello")])
    assert nothing.of(slots["account"]) == []


def test_a_choice_of_an_earlier_call_stays_offered() -> None:
    table = KindTable(said=("account",))
    messages = [*row("hm", account="checking").messages, Message(role="user", content="again")]
    slot = slot_of(TOOLSET, table, "account", TOOLSET.tools[0].properties["account"])
    assert OfferFinder(TOOLSET, table).collect(messages).of(slot) == ["checking"]
