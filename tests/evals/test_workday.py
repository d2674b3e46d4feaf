"""A day's work is judged by the state the company is left in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.home import Home
from core.settings import Settings
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from core.types.tool import read_toolset
from evals.graph_shift import graph_shifts
from evals.workday import Outcome, choose_threshold, held_back, risk_coverage, sum_up, work, work_in_shifts
from tools.erp.operations import ALL
from tools.erp.sandbox.seed.master import master
from tools.erp.scenario import Scenario, read_scenario

_SUPPLIER = master()["suppliers"][0]
_HOLD = {"name": "hold_customer", "arguments": {"customer": "Orchid Nursery"}}
_RELEASE = {"name": "release_customer", "arguments": {"customer": "Orchid Nursery"}}


class _Scripted:
    """Answers in order, whatever is asked."""

    release_id = "r-scripted"

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.seen: list[Message] = []

    def predict(self, messages: Sequence[Message]) -> Prediction:
        self.seen = list(messages)
        answer = self._answers.pop(0)
        sure = {"confidence": 0.9, "latency_ms": 1.0}
        if isinstance(answer, list):
            calls = tuple(ToolCall(name=call["name"], arguments=call["arguments"]) for call in answer)
            return Prediction(outcome="calls", tool_calls=calls, **sure)
        if answer == "ask":
            return Prediction(outcome="ask", ask=Ask(tool="hold_customer", missing="customer", arguments={}), **sure)
        return Prediction(outcome=answer, **sure)


def _scenario(*turns: dict[str, Any]) -> Scenario:
    return read_scenario({"turns": list(turns)})


_ONE = _scenario({"user": "put orchid nursery on hold"}, {"calls": [_HOLD]})
_CHAIN = _scenario(
    {"user": "new customer Zebra Nova, and put them on hold"},
    {"calls": [{"name": "create_customer", "arguments": {"name": "Zebra Nova"}}]},
    {"calls": [{"name": "hold_customer", "arguments": {"customer": "$1.customer"}}]},
    {"done": True},
)


@pytest.mark.parametrize(
    ("answers", "end_state", "ending", "wrong"),
    [
        (([_HOLD], "done"), True, "finished", 0),
        (([{"name": "hold_customer", "arguments": {"customer": "orchid nurs"}}], "done"), True, "finished", 0),
        (([_RELEASE], "done"), False, "finished", 0),
        (([{"name": "create_lead", "arguments": {"name": "orchid"}}], [_HOLD], "done"), False, "finished", 1),
        (("none",), False, "finished", 0),
        (("ask",), False, "asked", 0),
        (([{"name": "hold_customer", "arguments": {"customer": "brightwater"}}],), False, "asked", 0),
        ((([_HOLD], "done"))[:1] * 8, False, "gave up", 0),
    ],
)
def test_one_request(short_company: Path, answers: tuple[Any, ...], end_state: bool, ending: str, wrong: int) -> None:
    outcome = work([_ONE], _Scripted(*answers), short_company)[0]
    assert (outcome.end_state, outcome.ending, outcome.wrong_writes) == (end_state, ending, wrong)
    assert bool(outcome.why) is not end_state


def test_several_steps_see_the_results_of_the_company(short_company: Path) -> None:
    scripted = _Scripted(
        [{"name": "create_customer", "arguments": {"name": "Zebra Nova"}}],
        [{"name": "hold_customer", "arguments": {"customer": "Zebra Nova"}}],
        "done",
    )
    outcome = work([_CHAIN], scripted, short_company)[0]
    assert outcome.unaided and len(outcome.deeds) == 2
    assert '"customer": "Zebra Nova"' in scripted.seen[2].content


def test_a_write_of_too_little_confidence_goes_to_a_person(short_company: Path) -> None:
    outcome = work([_ONE], _Scripted([_HOLD], "done"), short_company, threshold=0.95)[0]
    assert (outcome.ending, outcome.deeds) == ("approval", ())


def test_a_thousand_requests_in_numbers(short_company: Path) -> None:
    asking = _scenario({"user": "put them on hold"}, {"ask": {"tool": "hold_customer", "missing": "customer", "arguments": {}}})
    answers = ([_HOLD], "done", "ask", [_RELEASE], "done", [{"name": "create_lead", "arguments": {"name": "x"}}], "done")
    scenarios = [_ONE, asking, _ONE, _ONE]
    day = sum_up(scenarios, work(scenarios, _Scripted(*answers), short_company))
    assert (day.n, day.unaided_per_1000, day.asked_per_1000, day.wrong_writes_per_1000) == (4, 250, 250, 250)
    assert day.end_state.rate == 0.5 and day.no_call is not None and day.no_call.rate == 1.0


def test_phrasings_of_one_wish_are_one_cluster() -> None:
    outcomes = [Outcome(end_state=at < 15, ending="finished", deeds=(), confidence=1.0) for at in range(30)]
    wishes = [str(at // 5) for at in range(30)]
    alone, together = sum_up([_ONE] * 30, outcomes), sum_up([_ONE] * 30, outcomes, wishes)
    for day, clusters in ((alone, 30), (together, 6)):
        assert day.one_step is not None and day.one_step.clusters == day.end_state.clusters == clusters
    assert together.end_state.low < alone.end_state.low - 0.1 and together.end_state.rate == alone.end_state.rate


def test_below_a_threshold_that_acted_nothing_is_told() -> None:
    outcome = Outcome(end_state=True, ending="finished", deeds=(), confidence=1.0)
    assert [row["threshold"] for row in risk_coverage([_ONE], [outcome], acted=0.9)] == [0.9, 0.95, 0.98, 0.99]


def test_a_threshold_after_the_day_is_one_during_it(short_company: Path) -> None:
    answers = ([{"name": "create_lead", "arguments": {"name": "x"}}], [_HOLD], "done")
    (free,) = work([_ONE], _Scripted(*answers), short_company)
    (during,) = work([_ONE], _Scripted(*answers), short_company, threshold=0.95)
    after = held_back(free, 0.95)
    assert (after.deeds, after.ending, after.end_state) == (during.deeds, during.ending, during.end_state)
    assert held_back(free, 0.9) == free and free.wrong_writes == 1


def test_a_threshold_is_chosen_that_lets_few_wrong_writes_through(short_company: Path) -> None:
    right = work([_ONE], _Scripted([_HOLD], "done"), short_company)
    wrong = work([_ONE], _Scripted([{"name": "create_lead", "arguments": {"name": "x"}}], "done"), short_company)
    sure = [outcome.model_copy(update={"least_write": 0.99}) for outcome in right]
    assert choose_threshold([*wrong, *right], 500) == 0.0
    chosen = choose_threshold([*wrong, *sure], 10)
    assert 0.9 < chosen < 0.95 and sum(held_back(outcome, chosen).wrong_writes for outcome in (*wrong, *sure)) == 0
    rows = {row["threshold"]: row for row in risk_coverage([_ONE, _ONE], [*wrong, *sure])}
    assert (rows[0.9]["wrong_writes"], rows[0.95]["wrong_writes"], rows[0.95]["approval"]) == (500, 0, 500)


@pytest.mark.parametrize(
    ("answers", "act", "end_state", "ending", "wrong"),
    [
        (([_HOLD], "done"), 0.0, True, "finished", 0),
        (([_HOLD], "done"), 0.95, False, "approval", 0),
        (("ask",), 0.0, False, "asked", 0),
        (([{"name": "create_lead", "arguments": {"name": "orchid"}}], [_HOLD], "done"), 0.0, False, "finished", 1),
        (([{"name": "hold_customer", "arguments": {"customer": "brightwater"}}],), 0.0, False, "asked", 0),
    ],
)
def test_the_same_through_the_whole_graph(
    short_company: Path, tmp_path: Path, answers: tuple[Any, ...], act: float, end_state: bool, ending: str, wrong: int
) -> None:
    home, scripted = Home(Settings(home=tmp_path)), _Scripted(*answers)
    toolset = read_toolset("company", [operation.function for operation in ALL])
    with graph_shifts(home, toolset, scripted, None, act) as begin:
        (outcome,) = work_in_shifts([_ONE], begin, short_company)
    assert (outcome.end_state, outcome.ending, outcome.wrong_writes) == (end_state, ending, wrong)
    assert list(home.traces.all("company")) == []


def test_what_is_destructive_waits_in_the_graph_and_is_let_through_where_it_is_sure(short_company: Path, tmp_path: Path) -> None:
    change = {"name": "change_bank_details", "arguments": {"supplier": _SUPPLIER, "iban": "DE02120300000000202051"}}
    asked = _scenario({"user": f"new account of {_SUPPLIER}: DE02120300000000202051"}, {"calls": [change]})
    home, toolset = Home(Settings(home=tmp_path)), read_toolset("company", [operation.function for operation in ALL])
    for act, ending in ((0.0, "finished"), (0.95, "approval")):
        with graph_shifts(home, toolset, _Scripted([change], "done"), None, act) as begin:
            (outcome,) = work_in_shifts([asked], begin, short_company)
        assert (outcome.ending, outcome.end_state) == (ending, ending == "finished")


def test_a_chain_through_the_whole_graph(short_company: Path, tmp_path: Path) -> None:
    scripted = _Scripted(*([call] for call in ({"name": "create_customer", "arguments": {"name": "Zebra Nova"}},
                                               {"name": "hold_customer", "arguments": {"customer": "Zebra Nova"}})), "done")  # fmt: skip
    home = Home(Settings(home=tmp_path))
    toolset = read_toolset("company", [operation.function for operation in ALL])
    with graph_shifts(home, toolset, scripted, None, 0.0) as begin:
        (outcome,) = work_in_shifts([_CHAIN], begin, short_company)
    assert outcome.unaided and [deed.expected for deed in outcome.deeds] == [True, True]
