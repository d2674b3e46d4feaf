"""Base models: two recipes (`small`, `large`) and any causal LM by path or hub name, ready for training and for serving."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from core.artefacts import LARGE_PARTS, SMALL_BASE, ArtefactStore, WheelArtefact
from core.errors import ModelError, NotFound
from core.requantise import SERVED, gains_from_q8, requantise
from core.types.value import Value

RECIPES: dict[str, WheelArtefact] = {"small": SMALL_BASE, "large": LARGE_PARTS}
_LEARNING_RATES = {"small": 1e-3}
_LEARNING_RATE = 3e-4
"""Of other bases: at 1e-3 the loss of the large one became NaN within 60 steps."""


class Base(Value):
    """A base model on this machine."""

    name: str
    """Recipe, hub name or path, as releases record it."""
    gguf: Path | None
    """The file llama.cpp serves; None where only transformers can."""
    folder: Path | None
    """Folder in transformers format; None until `ready_to_train` made it."""
    source: Path | None = None
    """The file `gguf` was rewritten from, whose weights are nearer to those of `folder`; or that file itself: what an adapter is
    merged into. None where `gguf` is."""

    @property
    def learning_rate(self) -> float:
        """Peak learning rate of a LoRA adapter on it."""
        return _LEARNING_RATES.get(self.name, _LEARNING_RATE)


class BaseStore:
    """Finds and prepares base models."""

    def __init__(self, artefacts: ArtefactStore) -> None:
        self._artefacts = artefacts

    def get(self, name: str) -> Base:
        """A base for serving.

        Raises:
            NotFound: A recipe that was not fetched, or a path that is not there.
        """
        if name in RECIPES:
            folder = self._artefacts.path(RECIPES[name])
            trained = folder / "transformers"
            prepared = trained if (trained / "config.json").is_file() else None
            source = _gguf_in(folder)
            return Base(name=name, gguf=_served(source), folder=prepared, source=source)
        path = Path(name)
        if (path / "config.json").is_file():
            gguf = next(iter(sorted(path.glob("*.gguf"))), None)
            return Base(name=name, gguf=gguf, folder=path, source=gguf)
        if path.exists() or name.startswith((".", "/")) or name.count("/") != 1:
            raise NotFound(f"base {name!r}: use small, large, a folder with config.json, or a hub name OWNER/NAME")
        return Base(name=name, gguf=None, folder=self._from_hub(name))

    def ready_to_train(self, name: str, say: Callable[[str], None] = lambda _: None) -> Base:
        """A base with a transformers folder; a GGUF is dequantised once (about 20 s for 135M weights)."""
        base = self.get(name)
        if base.folder is not None:
            return base
        source = _gguf_in(self._artefacts.path(RECIPES[name]))  # a recipe has one
        say(f"preparing base {name}: dequantising {source.name}")
        target = source.parent / "transformers"
        dequantise(source, target)
        return base.model_copy(update={"folder": target})

    def _from_hub(self, name: str) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError

        try:
            return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model"]))
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise ModelError(f"base {name!r}: cannot fetch it from the hub: {error}") from error


def _gguf_in(folder: Path) -> Path:
    found = sorted(file for file in folder.glob("*.gguf") if file.name != SERVED)
    if not found:
        raise ModelError(f"{folder}: no GGUF file; delete the folder and run `nightschool init`")
    return found[0]


def _served(source: Path) -> Path:
    """The file to serve: rewritten once where llama.cpp gains from it; the original where the folder cannot be written."""
    target = source.with_name(SERVED)
    if target.is_file():
        return target
    if not gains_from_q8(source) or not os.access(source.parent, os.W_OK):
        return source
    requantise(source, target)
    return target


def dequantise(file: Path, target: Path) -> None:
    """Write a GGUF model as a transformers folder in float32 safetensors; appears whole or not at all.

    Raises:
        ModelError: transformers cannot read the file.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=".dequantise-"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        # The weights are plain float32 now; transformers still remembers the quantizer and would refuse to save.
        model.hf_quantizer = None
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        json.loads((staging / "config.json").read_text())
        shutil.rmtree(target, ignore_errors=True)
        os.replace(staging, target)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{file}: cannot be read as a model: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
