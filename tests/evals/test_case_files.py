"""The files of cases that come with the project: frozen, well-formed, and unlike one another."""

import hashlib
import json
from pathlib import Path

import pytest

from core.types.tool import Toolset, read_toolset
from evals import development, golden
from evals.golden_sets import read_cases
from finetune.curate.decontaminate import MAX_JACCARD, jaccard
from tools.erp import starter
from tools.validate import argument_error


@pytest.fixture(scope="module")
def toolset() -> Toolset:
    return read_toolset("erp", json.loads(starter.TOOLS.read_text()), json.loads(starter.VOCABULARY.read_text()))


def test_the_golden_file_is_the_frozen_one() -> None:
    assert hashlib.sha256(golden.ERP.read_bytes()).hexdigest() == golden.ERP_SHA256


@pytest.mark.parametrize("file", [golden.ERP, development.ERP])
def test_every_expected_call_fits_its_tool_and_asks_name_what_is_required(file: Path, toolset: Toolset) -> None:
    for case in read_cases(file):
        assert (case.outcome == "calls") == bool(case.expected), case.messages
        for call in case.expected:
            assert argument_error(toolset.by_name[call.name], call.arguments) is None, call
        if case.ask is not None:
            tool = toolset.by_name[case.ask.tool]
            assert argument_error(tool, case.ask.arguments, complete=False) is None, case.ask
            assert tool.first_unmet(case.ask.arguments) == case.ask.missing


def test_no_development_request_resembles_a_golden_one() -> None:
    asked, verified = (
        [message.content for case in read_cases(file) for message in case.messages if message.role == "user"]
        for file in (development.ERP, golden.ERP)
    )
    assert all(jaccard(one, other) <= MAX_JACCARD for one in asked for other in verified)
