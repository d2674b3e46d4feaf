"""The audit sample: drawn by lot, judged blind, once; what was found wrong does not teach."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.database import open_database
from core.errors import BadInput
from core.settings import Settings
from core.types.case import Case
from core.types.message import Message, ToolCall
from core.types.prediction import Ask
from core.types.principal import Principal
from core.types.tool import Tool, Toolset
from core.types.trace import CORRECTION, THREAD, Trace
from finetune.audit_sample import OTHERWISE, SHARE, AuditSample

ADA = Principal(person="ada")
_COUNT = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
TOOLSET = Toolset(name="shop", tools=(Tool(name="move", description="Move.", parameters=_COUNT),))


def turn(number: int, **update: object) -> Trace:
    call = ToolCall(name="move", arguments={"count": number}, id="c1")
    messages = (Message(role="user", content=f"move {number}"), Message(role="assistant", tool_calls=(call,)))
    trace = Trace(toolset="shop", messages=messages, outcome="calls", source=f"{THREAD}{number}")
    return trace.model_copy(update=update)


def called(number: int) -> Case:
    call = ToolCall(name="move", arguments={"count": number})
    return Case(messages=(Message(role="user", content="-"),), expected=(call,), outcome="calls")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(Settings(home=tmp_path))
    yield engine
    engine.dispose()


@pytest.fixture
def sample(engine: Engine) -> AuditSample:
    return AuditSample(engine, "default")


@pytest.fixture
def drawn(sample: AuditSample) -> list[Trace]:
    """Those of 2,000 turns on which the lot fell."""
    turns = [turn(number) for number in range(2000)]
    waiting = {one.trace for one in sample.waiting(turns, TOOLSET)}
    return [one for one in turns if one.id in waiting]


def test_one_of_fifty_accepted_turns_is_drawn_and_always_the_same(sample: AuditSample, drawn: list[Trace]) -> None:
    assert 20 <= len(drawn) <= 65 and abs(SHARE - 0.02) < 1e-9
    assert [one.trace for one in sample.waiting(drawn, TOOLSET)] == [one.id for one in drawn]
    for update in ({"accepted": False}, {"source": "import"}, {"source": CORRECTION + "x"}):
        assert sample.waiting([one.model_copy(update=update) for one in drawn], TOOLSET) == []
    with pytest.raises(BadInput, match="not in the audit sample"):
        sample.judge(turn(1, source="import"), TOOLSET, called(1), ADA)


def test_who_judges_sees_the_request_and_not_what_was_done(sample: AuditSample, drawn: list[Trace]) -> None:
    one = sample.waiting(drawn, TOOLSET)[0]
    assert [message.role for message in one.case.messages] == ["user"]


def test_only_the_step_straight_after_the_last_request_is_judged(sample: AuditSample) -> None:
    def gone_on(number: int) -> Trace:
        asked, did = turn(number).messages
        told, ended = Message(role="tool", content="{}", tool_call_id="c1"), Message(role="assistant", content="Done.")
        earlier = (Message(role="user", content="move 1"), did, told, ended) if number % 2 else ()
        return turn(number, messages=(*earlier, asked, did, told, ended), outcome="done")

    turns = [gone_on(number) for number in range(2000)]
    waiting = sample.waiting(turns, TOOLSET)
    assert len(waiting) >= 20
    for one in waiting:
        assert one.case.messages[-1].content == f"move {one.case.expected[0].arguments['count']}", "the request, and its calls"
    known = {one.id: one for one in turns}
    for one in waiting:
        number = one.case.expected[0].arguments["count"]
        assert sample.judge(known[one.trace], TOOLSET, called(number), ADA) is True


def test_the_share_of_false_acceptances_is_told_and_what_was_wrong_does_not_teach(
    sample: AuditSample, drawn: list[Trace]
) -> None:
    number = [int(one.source.removeprefix(THREAD)) for one in drawn]
    assert sample.estimate(drawn, TOOLSET).false.n == 0
    assert sample.judge(drawn[0], TOOLSET, called(number[0]), ADA) is True
    assert sample.judge(drawn[1], TOOLSET, called(number[1] + 1), ADA) is False
    asks = Case(messages=drawn[2].messages[:1], outcome="ask", ask=Ask(tool="move", missing="count", arguments={}))
    assert sample.judge(drawn[2], TOOLSET, asks, ADA) is False
    assert sample.judge(drawn[3], TOOLSET, called(number[3]).model_copy(update={"outcome": None}), ADA) is True
    audit = sample.estimate(drawn, TOOLSET)
    assert (audit.waiting, audit.false.n, audit.false.rate) == (len(drawn) - 4, 4, 0.5)
    assert "2 of 4" in str(audit)
    assert sample.found_wrong("shop") == {drawn[1].id: OTHERWISE, drawn[2].id: OTHERWISE}
    assert sample.found_wrong("other") == {}


def test_nobody_judges_a_turn_twice(sample: AuditSample, drawn: list[Trace]) -> None:
    sample.judge(drawn[0], TOOLSET, called(-1), ADA)
    with pytest.raises(BadInput, match="judged already"):
        sample.judge(drawn[0], TOOLSET, called(1), Principal(person="bob"))


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"expected": (), "outcome": None}, "neither"), ({"expected": (), "outcome": "ask"}, "for what"),
        ({"expected": (ToolCall(name="moev", arguments={"count": 1}),)}, "moev: is none of the tools"),
        ({"expected": (ToolCall(name="move", arguments={"count": "x"}),)}, "move: "),
    ],
)  # fmt: skip
def test_a_slip_of_the_judge_is_no_verdict(sample: AuditSample, drawn: list[Trace], update: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        sample.judge(drawn[0], TOOLSET, called(1).model_copy(update=update), ADA)
    assert sample.verdicts("shop") == {}


def test_a_turn_of_another_toolset_is_not_judged(sample: AuditSample, drawn: list[Trace]) -> None:
    other = TOOLSET.model_copy(update={"name": "other"})
    with pytest.raises(BadInput, match="not in the audit sample"):
        sample.judge(drawn[0], other, called(1), ADA)


def test_another_tenant_has_its_own_sample(engine: Engine, sample: AuditSample, drawn: list[Trace]) -> None:
    sample.judge(drawn[0], TOOLSET, called(-1), ADA)
    assert AuditSample(engine, "other").verdicts("shop") == {}
