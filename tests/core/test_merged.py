"""Merged models: base and adapter in one file give what they give side by side."""

import logging
import os
from pathlib import Path

import gguf
import numpy as np
import pytest

from core.errors import ModelError
from core.merged import MergedStore, changes_of

Q8, F32 = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F32
NAME = "blk.0.attn_q.weight"


def write(file: Path, kind: str, tensors: dict[str, np.ndarray], quantized: bool = False) -> Path:
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_string("general.type", kind)
    if kind == "adapter":
        writer.add_float32("adapter.lora.alpha", 8.0)
    for name, values in tensors.items():
        if quantized:
            writer.add_tensor(name, gguf.quantize(values, Q8), raw_dtype=Q8)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def weights(file: Path, name: str = NAME) -> np.ndarray:
    (tensor,) = [tensor for tensor in gguf.GGUFReader(file).tensors if tensor.name == name]
    return gguf.dequantize(tensor.data, tensor.tensor_type)


CHANCE = np.random.default_rng(0)
PLAIN, UP, DOWN = (CHANCE.normal(size=shape).astype(np.float32) for shape in ((96, 64), (96, 4), (4, 64)))
OTHER = np.ones((32, 64), np.float32)


def adapter(folder: Path, name: str = NAME, scale: float = 1.0) -> Path:
    return write(folder / f"adapter{scale}.gguf", "adapter", {f"{name}.lora_a": DOWN, f"{name}.lora_b": scale * UP})


@pytest.mark.parametrize("quantized", [True, False])
def test_weights_are_those_of_the_base_and_what_the_adapter_adds(tmp_path: Path, quantized: bool) -> None:
    base = write(tmp_path / "base.gguf", "model", {NAME: PLAIN, "output.weight": OTHER}, quantized)
    merged = MergedStore(tmp_path / "merged").get(base, adapter(tmp_path))
    assert merged is not None
    wanted = weights(base) + 8.0 / 4 * (UP @ DOWN)
    off = np.abs(weights(merged) - wanted).reshape(-1, 32)
    assert np.all(off <= (0.005 * np.abs(wanted).reshape(-1, 32).max(axis=1, keepdims=True) if quantized else 1e-5))
    assert np.array_equal(weights(merged, "output.weight"), weights(base, "output.weight"))
    assert {tensor.tensor_type for tensor in gguf.GGUFReader(merged).tensors} == {Q8 if quantized else F32}


def test_a_file_is_made_once_and_the_last_used_are_kept(tmp_path: Path) -> None:
    base, store = write(tmp_path / "base.gguf", "model", {NAME: PLAIN}), MergedStore(tmp_path / "merged")
    first = store.get(base, adapter(tmp_path))
    assert first is not None
    os.utime(first, (1, 1))
    assert store.get(base, adapter(tmp_path)) == first and first.stat().st_mtime > 1
    others = [store.get(base, adapter(tmp_path, scale=scale)) for scale in (2.0, 3.0, 4.0)]
    kept = set((tmp_path / "merged").iterdir())
    assert kept == set(others), "the one used longest ago is gone"


def test_where_it_cannot_be_written_there_is_no_merged_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    base = write(tmp_path / "base.gguf", "model", {NAME: PLAIN})
    (tmp_path / "merged").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        assert MergedStore(tmp_path / "merged").get(base, adapter(tmp_path)) is None
    assert "cannot be made" in caplog.text


def test_what_does_not_belong_together_is_named(tmp_path: Path) -> None:
    base = write(tmp_path / "base.gguf", "model", {NAME: PLAIN})
    (tmp_path / "bad.gguf").write_bytes(b"nothing of the sort")
    store = MergedStore(tmp_path / "merged")
    with pytest.raises(ModelError, match=r"bad\.gguf"):
        store.get(base, tmp_path / "bad.gguf")
    with pytest.raises(ModelError, match=r"bad\.gguf"):
        store.get(tmp_path / "bad.gguf", adapter(tmp_path))
    with pytest.raises(ModelError, match=r"gone\.gguf: missing"):
        store.get(base, tmp_path / "gone.gguf")
    with pytest.raises(ModelError, match="has no tensor"):
        store.get(base, adapter(tmp_path, name="blk.9.attn_q.weight"))
    with pytest.raises(ModelError, match="cannot be read as an adapter"):
        changes_of(base)
