"""Named arrays in a safetensors file: nothing that is loaded can run code."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from core.errors import ModelError


def save_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file)


def load_arrays(file: Path, names: Sequence[str], what: str) -> list[NDArray[Any]]:
    """Read the named arrays, in the order of the names; `what` is what an error calls them together.

    Raises:
        ModelError: The file is missing, damaged, or lacks one of them.
    """
    try:
        arrays = load_file(file)
        return [arrays[name] for name in names]
    except Exception as error:  # safetensors raises its own untyped errors
        raise ModelError(f"{file}: cannot read the {what}: {error}") from error
