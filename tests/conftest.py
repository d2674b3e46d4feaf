"""Shared by all tests: no network but this machine, and models small enough to be made on the spot."""

import json
import os
from collections.abc import Iterator
from datetime import date

# Read by huggingface_hub and langsmith when they are imported, so before anything else is.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for _name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"):
    os.environ.pop(_name, None)

from pathlib import Path
from typing import Any

import pytest
from pytest_socket import socket_allow_hosts

from agents.home import Home
from core.settings import Settings
from core.types.tool import read_toolset
from tests.hashed_words import HashedWords
from tools.erp.operations import ALL

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
RANK, ALPHA = 4, 6
_LONGEST = ("test_nightly.py", "test_write_kills.py", "test_threads.py", "test_edits.py", "test_sandbox.py")


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors; these are third parties' about each other."""
    config.addinivalue_line("filterwarnings", "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:peft")
    config.addinivalue_line("filterwarnings", "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:transformers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin, so that none is left to one worker while the other has nothing to do."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_runtest_setup() -> None:
    """Connections to other machines fail."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def hashed_words() -> HashedWords:
    """An encoder that needs no model."""
    return HashedWords(256)


@pytest.fixture(scope="session")
def short_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a company with nine days of history; to be copied, not written to."""
    from tools.erp.sandbox.seed.company import build_company

    path = tmp_path_factory.mktemp("company") / "company.sqlite"
    build_company(path, first_day=date(2026, 5, 4)).close()
    return path


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


@pytest.fixture(scope="session")
def tiny_gguf(tiny_llama: Path) -> Path:
    """The tiny llama for llama.cpp."""
    return _write_base_gguf(tiny_llama / "base", tiny_llama / "base.gguf")


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


def _write_base_gguf(folder: Path, target: Path) -> Path:
    """The tiny llama as float32 GGUF, after `convert_hf_to_gguf.py` of llama.cpp."""
    import gguf
    import torch
    from transformers import AutoModelForCausalLM

    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    heads, kv_heads, width = config["num_attention_heads"], config["num_key_value_heads"], config["hidden_size"]
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    _write_tokenizer(writer, tokenizer)
    for name, values in AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict().items():
        rows: Any = values.numpy()
        if "q_proj" in name or "k_proj" in name:
            rows = _interleave(rows, heads if "q_proj" in name else kv_heads)
        writer.add_tensor(_gguf_name(name), rows)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def _interleave(rows: Any, heads: int) -> Any:
    """Rotary halves to rotary pairs, row by row."""
    size = len(rows) // heads
    order = [head * size + half * size // 2 + at for head in range(heads) for at in range(size // 2) for half in (0, 1)]
    return rows[order]


def _write_tokenizer(writer: Any, tokenizer: dict[str, Any]) -> None:
    from gguf import TokenType

    vocabulary = {**tokenizer["model"]["vocab"], **{token["content"]: token["id"] for token in tokenizer["added_tokens"]}}
    special = {token["content"] for token in tokenizer["added_tokens"]}
    words = sorted(vocabulary, key=lambda word: int(vocabulary[word]))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([TokenType.CONTROL if word in special else TokenType.NORMAL for word in words])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_add_bos_token(False)


_GGUF_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_GGUF_TOP = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def _gguf_name(name: str) -> str:
    if name in _GGUF_TOP:
        return _GGUF_TOP[name]
    _, _, layer, module = name.removesuffix(".weight").split(".", 3)
    return f"blk.{layer}.{_GGUF_NAMES[module]}.weight"


@pytest.fixture
def home(tmp_path: Path, short_company: Path, hashed_words: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home with a company of a short history, its toolset, and an encoder that needs no model."""
    monkeypatch.setattr(Home, "embedder", hashed_words)
    home = Home(Settings(home=tmp_path / "home", artefacts=tmp_path / "artefacts"))
    home.company.parent.mkdir(parents=True)
    home.company.write_bytes(short_company.read_bytes())
    home.registry.add(read_toolset("company", [operation.function for operation in ALL]))
    yield home
    home.database.dispose()
