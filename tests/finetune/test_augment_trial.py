"""What augmentation is worth is told by four nights that differ in nothing else."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import finetune.augment_trial as trial
from core.errors import BadInput
from core.settings import Settings
from finetune.loop import FIRST_NIGHT, keep_order
from finetune.progress import Silent


class Loop:
    """Swapping is worth two of four scenarios, joining one."""

    rows = ("row",)

    def __init__(self, *_: Any) -> None:
        self.nights: dict[str, tuple[bool, bool]] = {}

    def night(self, name: str, traces: Any, swaps: bool, joins: bool) -> Any:
        assert traces == self.rows
        self.nights[name] = swaps, joins
        return SimpleNamespace(release=f"r-{name}", plan="", rows={})

    def exam(self, name: str, release: str) -> list[Any]:
        assert release == f"r-{name}"
        swaps, joins = self.nights[name]
        right = 2 * swaps + joins
        return [SimpleNamespace(end_state=number < right) for number in range(4)]


def test_each_kind_is_compared_with_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "Loop", Loop)
    document = trial.run_augment(tmp_path, Settings(home=tmp_path), FIRST_NIGHT, Silent())
    assert {name: found["rate"] for name, found in document["end_state"].items()} == {
        trial.NEITHER: 0.0, trial.SWAPS: 0.5, trial.JOINS: 0.25, trial.BOTH: 0.75,
    }  # fmt: skip
    assert {name: gap["difference"] for name, gap in document["lift"].items()} == {
        trial.SWAPS: 0.5, trial.JOINS: 0.25, trial.BOTH: 0.75,
    }  # fmt: skip
    assert json.loads((tmp_path / "augment.json").read_text()) == document


def test_a_folder_goes_on_with_the_order_it_was_begun_with(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    keep_order(file, FIRST_NIGHT)
    keep_order(file, FIRST_NIGHT)
    with pytest.raises(BadInput, match=r"holds a run with seed 0 instead of 1; --out names another folder"):
        keep_order(file, FIRST_NIGHT.model_copy(update={"seed": 1}))
