"""Rewrites a GGUF model in 8-bit blocks for serving.

The small base comes in 4-bit blocks with offsets (`Q4_1`), for which llama.cpp has no fast kernels on CPU. The same weights in
`Q8_0` are half as large again and read a prompt a third faster; each differs from its 4-bit value by less than half a percent
of the largest in its block, which is less than the activations are rounded by anyway.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError

SERVED = "served-q8_0.gguf"
"""Name of the rewritten file, beside the original."""
_FILE_TYPE_Q8_0 = 7
_PLAIN = (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.BF16)


def gains_from_q8(file: Path) -> bool:
    """Whether the file holds weights in a form that llama.cpp is slow with."""
    try:
        return any(tensor.tensor_type == gguf.GGMLQuantizationType.Q4_1 for tensor in gguf.GGUFReader(file).tensors)
    except (ValueError, OSError) as error:
        raise ModelError(f"{file}: cannot be read as a model: {error}") from error


def requantise(source: Path, target: Path) -> None:
    """Write `source` with every quantized tensor in `Q8_0`; the file appears whole or not at all. About 5 s for 135M weights.

    Raises:
        ModelError: The file is no GGUF model.
        OSError: The target cannot be written.
    """
    rewrite(source, target, {})


def rewrite(source: Path, target: Path, changes: Mapping[str, NDArray[np.float32]]) -> None:
    """`requantise`, with something added to the weights of some tensors.

    Args:
        source: A GGUF model.
        target: File to write.
        changes: By name of a tensor what to add, in its shape (out, in).

    Raises:
        ModelError: The file is no GGUF model, or has no such tensor.
        OSError: The target cannot be written.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        reader = gguf.GGUFReader(source)
        if missing := changes.keys() - {tensor.name for tensor in reader.tensors}:
            raise ModelError(f"{source}: has no tensor {min(missing)!r}")
        writer = gguf.GGUFWriter(partial, reader.fields["general.architecture"].contents())
        for field in reader.fields.values():
            if field.name.startswith("GGUF.") or field.name == "general.architecture":
                continue  # the writer's own
            value = _FILE_TYPE_Q8_0 if field.name == "general.file_type" else field.contents()
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, value, field.types[0], sub_type=inner)
        for tensor in reader.tensors:
            kind = tensor.tensor_type if tensor.tensor_type in _PLAIN else gguf.GGMLQuantizationType.Q8_0
            if tensor.name not in changes and tensor.tensor_type == kind:
                writer.add_tensor(tensor.name, tensor.data, raw_dtype=kind)
            else:
                weights = gguf.dequantize(tensor.data, tensor.tensor_type)
                changed = weights + changes[tensor.name] if tensor.name in changes else weights
                writer.add_tensor(tensor.name, gguf.quantize(changed, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        partial.replace(target)
    except (ValueError, KeyError) as error:
        raise ModelError(f"{source}: cannot be read as a model: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
