"""A dataset: frozen parts with a manifest that says which trace became which row, named by content hash."""

import json
from collections.abc import Sequence
from pathlib import Path

from core.types.example import Example
from core.types.tool import Toolset
from core.types.value import content_hash
from core.whole import write_whole
from finetune.curation import Curated
from finetune.split import Parts

PART_NAMES = ("writer", "stop", "reserved", "exam")


def freeze(parts: Parts, curated: Curated, toolset: Toolset, folder: Path) -> str:
    """Write the parts as JSON Lines and `manifest.json`; writing the same again changes nothing.

    Returns:
        The dataset's content hash.
    """
    identity = identity_of(parts)
    folder.mkdir(parents=True, exist_ok=True)
    for name in PART_NAMES:
        _write_rows(folder / f"{name}.jsonl", getattr(parts, name))
    manifest = {
        "dataset": identity,
        "toolset": toolset.name,
        "toolset_version": toolset.version,
        "rows": {
            name: [{"example": e.id, "trace": e.trace_id, "cluster": e.cluster} for e in getattr(parts, name)]
            for name in PART_NAMES
        },
        "dropped": curated.dropped,
        "filters": [passed.model_dump() for passed in curated.passed],
    }
    write_whole(folder / "manifest.json", json.dumps(manifest, indent=1))
    return identity


def identity_of(parts: Parts) -> str:
    """Content hash of a dataset: which examples are in which part."""
    return content_hash({name: [example.id for example in getattr(parts, name)] for name in PART_NAMES})


def thaw(folder: Path) -> Parts:
    """Read a frozen dataset back."""
    return Parts(**{name: tuple(_read_rows(folder / f"{name}.jsonl")) for name in PART_NAMES})


def _write_rows(file: Path, examples: Sequence[Example]) -> None:
    write_whole(file, "".join(example.model_dump_json() + "\n" for example in examples))


def _read_rows(file: Path) -> list[Example]:
    return [Example.model_validate_json(line) for line in file.read_text().split("\n") if line]
