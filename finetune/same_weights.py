"""A night that leaves the weights as they are: the champion's adapter stays, and what stands around it is learned anew.

Training takes hours, and kinds, habits, pickers and reviewer minutes. After an upgrade of this program, or where words and
habits have changed since, they may be all there is to gain. What the adapter has never seen judges it, as in every night.
"""

import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agents.home import Home
from agents.learned import seen_by_writer
from agents.parts import ADAPTER_FOLDER, ADAPTER_GGUF, check_files
from core.errors import TrainingError
from core.types.example import Example
from core.types.release import Release
from core.types.tool import Toolset
from core.whole import write_whole
from finetune.order import RESULT, TrainingConfig
from finetune.split import Parts, split_around
from finetune.start import Start, check_alike
from tools.habits import with_habits
from tools.kinds import KindTable

KEPT = "kept"
"""In a release's training record: its weights are those of the release it starts from."""
PROGRAM = version("nightschool")
"""Another version learns anew what this one has learned of the same rows."""


class SameWeights(Start):
    """The release whose adapter is kept."""

    def __init__(self, home: Home, release: Release) -> None:
        """Use `same_weights_of`."""
        super().__init__(home, release.id)
        self._record = release.training
        self._seen = seen_by_writer(home, release)

    def parts(self, examples: Sequence[Example], seed: int, with_exam: bool, met: frozenset[str]) -> Parts:
        """Who judges it, and who teaches what stands around it.

        Raises:
            TrainingError: It has seen none of these examples: what taught it is not here, and what judges it might have.
        """
        if not any(example.trace_id in self._seen for example in examples):
            raise TrainingError(f"release {self.release}: what its weights were trained on is not among the traces: train anew")
        return split_around(examples, seed, with_exam, self._seen, met)

    def table_of(self, toolset: Toolset, examples: Sequence[Example]) -> KindTable:
        """Its kinds, which its adapter was taught with, and the habits of these examples."""
        return with_habits(toolset, self.table, examples)

    @property
    def config(self) -> TrainingConfig:
        """How its adapter was trained, as far as its record says."""
        known = TrainingConfig.model_validate(self._record.get("config", {}))
        return known.model_copy(update=self.scale)

    def copy_training(self, folder: Path) -> dict[str, Any]:
        """Its adapter, with the record of its training, where a night keeps what it has trained.

        Raises:
            ModelError: A file of the release is missing or damaged.
        """
        check_files(self._folder)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._folder / ADAPTER_FOLDER, folder / ADAPTER_FOLDER)
        shutil.copy(self._folder / ADAPTER_GGUF, folder / ADAPTER_GGUF)
        (folder / "progress.jsonl").touch()
        record = {name: value for name, value in self._record.items() if name not in ("config", "order")}
        record[KEPT] = True
        write_whole(folder / RESULT, json.dumps(record))
        return record


def same_weights_of(home: Home, toolset: Toolset, base: str) -> SameWeights:
    """The champion, or the release its weights were trained for.

    Raises:
        NotFound: There is no champion.
        TrainingError: It is on another base, or learned other tools.
    """
    release = home.releases.champion(toolset.name)
    check_alike(release, toolset, base)
    while release.training.get(KEPT) and release.start is not None:
        release = home.releases.get(release.start)
    return SameWeights(home, release)
