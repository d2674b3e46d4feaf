"""A release as one file, to be carried to another home: its record and its files, but for what can be derived from them.

The adapter travels once, as float16 safetensors; llama.cpp's file is made from it on arrival and must have the SHA-256 that the
release names, like every other file.
"""

import json
import shutil
import zipfile
from pathlib import Path

from pydantic import ValidationError

from agents.home import Home
from agents.parts import (
    ADAPTER_FOLDER,
    ADAPTER_GGUF,
    FILES,
    check_files,
    is_whole,
    load_toolset,
    release_id,
    take_place,
)
from core.chat import FORMAT_HASH
from core.errors import BadInput, ModelError
from core.types.release import Release
from finetune.export import export_gguf

_RECORD = "release.json"
_SUFFIXES = (".json", ".safetensors")
"""Of files in an archive: data that nothing executes."""
_MOST_BYTES = 2 * 2**30
"""Unpacked."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""A time stamp for every file: the same release is the same archive."""


def pack(home: Home, release_id: str, file: Path) -> int:
    """Write a release to a file, whole or not at all.

    Returns:
        Its size in bytes.

    Raises:
        NotFound: No such release.
        ModelError: A file of it is missing or damaged.
        BadInput: It was made before releases listed their files.
    """
    release = home.releases.get(release_id)
    folder = home.releases.path(release_id)
    check_files(folder)
    if not (folder / FILES).is_file():
        raise BadInput(f"release {release_id}: it does not list its files, so nobody could tell whether they arrived whole")
    names = [name for name in json.loads((folder / FILES).read_text()) if name != ADAPTER_GGUF]
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _write(archive, _RECORD, release.model_dump_json(indent=1).encode())
        for name in (FILES, *sorted(names)):
            _write(archive, name, (folder / name).read_bytes())
    partial.replace(file)
    return file.stat().st_size


def unpack(home: Home, file: Path) -> Release:
    """Take in a release from a file; one that is here already stays as it is.

    Its toolset becomes known where it was not. It is not promoted.

    Raises:
        BadInput: Not a release's archive, or one that holds what no release holds.
        ModelError: A file did not arrive whole, or another version of this program is needed to read it.
    """
    home.releases.folder.mkdir(parents=True, exist_ok=True)
    staging = home.releases.folder / f".arriving-{file.stem}"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        release = _read(file, staging)
        (staging / _RECORD).unlink()
        derive(home, release.base, staging)
        check_files(staging)
        toolset = load_toolset(staging)
        target = home.releases.path(release.id)
        if not is_whole(target):
            take_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if toolset.name not in {known.name for known in home.registry.all()}:
        home.registry.add(toolset)
    home.releases.add(release)
    return release


def derive(home: Home, base_name: str, folder: Path) -> None:
    """Make llama.cpp's adapter file of a release's folder from its safetensors."""
    base = home.bases.ready_to_train(base_name)
    assert base.folder is not None  # ready_to_train made it
    export_gguf(folder / ADAPTER_FOLDER, base.folder / "config.json", folder / ADAPTER_GGUF)


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EARLIEST), data, zipfile.ZIP_DEFLATED, 9)


def _read(file: Path, staging: Path) -> Release:
    """Unpack to `staging`; the record, once all looks like a release."""
    try:
        with zipfile.ZipFile(file) as archive:
            _check_names(file, archive)
            archive.extractall(staging)
        release = Release.model_validate_json((staging / _RECORD).read_text())
    except (OSError, zipfile.BadZipFile, EOFError, ValidationError) as error:
        raise BadInput(f"{file}: not a release's archive: {str(error).splitlines()[0]}") from error
    if not (staging / FILES).is_file():
        raise BadInput(f"{file}: not a release's archive: {FILES} is missing")
    if release.id != release_id(json.loads((staging / FILES).read_text())):
        raise BadInput(f"{file}: id {release.id!r} is not that of its files")  # it names a folder here
    if release.format_hash != FORMAT_HASH:
        raise ModelError(f"{file}: release {release.id} learned another text format than this version writes")
    return release


def _check_names(file: Path, archive: zipfile.ZipFile) -> None:
    """No file of another kind, none outside the folder, and not too much of it."""
    for name in archive.namelist():
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or path.suffix not in _SUFFIXES:
            raise BadInput(f"{file}: holds {name!r}; a release has {' and '.join(_SUFFIXES)} files below its folder")
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > _MOST_BYTES:
        raise BadInput(f"{file}: {unpacked / 2**30:.1f} GiB unpacked; at most {_MOST_BYTES / 2**30:.0f} are read")
