"""Where a continued night starts: the champion's adapter, and what the champion knows besides."""

import json
import shutil
from pathlib import Path

from agents.home import Home
from agents.learned import learned_by, learned_in
from agents.parts import ADAPTER_FOLDER, PICKER, REVIEWER, load_kinds
from agents.picker import Picker, TextEmbedder
from core.errors import ModelError, TrainingError
from core.types.release import Release
from core.types.tool import Toolset
from tools.kinds import KindTable
from tools.marks import Marker


class Start:
    """The release a night goes on from. Its kinds and habits hold, and so does its reviewer: a few hundred rows, most of them
    rows the release has seen, could only tell less of either."""

    def __init__(self, home: Home, release: str) -> None:
        """Use `start_of`."""
        self.release, self._folder = release, home.releases.path(release)

    @property
    def table(self) -> KindTable:
        """What was inferred of the toolset.

        Raises:
            ModelError: A file of the release is missing or damaged; so everywhere here.
        """
        return load_kinds(self._folder)

    def picker(self, toolset: Toolset, marker: Marker, embedder: TextEmbedder) -> Picker:
        """The picker to fit on."""
        return Picker.load(self._folder / PICKER, toolset, marker, embedder)

    @property
    def scale(self) -> dict[str, int]:
        """Rank and alpha of its adapter, which what is trained on from it keeps; named as in `TrainingConfig`."""
        file = self._folder / ADAPTER_FOLDER / "adapter_config.json"
        try:
            config = json.loads(file.read_text())
            return {"rank": config["r"], "alpha": config["lora_alpha"]}
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{file}: missing or damaged: {error}") from error

    def copy_reviewer(self, folder: Path) -> None:
        """Put its reviewer, if it has one, among the parts of another release."""
        for file in self._folder.glob(Path(REVIEWER).stem + ".*"):
            shutil.copy(file, folder / file.name)

    def copy_adapter(self, night: Path) -> Path:
        """Its adapter in a night's own folder, so that the night can be carried elsewhere; the path below that folder."""
        folder = night / "start"
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(self._folder / ADAPTER_FOLDER, partial)
            partial.replace(folder)
        return Path(folder.name)


def new_traces(home: Home, toolset: str, traces: frozenset[str]) -> frozenset[str]:
    """Those of these traces that the champion has not met; where it has met all, what it met last.

    The latter so that a night that is repeated after its release became champion is the same night.

    Raises:
        NotFound: There is no champion.
    """
    champion = home.releases.champion(toolset)
    new = traces - learned_by(home, champion, with_exam=True)
    if new or champion.start is None:
        return new
    return traces - learned_by(home, home.releases.get(champion.start), with_exam=True)


def start_of(home: Home, toolset: Toolset, base: str, traces: frozenset[str]) -> Start:
    """The champion; or what the champion started from, where it is the release of a night on these very traces.

    Raises:
        NotFound: There is no champion.
        TrainingError: It is on another base, or learned other tools.
    """
    champion = home.releases.champion(toolset.name)
    check_alike(champion, toolset, base)
    return Start(home, _own_start(home, champion, traces) or champion.id)


def check_alike(champion: Release, toolset: Toolset, base: str) -> None:
    """A night goes on only with the base and the tools of the champion.

    Raises:
        TrainingError: Names what differs.
    """
    if champion.base != base:
        raise TrainingError(f"the champion {champion.id} is on base {champion.base!r}, this night on {base!r}")
    if champion.schema_hashes != toolset.schema_hashes:
        raise TrainingError(f"the champion {champion.id} learned other tools than toolset {toolset.name!r} has now: train anew")


def _own_start(home: Home, champion: Release, traces: frozenset[str]) -> str | None:
    return champion.start if learned_in(home, champion.id) == traces else None
