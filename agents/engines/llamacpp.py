"""llama.cpp in process (`xllamacpp`): the default on CPU. One quantized base, the LoRA chosen by request."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xllamacpp

from agents.engines.engine import Generation
from core.chat import END
from core.errors import ModelError


class LlamaCppEngine:
    """A GGUF base with at most one LoRA adapter."""

    def __init__(self, base: Path, adapter: Path | None = None, context: int = 4096, threads: int = 2) -> None:
        """Load the model; takes about half a second for a 135M base.

        Args:
            base: GGUF file.
            adapter: GGUF LoRA file made for that base, or None for the untrained model.
            context: Tokens of prompt and answer together.
            threads: CPU threads.

        Raises:
            ModelError: A file is missing or not what it should be.
        """
        for file in (base, adapter):
            if file is not None and not _is_gguf(file):
                raise ModelError(f"{file}: missing or not a GGUF file")
        self._adapter = adapter is not None
        self._context = context
        self._lock = threading.Lock()
        try:
            self._server = xllamacpp.Server(_parameters(base, adapter, context, threads))
        except Exception as error:  # xllamacpp raises bare RuntimeError and ValueError for bad files
            raise ModelError(f"llama.cpp could not load {base.name}: {error}") from error

    def generate(self, prompt: str, grammar: str | None, max_tokens: int, reuse: bool = False) -> Generation:
        """See `Engine.generate`."""
        request: dict[str, Any] = {
            "prompt": prompt,
            "n_predict": max_tokens,
            "temperature": 0.0,
            "n_probs": 1,
            # Reusing another request's cache changes batch shapes, and with them the last bits of the logits.
            "cache_prompt": reuse,
            "stop": [END],
            "lora": [{"id": 0, "scale": 1.0}] if self._adapter else [],
        }
        if grammar is not None:
            request["grammar"] = grammar
        with self._lock:
            try:
                answer = self._server.handle_completions(request)
            except Exception as error:  # as above
                raise ModelError(f"llama.cpp failed: {error}") from error
        return _read_answer(answer, self._context)

    def close(self) -> None:
        """Stop the server threads and free the model."""
        with self._lock:
            del self._server


def _parameters(base: Path, adapter: Path | None, context: int, threads: int) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(base)
    parameters.n_ctx = context
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.cache_ram_mib = 0
    if adapter is not None:
        info = xllamacpp.CommonAdapterLoraInfo()
        info.path = str(adapter)
        info.scale = 1.0
        parameters.lora_adapters = [info]
        parameters.lora_init_without_apply = True
    return parameters


def _read_answer(answer: Mapping[str, Any], context: int) -> Generation:
    if "error" in answer or "choices" not in answer:
        detail = answer.get("error") or answer.get("message") or answer
        raise ModelError(f"llama.cpp refused the request (context {context} tokens): {str(detail)[:200]}")
    choice = answer["choices"][0]
    pieces = [piece for piece in (choice.get("logprobs") or {}).get("content") or [] if piece.get("bytes")]
    return Generation(
        text=choice["text"],
        tokens=tuple(piece["token"] for piece in pieces),
        logprobs=tuple(float(piece["logprob"]) for piece in pieces),
        finished=choice.get("finish_reason") != "length",
        prompt_tokens=int((answer.get("usage") or {}).get("prompt_tokens", 0)),
    )


def _is_gguf(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(4) == b"GGUF"
    except OSError:
        return False
