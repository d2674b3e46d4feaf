"""`nightschool doctor`: what might go wrong here, and what to do about it."""

import importlib
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import typer

from api.cli.output import USAGE, AsJson, show
from core.artefacts import MINILM, SMALL_BASE, ArtefactStore
from core.database import open_database
from core.errors import NightschoolError
from core.settings import Settings

_PACKAGES = ("agents", "api", "core", "evals", "finetune", "retrieval", "tools")
_LIBRARIES = ("torch", "transformers", "peft", "trl", "xllamacpp", "langchain-core", "sqlmodel", "fastapi")
_MIN_FREE_GB = 2


class Finding(NamedTuple):
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


def doctor(as_json: AsJson = False) -> None:
    """Check libraries, model files, database, disk and name clashes; exit code 2 when something must be done."""
    findings = list(_look(Settings()))
    lines = [f"{'ok  ' if f.ok else 'FIX '} {f.name}: {f.detail}" for f in findings]
    show([finding._asdict() for finding in findings], "\n".join(lines), as_json)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(USAGE)


def _look(settings: Settings) -> Iterator[Finding]:
    for library in _LIBRARIES:
        try:
            yield Finding(library, True, metadata.version(library))
        except metadata.PackageNotFoundError:
            yield Finding(library, False, "not installed: run `make install`")
    yield _torch()
    root = Path(__file__).parents[2]
    for package in _PACKAGES:
        where = Path(str(importlib.import_module(package).__file__)).parent
        yield Finding(f"package {package}", where == root / package, str(where))
    store = ArtefactStore(settings.artefact_folder)
    for artefact in (SMALL_BASE, MINILM):
        try:
            yield Finding(artefact.name, True, str(store.path(artefact)))
        except NightschoolError as error:
            yield Finding(artefact.name, False, str(error))
    yield _database(settings)
    yield _disk(settings.home)


def _database(settings: Settings) -> Finding:
    home = settings.home
    try:
        open_database(settings)
    except NightschoolError as error:
        return Finding("database", False, str(error))
    except OSError as error:
        why = f"{error.strerror}: set NIGHTSCHOOL_HOME to a folder that is there, or can be made and written"
        return Finding("database", False, f"{home} is no home: {why}")
    return Finding("database", True, str(home))


def _disk(home: Path) -> Finding:
    """Of the home, or of the nearest folder above it where there is none."""
    there = next(folder for folder in (home, *home.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free // 2**30
    return Finding("disk", free >= _MIN_FREE_GB, f"{free} GB free under {there}")


def _torch() -> Finding:
    import torch

    cuda_build = torch.version.cuda is not None
    useless = cuda_build and not torch.cuda.is_available()
    detail = "a CUDA build without a GPU: install the CPU build to save several GB" if useless else "fits this machine"
    return Finding("torch build", True, detail)
