"""The files of a release, and a caller made from them."""

import json
from pathlib import Path

from agents.caller import Caller, Steps
from agents.engines.engine import Engine
from agents.offers import OfferFinder
from agents.picker import Picker, TextEmbedder
from agents.reviewer import Reviewer
from agents.writer import Writer
from core.errors import ModelError
from core.types.tool import Toolset
from tools.kinds import KindTable

ADAPTER_GGUF, ADAPTER_FOLDER = "adapter.gguf", "adapter"
PICKER, REVIEWER, KINDS, TOOLSET = "picker.safetensors", "reviewer.safetensors", "kinds.json", "toolset.json"


def write_parts(folder: Path, toolset: Toolset, table: KindTable, picker: Picker, reviewer: Reviewer | None) -> None:
    """Write everything of a release but the adapter."""
    (folder / TOOLSET).write_text(toolset.model_dump_json(indent=1))
    (folder / KINDS).write_text(table.model_dump_json(indent=1))
    picker.save(folder / PICKER)
    if reviewer is not None:
        reviewer.save(folder / REVIEWER)


def load_toolset(folder: Path) -> Toolset:
    """The toolset a release was trained for."""
    return Toolset.model_validate_json(_read(folder / TOOLSET))


def load_caller(folder: Path, engine: Engine, embedder: TextEmbedder, steps: Steps) -> Caller:
    """A caller from a release's files.

    Raises:
        ModelError: A file is missing or cannot be read.
    """
    toolset = load_toolset(folder)
    table = KindTable.model_validate_json(_read(folder / KINDS))
    reviewer = folder / REVIEWER
    return Caller(
        toolset,
        OfferFinder(toolset, table),
        Writer(engine, toolset, table),
        Picker.load(folder / PICKER, embedder),
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
