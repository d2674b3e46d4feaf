"""What the champion has learned."""

import json
from functools import lru_cache
from pathlib import Path

from agents.home import Home


def learned_traces(home: Home, toolset: str) -> frozenset[str]:
    """Ids of the traces in the champion's dataset; empty where there is no champion."""
    if not home.releases.history(toolset):
        return frozenset()
    manifest = home.releases.path(home.releases.champion(toolset).id) / "dataset.json"
    return _traces_in(manifest, manifest.stat().st_mtime_ns) if manifest.is_file() else frozenset()


@lru_cache(2)
def _traces_in(manifest: Path, _changed: int) -> frozenset[str]:
    rows = json.loads(manifest.read_text())["rows"]
    return frozenset(row["trace"] for part in ("writer", "stop", "reserved") for row in rows[part])
