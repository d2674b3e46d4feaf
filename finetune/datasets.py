"""The datasets of a home: those that nights froze, those that came with releases, those that were built to be looked at."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from agents.home import Home
from core.errors import BadInput, NotFound
from core.types.example import Example
from core.types.value import Value
from evals.golden_sets import golden_cases
from finetune.barred import barred_for
from finetune.curation import Curator
from finetune.dataset import PART_NAMES, freeze, identity_of, thaw
from finetune.progress import Progress
from finetune.split import split

_MANIFEST = "manifest.json"


class Dataset(Value):
    """One dataset, in short."""

    id: str
    """Its content hash."""
    toolset: str
    """For which tools; empty of one from before manifests said so."""
    rows: dict[str, int]
    """Conversations by part."""
    dropped: int
    """Conversations its filters left out."""
    releases: tuple[str, ...]
    """Releases that were trained on it."""
    has_rows: bool
    """Whether the conversations themselves are here; a release that came from elsewhere brings their names alone."""


class Difference(Value):
    """What one dataset has that another has not, by trace id."""

    added: tuple[str, ...]
    """In the second only."""
    removed: tuple[str, ...]
    """In the first only."""
    moved: dict[str, tuple[str, str]]
    """In another part of each."""
    removed_for: dict[str, int]
    """Why filters left out what was removed, as far as they did."""


class Found(NamedTuple):
    """A dataset with its manifest."""

    dataset: Dataset
    manifest: dict[str, Any]
    folder: Path | None
    """Where its conversations lie; None where only their names are known."""


def build_dataset(home: Home, name: str, seed: int, progress: Progress) -> str:
    """Curate and split the traces of a toolset as a night without limits would, and freeze them; its id.

    Raises:
        NotFound: No such toolset, or nothing that teaches.
    """
    toolset = home.registry.get(name)
    golden = golden_cases(home.folder, name, "gate")
    curated = Curator(home, toolset, lambda: home.embedder, seed, progress).curate(barred_for(home, name))
    if not curated.examples:
        raise NotFound(f"toolset {name!r}: no traces that teach; `nightschool harvest inspect {name}` says why")
    parts = split(curated.examples, seed, with_exam=not golden)
    identity, staging = identity_of(parts), _built(home) / f".{name}"
    shutil.rmtree(staging, ignore_errors=True)
    freeze(parts, curated, toolset, staging)
    shutil.rmtree(_built(home) / identity, ignore_errors=True)
    staging.replace(_built(home) / identity)
    return identity


def all_datasets(home: Home) -> list[Dataset]:
    """Each once, whole ones first where the same is known from several places; by id."""
    return [found.dataset for found in sorted(_find(home).values(), key=lambda found: found.dataset.id)]


def find_dataset(home: Home, prefix: str) -> Found:
    """The dataset whose id begins so; that of a release by the release's id.

    Raises:
        NotFound: None does.
        BadInput: Several do.
    """
    known = _find(home)
    named = [found for found in known.values() if found.dataset.id.startswith(prefix) or prefix in found.dataset.releases]
    if not named:
        raise NotFound(f"dataset {prefix!r}: not found; `nightschool dataset list` shows all")
    if len(named) > 1:
        raise BadInput(f"dataset {prefix!r}: several begin so: {', '.join(found.dataset.id for found in named)}")
    return named[0]


def rows_of(found: Found, part: str) -> list[Example]:
    """The conversations of a part.

    Raises:
        NotFound: They are not here, or there is no such part.
    """
    if part not in PART_NAMES:
        raise NotFound(f"part {part!r}: a dataset has {', '.join(PART_NAMES)}")
    if found.folder is None:
        raise NotFound(f"dataset {found.dataset.id}: came with a release, which names its conversations and does not hold them")
    return list(getattr(thaw(found.folder), part))


def difference(first: Found, second: Found) -> Difference:
    """Compare two datasets, conversation by conversation."""
    before, after = _parts_by_trace(first.manifest), _parts_by_trace(second.manifest)
    removed = [trace for trace in before if trace not in after]
    reasons = second.manifest.get("dropped", {})
    return Difference(
        added=tuple(trace for trace in after if trace not in before),
        removed=tuple(removed),
        moved={trace: (part, after[trace]) for trace, part in before.items() if after.get(trace, part) != part},
        removed_for=dict(Counter(reasons[trace] for trace in removed if trace in reasons).most_common()),
    )


def _parts_by_trace(manifest: dict[str, Any]) -> dict[str, str]:
    return {row["trace"]: part for part, rows in manifest["rows"].items() for row in rows}


def _built(home: Home) -> Path:
    return home.folder / "datasets"


def _find(home: Home) -> dict[str, Found]:
    releases: dict[str, list[str]] = {}
    for release in home.releases.all():
        releases.setdefault(release.dataset, []).append(release.id)
    toolsets = {release.dataset: release.toolset for release in home.releases.all()}
    found: dict[str, Found] = {}
    for file, folder in _manifests(home):
        manifest = json.loads(file.read_text())
        identity = manifest["dataset"]
        if identity in found and (found[identity].folder is not None or folder is None):
            continue
        dataset = Dataset(
            id=identity,
            toolset=manifest.get("toolset", toolsets.get(identity, "")),
            rows={part: len(rows) for part, rows in manifest["rows"].items()},
            dropped=len(manifest.get("dropped", ())),
            releases=tuple(releases.get(identity, ())),
            has_rows=folder is not None,
        )
        found[identity] = Found(dataset, manifest, folder)
    return found


def _manifests(home: Home) -> Iterator[tuple[Path, Path | None]]:
    for folder in (*sorted(_built(home).glob("[!.]*")), *(night / "dataset" for night in sorted(home.nights.glob("*")))):
        if (folder / _MANIFEST).is_file():
            yield folder / _MANIFEST, folder
    for release in home.releases.all():
        file = home.releases.path(release.id) / "dataset.json"
        if file.is_file():
            yield file, None
