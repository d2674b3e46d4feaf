"""What the champion has learned."""

import json
from functools import lru_cache
from pathlib import Path

from agents.home import Home


def learned_traces(home: Home, toolset: str) -> frozenset[str]:
    """Ids of the traces the champion was trained on, those of the release it was trained on from included; none without one."""
    if not home.releases.history(toolset):
        return frozenset()
    known = {release.id: release.start for release in home.releases.all(toolset)}
    learned: frozenset[str] = frozenset()
    release: str | None = home.releases.champion(toolset).id
    while release is not None:
        learned |= learned_in(home, release)
        release = known.pop(release, None)
    return learned


def learned_in(home: Home, release: str) -> frozenset[str]:
    """Ids of the traces in a release's own dataset; empty where it came without."""
    manifest = home.releases.path(release) / "dataset.json"
    return _traces_in(manifest, manifest.stat().st_mtime_ns) if manifest.is_file() else frozenset()


@lru_cache(4)
def _traces_in(manifest: Path, _changed: int) -> frozenset[str]:
    rows = json.loads(manifest.read_text())["rows"]
    return frozenset(row["trace"] for part in ("writer", "stop", "reserved") for row in rows[part])
