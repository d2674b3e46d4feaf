"""llama.cpp in process (`xllamacpp`): the default on CPU. One quantized base, the LoRA chosen by request.

Requests go over loopback to the server inside this process, with a key of its own: the direct call of `xllamacpp` waits in a
busy loop, which costs the very core the model computes on.
"""

import json
import secrets
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xllamacpp

from agents.engines.engine import Generation
from core.chat import CHAT_TEMPLATE, END
from core.errors import BadInput, ModelError


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
        self._answered = False
        self._key = secrets.token_urlsafe(16)
        parameters = _parameters(base, adapter, context, threads)
        parameters.api_keys = [self._key]
        try:
            self._server = xllamacpp.Server(parameters)
        except Exception as error:  # xllamacpp raises bare RuntimeError and ValueError for bad files
            files = f"{base}{f' with {adapter}' if adapter else ''}"
            raise ModelError(f"llama.cpp could not load {files}: {error}") from error
        self._connection = HTTPConnection(urlsplit(self._server.listening_address).netloc)

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
            answer = self._post(request)
        return _read_answer(answer, self._context)

    def _post(self, request: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(request).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._key}"}
        reused = self._connection.sock is not None
        try:
            self._connection.request("POST", "/v1/completions", body, headers)
            answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()  # the next request opens it anew
            if reused and isinstance(error, ConnectionError):
                return self._post(request)  # the server lets go of a connection that was idle
            raise ModelError(f"llama.cpp failed: {error}") from error
        self._answered = True
        return answer

    def close(self) -> None:
        """Stop the server threads and free the model."""
        with self._lock:
            if not self._answered:
                # xllamacpp waits forever for a server that is closed before its threads have started; one that answers has.
                self._post({"prompt": "\n", "n_predict": 1})
            self._connection.close()
            del self._server


def open_server(model: Path, context: int, threads: int, port: int) -> Any:
    """A llama.cpp server on loopback that renders with our chat template, as `RemoteEngine` expects one elsewhere to be.

    Args:
        model: GGUF file.
        context: Tokens of prompt and answer together.
        threads: CPU threads.
        port: Where it listens.

    Returns:
        The server; it stops when it is let go.
    """
    parameters = _parameters(model, None, context, threads)
    parameters.chat_template, parameters.use_jinja = CHAT_TEMPLATE, True
    parameters.hostnames, parameters.port = ["127.0.0.1"], port
    return xllamacpp.Server(parameters)


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
        if isinstance(detail, Mapping) and detail.get("type") == "exceed_context_size_error":
            raise BadInput(f"messages: {detail.get('n_prompt_tokens')} tokens, at most {context}", code="too_long")
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
