"""Export: a PEFT LoRA adapter as a GGUF adapter for llama.cpp.

Format: llama.cpp's `convert_lora_to_gguf.py` (metadata `general.type=adapter`, `adapter.type=lora`, tensors
`blk.N.<module>.weight.lora_a|lora_b`). For llama-architecture models llama.cpp interleaves the rotary halves of each head, so
the rows of `lora_b` for queries and keys are permuted as its converter permutes the weights; qwen2 needs none.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from core.errors import TrainingError

_MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_KEY = re.compile(r"\.layers\.(\d+)\.(.+)\.lora_([AB])(?:\.\w+)?\.weight$")
ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2"}
"""`model_type` of transformers → llama.cpp's architecture name."""


class LoraTensor(NamedTuple):
    """One exported tensor."""

    name: str
    values: NDArray[np.float32]
    """`lora_a` (rank, in) or `lora_b` (out, rank)."""


def export_gguf(adapter: Path, base_config: Path, target: Path) -> Path:
    """Write a GGUF adapter.

    Args:
        adapter: PEFT folder with `adapter_model.safetensors`; a pickled `.bin` is refused.
        base_config: `config.json` of the base model.
        target: File to write; appears whole or not at all.

    Raises:
        TrainingError: Not a plain LoRA in safetensors, an unknown architecture, or NaN weights.
    """
    config = json.loads(base_config.read_text())
    lora = json.loads((adapter / "adapter_config.json").read_text())
    architecture = ARCHITECTURES.get(config["model_type"])
    if architecture is None:
        raise TrainingError(f"cannot export to GGUF: architecture {config['model_type']!r}; known: {', '.join(ARCHITECTURES)}")
    if lora.get("use_dora") or lora.get("use_rslora"):
        raise TrainingError("cannot export to GGUF: only plain LoRA is served")
    partial = target.with_suffix(".partial")
    writer = gguf.GGUFWriter(partial, architecture)
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(lora["lora_alpha"]))
    for tensor in lora_tensors(adapter, config):
        writer.add_tensor(tensor.name, tensor.values.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)
    return target


def lora_tensors(adapter: Path, config: dict[str, Any]) -> Iterator[LoraTensor]:
    """The adapter's tensors under llama.cpp's names, in layer order."""
    file = adapter / "adapter_model.safetensors"
    if not file.is_file():
        raise TrainingError(f"{adapter}: no adapter_model.safetensors; other formats are refused")
    found = []
    for key, values in load_file(file).items():
        match = _KEY.search(key)
        if match is None or match[2] not in _MODULES:
            raise TrainingError(f"{file.name}: tensor {key!r} is not a LoRA tensor of a known module")
        if not np.isfinite(values).all():
            raise TrainingError(f"{file.name}: tensor {key!r} holds NaN or infinity")
        module = _MODULES[match[2]]
        values = np.asarray(values, dtype=np.float32)
        if match[3] == "B" and config["model_type"] == "llama" and module in ("attn_q", "attn_k"):
            heads = config["num_attention_heads"] if module == "attn_q" else config["num_key_value_heads"]
            values = interleave_rotary(values, heads)
        found.append((int(match[1]), LoraTensor(f"blk.{match[1]}.{module}.weight.lora_{match[3].lower()}", values)))
    return (tensor for _, tensor in sorted(found, key=lambda pair: (pair[0], pair[1].name)))


def interleave_rotary(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorder output rows from transformers' half-split rotary layout to llama.cpp's interleaved one.

    Args:
        rows: (heads * head_dim, any).
        heads: Number of heads the rows belong to.

    Returns:
        The same shape. Source: `LlamaModel.permute` in llama.cpp's `convert_hf_to_gguf.py`.
    """
    out, width = rows.shape
    return rows.reshape(heads, 2, out // heads // 2, width).swapaxes(1, 2).reshape(out, width)
