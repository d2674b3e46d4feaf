"""Shared by all tests: no network but this machine, and models small enough to be made on the spot."""

import os

# Read by huggingface_hub and langsmith when they are imported, so before anything else is.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for _name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"):
    os.environ.pop(_name, None)

from pathlib import Path
from typing import Any

import pytest
from pytest_socket import socket_allow_hosts

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RANK, ALPHA = 4, 6


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors; these are third parties' about each other."""
    config.addinivalue_line("filterwarnings", "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:peft")
    config.addinivalue_line("filterwarnings", "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:transformers")


def pytest_runtest_setup() -> None:
    """Connections to other machines fail."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `base/`, a random llama (2 layers, 4 heads, 2 key-value heads, width 64), and `adapter/`, a random LoRA."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return _make(tmp_path_factory.mktemp("tiny_llama"), LlamaConfig, LlamaForCausalLM)


@pytest.fixture(scope="session")
def tiny_qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a random qwen2."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return _make(tmp_path_factory.mktemp("tiny_qwen2"), Qwen2Config, Qwen2ForCausalLM)


def _make(folder: Path, config_class: Any, model_class: Any) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    config = config_class(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        # Wide weights, so that the best token stands clear of the second best.
        initializer_range=0.3,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )
    model = model_class(config)
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(MODULES), init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(model, lora).save_pretrained(folder / "adapter", safe_serialization=True)
    return folder


def _tokenizer() -> Any:
    """Byte-level BPE with a few merges: every text can be written, in more pieces than words."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel as ByteLevelDecoder
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(BPE())
    inner.pre_tokenizer = ByteLevel(add_prefix_space=False)
    inner.decoder = ByteLevelDecoder()
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = BpeTrainer(vocab_size=360, special_tokens=control, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    said = 'move 13 snow chains from Zaragoza to the east yard {"item":"Snow Chains","quantity":13} user assistant tool done none'
    inner.train_from_iterator([said] * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>", additional_special_tokens=control
    )
