"""transformers in process: the reference engine, and the one for bases without a GGUF. llguidance keeps it to the grammar.

One token at a time, greedily, with a key-value cache; simple rather than fast. Runs on CPU in float32, on CUDA in bfloat16
(the CUDA path was not run here: no GPU on the machines this was measured on).
"""

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.gbnf_to_lark import gbnf_to_lark
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from agents.engines.engine import Generation
from core.chat import END
from core.errors import BadInput, ModelError

# Literals and character classes are matched first, so that what looks like a name inside them is left alone.
_NAME_OR_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[A-Za-z_][\w-]*', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# Without it llguidance admits only one spelling in tokens where the text is forced; llama.cpp leaves the spelling to the model.
_OPTIONS = '%llguidance {"no_forcing": true}'


class TransformersEngine:
    """A transformers causal LM with at most one PEFT LoRA adapter."""

    def __init__(self, folder: Path, adapter: Path | None = None, device: str | None = None) -> None:
        """Load the model; safetensors only, nothing is fetched and no code of the folder is run.

        Args:
            folder: transformers folder whose fast tokenizer has `<|im_end|>` as one token.
            adapter: PEFT folder with `adapter_model.safetensors`, or None for the untrained model.
            device: Where to compute; default `cuda` where there is one, else `cpu`.

        Raises:
            ModelError: A file is missing, pickled, or not what it should be.
        """
        if adapter is not None and not (adapter / "adapter_model.safetensors").is_file():
            raise ModelError(f"{adapter}: no adapter_model.safetensors; other formats are refused")
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._lock = threading.Lock()
        try:
            self._tokenizer, self._model = _load(folder, adapter, self._device)
            self._width = int(self._model.get_output_embeddings().weight.shape[0])
            self._stops = _stop_tokens(self._tokenizer)
            self._pieces: LLTokenizer = from_tokenizer(self._tokenizer, n_vocab=self._width, eos_token=self._stops)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"transformers could not load {folder}: {error}") from error

    def generate(self, prompt: str, grammar: str | None, max_tokens: int, reuse: bool = False) -> Generation:
        """See `Engine.generate`; `reuse` changes nothing, a prompt is evaluated anew each time."""
        # The tokenizer reads control tokens in the prompt; `core.chat.neutral` keeps them out of what people wrote.
        ids = self._tokenizer(prompt, add_special_tokens=False)["input_ids"]
        context = int(self._model.config.max_position_embeddings)
        if not ids:
            raise ModelError("transformers refused the request: the prompt has no tokens")
        if len(ids) >= context:
            raise BadInput(f"messages: {len(ids)} tokens, at most {context}", code="too_long")
        matcher = None if grammar is None else compile_grammar(self._pieces, grammar)
        with self._lock, torch.inference_mode():
            return self._write(ids, matcher, min(max_tokens, context - len(ids)))

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            del self._model

    def _write(self, prompt: list[int], matcher: LLMatcher | None, max_tokens: int) -> Generation:
        tokens: list[int] = []
        logprobs: list[float] = []
        cache: Any = None
        read = prompt
        finished = False
        while not finished and len(tokens) < max_tokens:
            output = self._model(input_ids=torch.tensor([read], device=self._device), past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            scores = output.logits[0, -1].float().log_softmax(dim=-1)  # (vocab,)
            allowed = scores if matcher is None else _masked(scores, matcher)
            token = int(allowed.argmax())
            if token in self._stops:
                finished = True
                break
            tokens.append(token)
            logprobs.append(float(scores[token]))
            read = [token]
            if matcher is not None:
                _consume(matcher, token)
                finished = matcher.is_stopped()
        return Generation(
            text=self._text(tokens),
            tokens=tuple(self._text([token]) for token in tokens),
            logprobs=tuple(logprobs),
            finished=finished,
            prompt_tokens=len(prompt),
        )

    def _text(self, tokens: Sequence[int]) -> str:
        """Tokens as text, control tokens left out; half a character comes out as U+FFFD, as llama.cpp writes it."""
        plain = [token for token in tokens if not self._pieces.is_special_token(token)]
        written: bytes = self._pieces.decode_bytes(plain)
        return written.decode("utf-8", "replace")


def compile_grammar(tokenizer: LLTokenizer, gbnf: str) -> LLMatcher:
    """A matcher for one generation.

    Raises:
        ModelError: The text is not GBNF, or llguidance finds it too complex.
    """
    try:
        lark = gbnf_to_lark(_plain_names(gbnf)).replace("%llguidance {}", _OPTIONS, 1)
        # GBNF literals may hold them as they are, Lark's may not.
        lark = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", lark)
        matcher = LLMatcher(tokenizer, lark, log_level=0)
    except Exception as error:  # the converter raises bare Exception, IndexError on a cut-off escape, RecursionError
        raise ModelError(f"the grammar is not GBNF: {str(error)[:200]}") from error
    _check(matcher)
    return matcher


def _plain_names(gbnf: str) -> str:
    """Number the rules: Lark's names differ in more than case and dashes, GBNF's need not, and `start` is taken."""
    numbers: dict[str, str] = {"root": "root"}

    def rename(match: re.Match[str]) -> str:
        text = match[0]
        return text if text[0] in '"[' else numbers.setdefault(text, f"r{len(numbers)}")

    return _NAME_OR_QUOTED.sub(rename, gbnf)


def _masked(scores: torch.Tensor, matcher: LLMatcher) -> torch.Tensor:
    """Scores (vocab,) with minus infinity where the grammar does not go on."""
    bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
    _check(matcher)
    allowed: NDArray[np.uint8] = np.unpackbits(bits, bitorder="little")[: len(scores)]
    return scores.masked_fill(torch.from_numpy(allowed == 0).to(scores.device), float("-inf"))


def _consume(matcher: LLMatcher, token: int) -> None:
    matcher.consume_token(token)
    _check(matcher)


def _check(matcher: LLMatcher) -> None:
    if matcher.is_error():
        raise ModelError(f"llguidance refused the grammar: {matcher.get_error()[:300]}")


def _load(folder: Path, adapter: Path | None, device: str) -> tuple[Any, Any]:  # transformers' types say as little
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)
    if adapter is not None:
        # Merged, so that a token costs one matrix product a layer; in float32 the sum loses nothing that matters.
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    return tokenizer, model.to(device).eval()


def _stop_tokens(tokenizer: Any) -> list[int]:
    """The end mark first; then what llama.cpp takes for an end as well: the tokenizer's own, and `<|endoftext|>`."""
    end, over = (tokenizer.get_added_vocab().get(name) for name in (END, "<|endoftext|>"))
    if end is None:
        raise ModelError(f"{tokenizer.name_or_path}: its tokenizer has no {END} token, which ends every turn")
    return [int(token) for token in dict.fromkeys((end, tokenizer.eos_token_id, over)) if token is not None]
