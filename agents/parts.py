"""The files of a release, and a caller made from them."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from agents.caller import Caller, Steps
from agents.engines.engine import Engine
from agents.offers import OfferFinder
from agents.picker import Picker, TextEmbedder
from agents.reviewer import Reviewer
from agents.writer import Writer
from core.artefacts import sha256_of
from core.errors import ModelError
from core.types.tool import Toolset
from core.types.value import content_hash
from tools.kinds import KindTable
from tools.marks import Marker

ADAPTER_GGUF, ADAPTER_FOLDER = "adapter.gguf", "adapter"
FILES = "files.json"
"""In a release's folder: the SHA-256 of each of its files by name."""
REPORT = "report.html"
"""Beside them, of the night that made it here."""
PICKER, REVIEWER, KINDS, TOOLSET = "picker.safetensors", "reviewer.safetensors", "kinds.json", "toolset.json"


def write_parts(folder: Path, toolset: Toolset, table: KindTable, picker: Picker, reviewer: Reviewer | None) -> None:
    """Write everything of a release but the adapter."""
    (folder / TOOLSET).write_text(toolset.model_dump_json(indent=1))
    (folder / KINDS).write_text(table.model_dump_json(indent=1))
    picker.save(folder / PICKER)
    if reviewer is not None:
        reviewer.save(folder / REVIEWER)


def list_files(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by name."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): sha256_of(file) for file in files}


def release_id(files: Mapping[str, str]) -> str:
    """A release is named by its content: what `list_files` says of it, in that order."""
    return "r-" + content_hash([[name, digest] for name, digest in files.items()], length=12)


def check_files(folder: Path) -> None:
    """Compare a release's files with what was written at night; about 0.1 s for an adapter of the small base.

    A release without a list is not checked: it was made before there were lists.

    Raises:
        ModelError: One is missing or has changed.
    """
    if not (folder / FILES).is_file():
        return
    for name, digest in json.loads(_read(folder / FILES)).items():
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise ModelError(f"{folder / name}: missing or damaged (its SHA-256 is not the release's): run the night again")


def is_whole(folder: Path) -> bool:
    """Whether a release lies there with every file it lists, as it was written."""
    try:
        check_files(folder)
    except ModelError:
        return False
    return (folder / FILES).is_file()


def take_place(staging: Path, target: Path) -> None:
    """Make a folder that of a release, where none lies there or a damaged one, whose report goes on with it."""
    if (target / REPORT).is_file():
        shutil.copy(target / REPORT, staging)
    shutil.rmtree(target, ignore_errors=True)
    staging.replace(target)


def load_toolset(folder: Path) -> Toolset:
    """The toolset a release was trained for."""
    return Toolset.model_validate_json(_read(folder / TOOLSET))


def load_kinds(folder: Path) -> KindTable:
    """What was inferred from a release's training rows."""
    return KindTable.model_validate_json(_read(folder / KINDS))


def load_caller(folder: Path, engine: Engine, embedder: TextEmbedder, steps: Steps) -> Caller:
    """A caller from a release's files.

    Raises:
        ModelError: A file is missing or cannot be read.
    """
    toolset = load_toolset(folder)
    table = load_kinds(folder)
    reviewer = folder / REVIEWER
    marker = Marker(toolset, table)
    return Caller(
        toolset,
        OfferFinder(toolset, table),
        Writer(engine, toolset, table, marker),
        Picker.load(folder / PICKER, toolset, marker, embedder),
        Reviewer.load(reviewer) if reviewer.is_file() else None,
        steps,
    )


def _read(file: Path) -> str:
    try:
        text = file.read_text()
        json.loads(text)
        return text
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: missing or damaged: {error}") from error
