"""The exported GGUF adapter holds exactly what PEFT trained, in llama.cpp's order."""

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from core.errors import TrainingError
from finetune.export import export_gguf, interleave_rotary

NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@pytest.fixture(params=["tiny_llama", "tiny_qwen2"])
def model(request: pytest.FixtureRequest) -> Path:
    """Each architecture in turn."""
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture
def copy(tiny_llama: Path, tmp_path: Path) -> Path:
    """An adapter that may be damaged."""
    return Path(shutil.copytree(tiny_llama / "adapter", tmp_path / "adapter"))


def test_every_tensor_is_the_one_peft_holds(model: Path, tmp_path: Path) -> None:
    config = json.loads((model / "base" / "config.json").read_text())
    exported = read(export_gguf(model / "adapter", model / "base" / "config.json", tmp_path / "adapter.gguf"))
    trained = load_file(model / "adapter" / "adapter_model.safetensors")
    assert len(exported) == len(trained) == config["num_hidden_layers"] * len(NAMES) * 2
    for name, values in exported.items():
        _, layer, module, _, letter = name.split(".")
        rows = values
        if config["model_type"] == "llama" and letter == "lora_b" and module in ("attn_q", "attn_k"):
            heads = config["num_attention_heads" if module == "attn_q" else "num_key_value_heads"]
            assert not np.array_equal(rows, undone(rows, heads))
            rows = undone(rows, heads)
        key = f"base_model.model.model.layers.{layer}.{NAMES[module]}.lora_{letter[-1].upper()}.weight"
        assert rows.shape == trained[key].shape
        assert np.array_equal(rows, trained[key].astype(np.float16)), name


def test_the_metadata_is_what_llama_cpp_looks_for(model: Path, tmp_path: Path) -> None:
    reader = gguf.GGUFReader(export_gguf(model / "adapter", model / "base" / "config.json", tmp_path / "adapter.gguf"))
    found = {name: field.contents() for name, field in reader.fields.items()}
    lora = json.loads((model / "adapter" / "adapter_config.json").read_text())
    assert found["general.type"] == "adapter"
    assert found["adapter.type"] == "lora"
    assert found["general.architecture"] == json.loads((model / "base" / "config.json").read_text())["model_type"]
    assert found["adapter.lora.alpha"] == pytest.approx(lora["lora_alpha"])


def test_exporting_twice_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    first, second = (export_gguf(model / "adapter", model / "base" / "config.json", tmp_path / name) for name in ("1", "2"))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1", "2"]


def test_interleaving_moves_whole_rows_within_their_head() -> None:
    rows = np.arange(16, dtype=np.float32).reshape(8, 2)
    assert interleave_rotary(rows, 2)[:, 0].tolist() == [0, 4, 2, 6, 8, 12, 10, 14]
    assert np.array_equal(undone(interleave_rotary(rows, 2), 2), rows)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(copy: Path, tiny_llama: Path, tmp_path: Path, bad: float) -> None:
    tensors = load_file(copy / "adapter_model.safetensors")
    next(iter(tensors.values()))[0, 0] = bad
    save_file(tensors, copy / "adapter_model.safetensors")
    with pytest.raises(TrainingError, match="NaN or infinity"):
        export_gguf(copy, tiny_llama / "base" / "config.json", tmp_path / "adapter.gguf")
    assert not (tmp_path / "adapter.gguf").exists()


def test_a_pickled_adapter_is_refused(copy: Path, tiny_llama: Path, tmp_path: Path) -> None:
    torch.save({}, copy / "adapter_model.bin")
    (copy / "adapter_model.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"no adapter_model\.safetensors"):
        export_gguf(copy, tiny_llama / "base" / "config.json", tmp_path / "adapter.gguf")


def test_a_tensor_of_an_unknown_module_is_refused(copy: Path, tiny_llama: Path, tmp_path: Path) -> None:
    save_file({"base_model.model.lm_head.lora_A.weight": np.ones((2, 2), np.float32)}, copy / "adapter_model.safetensors")
    with pytest.raises(TrainingError, match="lm_head"):
        export_gguf(copy, tiny_llama / "base" / "config.json", tmp_path / "adapter.gguf")


@pytest.mark.parametrize("option", ["use_dora", "use_rslora"])
def test_only_plain_lora_is_exported(copy: Path, tiny_llama: Path, tmp_path: Path, option: str) -> None:
    config = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps({**config, option: True}))
    with pytest.raises(TrainingError, match="plain LoRA"):
        export_gguf(copy, tiny_llama / "base" / "config.json", tmp_path / "adapter.gguf")


def test_an_unknown_architecture_is_refused(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(TrainingError, match="mamba"):
        export_gguf(copy, tmp_path / "config.json", tmp_path / "adapter.gguf")


def read(file: Path) -> dict[str, NDArray[np.float16]]:
    """The tensors of a GGUF file; its reader gives rows first, as numpy does."""
    return {tensor.name: np.array(tensor.data) for tensor in gguf.GGUFReader(file).tensors}


def undone(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """Rotary pairs back to halves, head by head: even rows are the first half, odd rows the second."""
    return np.concatenate([half for head in np.split(rows, heads) for half in (head[0::2], head[1::2])])
