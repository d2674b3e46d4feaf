"""The cheap pass over very many traces."""

import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from agents.home import Home
from core.settings import Settings
from core.traces import TraceRow
from core.types.message import Message, ToolCall
from core.types.trace import CORRECTION, THREAD, Trace
from finetune.survivors import survivors


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(Settings(home=tmp_path / "home", artefacts=tmp_path / "artefacts"))
    yield home
    home.database.dispose()


def said(number: int, tool: str = "move", source: str = "import", accepted: bool = True, schema: str = "now") -> Trace:
    call = ToolCall(name=tool, arguments={"count": number}, id="c")
    messages = (Message(role="user", content=f"{tool} {number} of them"), Message(role="assistant", tool_calls=(call,)))
    return Trace(
        toolset="shop", messages=messages, outcome="calls", source=source, accepted=accepted, schema_hashes={tool: schema}
    )


def is_now(schema: str) -> bool:
    return schema == "now"


def tools_of(traces: list[Trace]) -> Counter[str]:
    return Counter(trace.messages[1].tool_calls[0].name for trace in traces)


def test_where_they_are_few_all_are_seen_in_their_order(home: Home) -> None:
    traces = [said(number, schema="then" if number == 3 else "now") for number in range(9)]
    home.traces.add(traces)
    found = survivors(home.traces, "shop", is_now, most=9)
    assert found.traces == traces and (found.stale, found.crowded_out) == (0, 0), "the filters say why"


def test_small_sorts_are_seen_whole_and_great_ones_alike(home: Home) -> None:
    home.traces.add([said(n, tool) for tool, count in (("move", 60), ("look", 30), ("ask", 4)) for n in range(count)])
    found = survivors(home.traces, "shop", is_now, most=24)
    assert tools_of(found.traces) == {"move": 10, "look": 10, "ask": 4}
    assert (found.accepted, found.crowded_out) == (94, 70)
    assert survivors(home.traces, "shop", is_now, most=24) == found
    assert survivors(home.traces, "shop", is_now, seed=1, most=24) != found


def test_corrections_come_first_with_what_they_put_right_then_the_day(home: Home) -> None:
    wrong = said(1000, source=THREAD + "t", accepted=False)
    right = said(1001, source=CORRECTION + wrong.id)
    day = [said(2000 + number, source=THREAD + f"d{number}") for number in range(3)]
    home.traces.add([*(said(number) for number in range(40)), wrong, right, *day])
    found = survivors(home.traces, "shop", is_now, most=5).traces
    assert {trace.id for trace in (wrong, right, *day)} <= {trace.id for trace in found} and len(found) == 6


def test_what_nothing_leads_from_takes_no_room(home: Home) -> None:
    home.traces.add([said(number, schema="then" if number % 2 else "now") for number in range(40)])
    found = survivors(home.traces, "shop", is_now, most=30)
    assert found.stale == 20 and len(found.traces) == 20 and found.crowded_out == 0


def test_a_trace_that_came_twice_is_stored_once_whichever_way(home: Home) -> None:
    assert home.traces.add([said(1), said(2), said(1)]) == 2
    assert home.traces.add([said(2), said(3)]) == 1
    assert [trace.messages[0].content for trace in home.traces.all("shop")] == [f"move {n} of them" for n in (1, 2, 3)]


def _fill(home: Home, count: int) -> None:
    """Many traces, straight into the table."""
    trace = said(0)
    document = trace.model_dump(mode="json")
    with home.database.begin() as connection:
        for start in range(0, count, 10_000):
            rows = [
                {
                    "id": f"{number:016x}", "tenant": "default", "person": "", "subject_key": "k", "toolset": "shop", "outcome": "calls",
                    "source": "import", "created_at": trace.created_at,
                    "document": {**document, "messages": [
                        {**document["messages"][0], "content": f"please take {number} of them away"},
                        {**document["messages"][1], "tool_calls": [{"name": f"tool{number % 40}", "arguments": {"count": number}, "id": "c"}]},
                    ]},
                }
                for number in range(start, start + 10_000)
            ]  # fmt: skip
            connection.execute(insert(TraceRow), rows)


def _timed(home: Home) -> float:
    started = time.monotonic()
    found = survivors(home.traces, "shop", is_now)
    assert len(found.traces) == 20_000 and set(tools_of(found.traces).values()) == {500}
    return time.monotonic() - started


@pytest.mark.parametrize("count", [pytest.param(40_000), pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_million_take_minutes_and_little_memory(home: Home, count: int) -> None:
    _fill(home, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = _timed(home)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{count:,} traces: {seconds:.1f} s, {grown:.0f} MB more, {1e6 * seconds / count:.0f} µs each")
    assert seconds < 600 * count / 1_000_000 + 20 and grown < 1024
