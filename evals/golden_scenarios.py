"""Golden scenarios of the sandbox company: frozen, in two halves, and the cases they make step by step."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.types.case import Case, Part, read_case
from core.types.message import write_messages
from core.types.value import Value
from evals.golden import COMPANY
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.scenario import Played, Scenario, play, read_scenario


class GoldenScenario(Value):
    """One scenario of the frozen file."""

    id: str
    """Names it for good."""
    part: Part
    """Which half it is of."""
    scenario: Scenario
    """What is said and what is right."""


def golden_scenarios(part: Part | None = None, file: Path = COMPANY) -> list[GoldenScenario]:
    """The scenarios of a half, or all of them, in the order of the file."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = [GoldenScenario(id=row["id"], part=row["part"], scenario=read_scenario(row)) for row in rows]
    return [scenario for scenario in found if part is None or scenario.part == part]


def only_step(scenario: Scenario) -> Case:
    """The case of a scenario of one step that does not ask; it needs no company, for nothing happened before."""
    said, answer = scenario.turns
    message = {"role": "user", "content": said.user}
    return read_case({"messages": [message], "expected": list(answer.calls or ()), "outcome": scenario.end})


def case_rows(scenarios: Sequence[GoldenScenario], company: Path) -> Iterator[dict[str, Any]]:
    """Every step of every scenario as a case of the contract, with the company's own results before it.

    Args:
        scenarios: What to play, each in a fresh copy.
        company: The company's file; never changed.
    """
    for golden in scenarios:
        with tempfile.TemporaryDirectory() as folder:
            sandbox = Sandbox(Path(shutil.copyfile(company, Path(folder) / "company.sqlite")))
            played = play(golden.scenario, sandbox, "golden")
            sandbox.close()
        yield from _cases(golden, played)


def _cases(golden: GoldenScenario, played: Played) -> Iterator[dict[str, Any]]:
    for at, message in enumerate(played.messages):
        if message.tool_calls:
            expected = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
            before = write_messages(played.messages[:at])
            yield {"messages": before, "expected": expected, "outcome": "calls", "shape": golden.id}
    end = golden.scenario.end
    if end != "calls":
        row: dict[str, Any] = {"messages": write_messages(played.messages), "expected": [], "outcome": end, "shape": golden.id}
        if end == "ask":
            row["ask"] = played.asks
        if end == "knowledge":
            row["query"] = golden.scenario.turns[-1].knowledge
        yield row
