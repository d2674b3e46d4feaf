"""The company's words: golden scenarios that are frozen, right, and unlike anything that is trained on."""

import hashlib
import json
import random
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.golden import COMPANY, COMPANY_SHA256
from evals.golden_scenarios import case_rows, golden_scenarios
from tools.erp.company import CONVERSATIONS
from tools.erp.company.toolset import company_toolset
from tools.erp.operations import ALL
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.seed.company import build_company
from tools.erp.sandbox.seed.master import master
from tools.erp.scenario import play
from tools.names import same

_SAMPLE = 40


@pytest.fixture(scope="session")
def whole_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "company.sqlite"
    build_company(path).close()
    return path


def _training() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines()]


def _said(row: dict[str, Any]) -> list[str]:
    return [message["content"] for message in row["messages"] if message["role"] == "user"]


def test_the_golden_file_is_the_frozen_one() -> None:
    assert hashlib.sha256(COMPANY.read_bytes()).hexdigest() == COMPANY_SHA256
    assert Counter(golden.part for golden in golden_scenarios()) == {"gate": 300, "report": 300}


def test_a_quarter_has_several_steps_and_a_quarter_calls_nothing() -> None:
    scenarios = [golden.scenario for golden in golden_scenarios()]
    assert sum(not scenario.is_one_step for scenario in scenarios) >= 150
    assert sum(scenario.is_one_step and scenario.end != "calls" for scenario in scenarios) >= 140
    called = Counter(call["name"] for scenario in scenarios for turn in scenario.turns for call in turn.calls or ())
    assert set(called) == {operation.name for operation in ALL}


def test_training_has_a_hundred_phrasings_of_each_tool() -> None:
    rows = _training()
    phrasings: dict[str, set[str]] = {operation.name: set() for operation in ALL}
    for row in rows:
        for message in row["messages"]:
            for call in message.get("tool_calls") or ():
                phrasings[call["function"]["name"]].add(row["shape"])
        if row["outcome"] == "ask":
            phrasings[row["partial"]["name"]].add(row["shape"])
    fewest = sorted((len(shapes), name) for name, shapes in phrasings.items())[:3]
    print(f"{len(rows)} conversations, {len({row['shape'] for row in rows})} phrasings, fewest {fewest}")
    assert len({row["shape"] for row in rows}) >= 4_000
    assert fewest[0][0] >= 90


def test_reserved_names_appear_in_no_training_row() -> None:
    """Names of two words or more, for one-word names are words of others too; the longest name that fits is the one said."""
    reserved = {name for names in master()["reserved"].values() for name in names}
    every = [*master()["customers"], *(entry["name"] for entry in master()["products"])]
    words = {tuple(same(name).split()): name in reserved for name in every}
    found: Counter[str] = Counter()
    for row in _training():
        for said in _said(row):
            tokens, at = same(said).split(), 0
            while at < len(tokens):
                longest = next((n for n in range(8, 1, -1) if tuple(tokens[at : at + n]) in words), 0)
                if longest and words[tuple(tokens[at : at + longest])]:
                    found[" ".join(tokens[at : at + longest])] += 1
                at += longest or 1
    assert found == {}


def test_a_third_of_the_chains_is_new() -> None:
    def chains(steps: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
        return tuple(steps)

    trained = set()
    for row in _training():
        steps = [
            tuple(sorted(call["function"]["name"] for call in message["tool_calls"]))
            for message in row["messages"]
            if message.get("tool_calls")
        ]
        trained.add(chains(steps))
    golden = [
        chains([tuple(sorted(call["name"] for call in turn.calls)) for turn in item.scenario.turns if turn.calls])
        for item in golden_scenarios()
        if not item.scenario.is_one_step
    ]
    new = [chain for chain in golden if chain not in trained]
    print(f"{len(new)} of {len(golden)} chains are in no training row")
    assert len(new) >= 0.3 * len(golden)


def test_every_label_can_be_carried_out(whole_company: Path, tmp_path: Path) -> None:
    scenarios = golden_scenarios()
    for golden in random.Random(1).sample(scenarios, _SAMPLE):
        sandbox = Sandbox(Path(shutil.copyfile(whole_company, tmp_path / "company.sqlite")))
        play(golden.scenario, sandbox, golden.id)
        sandbox.close()
        for suffix in ("-wal", "-shm"):
            (tmp_path / f"company.sqlite{suffix}").unlink(missing_ok=True)


@pytest.mark.slow
def test_all_six_hundred_labels_can_be_carried_out(whole_company: Path) -> None:
    rows = list(case_rows(golden_scenarios(), whole_company))
    print(f"600 scenarios, {len(rows)} steps")
    assert len(rows) >= 600


def test_no_golden_request_resembles_a_training_row(whole_company: Path) -> None:
    """Word trigrams after masking: Jaccard at most 0.5; requests of under four words are small talk and ids."""
    marker = _marker(whole_company)
    trained: dict[tuple[str, ...], set[int]] = {}
    sizes = []
    for number, said in enumerate(text for row in _training() for text in _said(row)):
        trigrams = _trigrams(marker.mask_text(said))
        sizes.append(len(trigrams))
        for trigram in trigrams:
            trained.setdefault(trigram, set()).add(number)
    alike = []
    for golden in golden_scenarios():
        for turn in golden.scenario.turns:
            trigrams = _trigrams(marker.mask_text(turn.user or ""))
            if len(trigrams) >= 2:
                shared = Counter(number for trigram in trigrams for number in trained.get(trigram, ()))
                alike += [golden.id for number, n in shared.items() if n / (len(trigrams) + sizes[number] - n) > 0.5]
    assert alike == []


def _marker(company: Path) -> Any:
    from tools.kinds import KindTable
    from tools.marks import Marker

    sandbox = Sandbox(company)
    toolset = company_toolset(sandbox)
    sandbox.close()
    return Marker(toolset, KindTable())


def _trigrams(text: str) -> set[tuple[str, ...]]:
    words = re.sub(r"\W+", " ", text.casefold()).split()
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}
