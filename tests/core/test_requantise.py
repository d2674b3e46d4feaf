"""The served copy of a base: the same model in 8-bit blocks."""

from pathlib import Path

import gguf
import numpy as np
import pytest

from core.errors import ModelError
from core.requantise import gains_from_q8, requantise

Q4, Q8, F32 = (gguf.GGMLQuantizationType[name] for name in ("Q4_1", "Q8_0", "F32"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with one tensor in 4-bit blocks, one in 8-bit ones, one unquantized, and metadata of several types."""
    chance = np.random.default_rng(0)
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_uint32("llama.block_count", 2)
    writer.add_array("tokenizer.ggml.tokens", ["<a>", "b", "ü"])
    writer.add_array("tokenizer.ggml.token_type", [3, 1, 1])
    writer.add_bool("tokenizer.ggml.add_space_prefix", False)
    writer.add_uint32("general.file_type", 3)
    for name, kind in (("blk.0.attn_q.weight", Q4), ("token_embd.weight", Q8)):
        blocks = gguf.quantize(chance.normal(size=(8, 64)).astype(np.float32), kind)
        writer.add_tensor(name, blocks, raw_dtype=kind)
    writer.add_tensor("output_norm.weight", np.ones(64, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "model.gguf"


def test_weights_stay_what_they_were_to_half_a_percent(source: Path, tmp_path: Path) -> None:
    requantise(source, tmp_path / "served.gguf")
    before, after = gguf.GGUFReader(source), gguf.GGUFReader(tmp_path / "served.gguf")
    assert [tensor.name for tensor in after.tensors] == [tensor.name for tensor in before.tensors]
    assert {tensor.name: tensor.tensor_type for tensor in after.tensors} == {
        "blk.0.attn_q.weight": Q8,
        "token_embd.weight": Q8,
        "output_norm.weight": F32,
    }
    for old, new in zip(before.tensors, after.tensors, strict=True):
        plain, served = (gguf.dequantize(t.data, t.tensor_type).reshape(-1, 32) for t in (old, new))
        largest = np.abs(plain).max(axis=1, keepdims=True)
        assert np.all(np.abs(plain - served) <= 0.005 * largest)


def test_metadata_stays_but_for_the_file_type(source: Path, tmp_path: Path) -> None:
    requantise(source, tmp_path / "served.gguf")
    before, after = ({f.name: f.contents() for f in gguf.GGUFReader(file).fields.values() if not f.name.startswith("GGUF.")} for file in (source, tmp_path / "served.gguf"))  # fmt: skip
    assert after == {**before, "general.file_type": 7}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.gguf", "served.gguf"]


def test_only_files_that_gain_are_named(source: Path, tmp_path: Path) -> None:
    assert gains_from_q8(source)
    requantise(source, tmp_path / "served.gguf")
    assert not gains_from_q8(tmp_path / "served.gguf")


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"nothing of the sort")
    with pytest.raises(ModelError, match=r"bad\.gguf"):
        gains_from_q8(tmp_path / "bad.gguf")
    with pytest.raises(ModelError, match=r"bad\.gguf"):
        requantise(tmp_path / "bad.gguf", tmp_path / "served.gguf")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.gguf"]
