"""House words: a day's requests that teach them, and golden ones by other hands, alike in nothing but the words."""

import hashlib
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.types.message import last_user_text
from core.types.principal import IMPORTER
from core.types.tool import read_toolset
from core.types.trace import Trace
from evals.golden import HOUSE, HOUSE_SHA256
from evals.golden_sets import read_cases
from tools.erp.company import CONVERSATIONS, DAY
from tools.erp.operations import ALL
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.seed.company import build_company
from tools.erp.scenario import play, read_scenario
from tools.importers.jsonl import read_traces

_UNHEARD = ("doghous", "growl", "laurel", "leash", "baromet", "sapling", "larder")
"""Stems that no training row has; a twin is there as a thing, not as a call."""
_MOST_ALIKE = 0.5


def _day() -> list[Trace]:
    traces, report = read_traces(DAY, read_toolset("company", [operation.function for operation in ALL]), IMPORTER)
    assert report.rows == len(traces)
    return traces


def _calls_of_day() -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (trace.messages[0].content, [call.model_dump(include={"name", "arguments"}) for call in trace.messages[1].tool_calls])
        for trace in _day()
    ]


def _calls_of_golden() -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (last_user_text(case.messages), [call.model_dump(include={"name", "arguments"}) for call in case.expected])
        for case in read_cases(HOUSE)
    ]


def test_the_golden_file_is_the_frozen_one() -> None:
    assert hashlib.sha256(HOUSE.read_bytes()).hexdigest() == HOUSE_SHA256
    assert len(read_cases(HOUSE)) == 48


def test_the_words_are_in_no_other_training_row() -> None:
    said = [
        message["content"].casefold()
        for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines()
        for message in json.loads(line)["messages"]
        if message["role"] == "user"
    ]
    assert [text for text in said if any(stem in text for stem in _UNHEARD)] == []


def test_no_golden_request_resembles_one_of_the_day() -> None:
    def trigrams(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", text.casefold())
        return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}

    taught = [trigrams(said) for said, _ in _calls_of_day()]
    for said, _ in _calls_of_golden():
        own = trigrams(said)
        assert max(len(own & other) / max(1, len(own | other)) for other in taught) <= _MOST_ALIKE, said


def test_no_golden_request_names_whom_the_day_names() -> None:
    named = {value for _, calls in _calls_of_day() for call in calls for value in _records(call)}
    assert [said for said, calls in _calls_of_golden() if any(named.intersection(_records(call)) for call in calls)] == []


def _records(call: dict[str, Any]) -> list[str]:
    return [call["arguments"][name].casefold() for name in ("customer", "item") if name in call["arguments"]]


def test_labels_can_be_carried_out(tmp_path: Path) -> None:
    carry_out(random.Random(1).sample([*_calls_of_day(), *_calls_of_golden()], 30), tmp_path)


@pytest.mark.slow
def test_every_label_can_be_carried_out(tmp_path: Path) -> None:
    carry_out([*_calls_of_day(), *_calls_of_golden()], tmp_path)


def carry_out(labels: list[tuple[str, list[dict[str, Any]]]], tmp_path: Path) -> None:
    build_company(tmp_path / "whole.sqlite").close()
    for said, calls in labels:
        sandbox = Sandbox(Path(shutil.copyfile(tmp_path / "whole.sqlite", tmp_path / "company.sqlite")))
        play(read_scenario({"turns": [{"user": said}, {"calls": calls}]}), sandbox, "house")
        sandbox.close()
        for suffix in ("-wal", "-shm"):
            (tmp_path / f"company.sqlite{suffix}").unlink(missing_ok=True)
