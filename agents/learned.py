"""What the champion has learned."""

import json
from functools import lru_cache
from pathlib import Path

from agents.home import Home
from core.types.release import Release

_SEEN = ("writer", "stop")
_LEARNED = (*_SEEN, "reserved")
_PARTS = {False: _LEARNED, True: (*_LEARNED, "exam")}
YOUNG = "its writes are too young to be judged"
"""Why a night leaves a trace to a later one."""
STALE = "called by a schema of another time"
"""How it ends what it says of a trace that a migration may bring back."""

AGAIN = "dataset.again.json"
"""In a release's folder, and none of its files: the dataset's manifest as the last night wrote it that came to the release again.
The same rows teach; what is left out may be more."""


def learned_traces(home: Home, toolset: str) -> frozenset[str]:
    """Ids of the traces the champion has learned; none without one."""
    if not home.releases.history(toolset):
        return frozenset()
    return learned_by(home, home.releases.champion(toolset))


def learned_by(home: Home, release: Release, with_exam: bool = False) -> frozenset[str]:
    """Ids of the traces a release was trained on, those of the release it was trained on from included.

    `with_exam`: those it was examined on too, where its exam was cut from the traces.
    """
    return _since_its_start(home, release, _PARTS[with_exam])


def seen_by_writer(home: Home, release: Release) -> frozenset[str]:
    """Ids of the traces that shaped a release's adapter, or stopped its training; those it was trained on from included."""
    return _since_its_start(home, release, _SEEN)


def _since_its_start(home: Home, release: Release, parts: tuple[str, ...]) -> frozenset[str]:
    known = {one.id: one.start for one in home.releases.all(release.toolset)}
    found: frozenset[str] = frozenset()
    name: str | None = release.id
    while name is not None:
        found |= _in(home, name, parts)
        name = known.pop(name, None)
    return found


def learned_in(home: Home, release: str, with_exam: bool = False) -> frozenset[str]:
    """Ids of the traces in a release's own dataset; empty where it came without."""
    return _in(home, release, _PARTS[with_exam])


def _in(home: Home, release: str, parts: tuple[str, ...]) -> frozenset[str]:
    manifest = home.releases.path(release) / "dataset.json"
    return _traces_in(manifest, parts, manifest.stat().st_mtime_ns) if manifest.is_file() else frozenset()


def dropped_by(home: Home, release: str) -> frozenset[str]:
    """Ids of the traces that a release's night, or the last that came to it again, left out for good: others say the same, or
    they are not believed."""
    folder = home.releases.path(release)
    manifests = [json.loads(file.read_text()) for file in (folder / "dataset.json", folder / AGAIN) if file.is_file()]
    dropped = [item for manifest in manifests for item in manifest.get("dropped", {}).items()]
    return frozenset(identity for identity, why in dropped if why != YOUNG and not why.endswith(STALE))


@lru_cache(4)
def _traces_in(manifest: Path, parts: tuple[str, ...], _changed: int) -> frozenset[str]:
    rows = json.loads(manifest.read_text())["rows"]
    return frozenset(row["trace"] for part in parts for row in rows.get(part, ()))
