"""Merged models: a base with a release's adapter added into its weights, the form llama.cpp serves fastest.

Applied beside the base, an adapter of rank 16 costs a third of a small model's time a token. Merged once, it costs nothing; what
is kept here is derived from base and adapter, may be deleted at any time, and is made again when needed (about 5 s for 135M
weights). Rounding to 8-bit blocks after the sum errs by as much as rounding the base alone does.
"""

import logging
import os
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from core.artefacts import sha256_of
from core.errors import ModelError
from core.requantise import rewrite
from core.types.value import content_hash

_KEPT = 3
"""Files, those used last; each is as large as the base."""
_log = logging.getLogger(__name__)


class MergedStore:
    """Merged models in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, base: Path, adapter: Path) -> Path | None:
        """The merged file; None where it cannot be made: the adapter then has to be applied beside the base.

        Args:
            base: GGUF model.
            adapter: GGUF LoRA made for it.

        Raises:
            ModelError: A file is no GGUF, or the adapter is of another base.
        """
        for file in (base, adapter):
            if not file.is_file():
                raise ModelError(f"{file}: missing")
        target = self._folder / f"{content_hash([base.name, base.stat().st_size, sha256_of(adapter)], 16)}.gguf"
        try:
            if target.is_file():
                os.utime(target)
            else:
                self._folder.mkdir(parents=True, exist_ok=True)
                rewrite(base, target, changes_of(adapter))
                self._drop_old()
        except (OSError, NotImplementedError) as error:  # no room, or blocks that gguf cannot read
            _log.warning("%s: cannot be made (%s): the adapter is applied beside the base, which is slower", target, error)
            return None
        return target

    def _drop_old(self) -> None:
        """A file that is still served stays readable until its server closes it."""
        for old in sorted(self._folder.glob("*.gguf"), key=lambda file: -file.stat().st_mtime)[_KEPT:]:
            old.unlink(missing_ok=True)


def changes_of(adapter: Path) -> dict[str, NDArray[np.float32]]:
    """By name of a tensor what a LoRA adds to it, (out, in): `alpha / rank * B A` (Hu et al. 2021, "LoRA").

    Raises:
        ModelError: The file is no GGUF LoRA.
    """
    try:
        reader = gguf.GGUFReader(adapter)
        alpha = float(reader.fields["adapter.lora.alpha"].contents())
        tensors = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
        names = [name.removesuffix(".lora_a") for name in tensors if name.endswith(".lora_a")]
        pairs = {name: (tensors[f"{name}.lora_a"], tensors[f"{name}.lora_b"]) for name in names}
        return {name: np.asarray(alpha / down.shape[0] * (up @ down), np.float32) for name, (down, up) in pairs.items()}
    except (ValueError, KeyError) as error:
        raise ModelError(f"{adapter}: cannot be read as an adapter: {error}") from error
