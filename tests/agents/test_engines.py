"""Engines: what they write is in the grammar's language, whatever was said, and all of them write the same."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xllamacpp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from langchain_core.tracers.langchain import wait_for_all_tracers
from langsmith.utils import get_env_var
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from agents.engines.engine import Engine
from agents.engines.llamacpp import LlamaCppEngine
from agents.engines.remote import RemoteEngine, parse_turns
from agents.engines.transformers import TransformersEngine
from agents.grammar import GrammarBuilder
from agents.offers import OfferFinder
from core.chat import CHAT_TEMPLATE, END, neutral, parse_calls, render_prompt, render_turns
from core.errors import BadInput, ModelError
from core.types.message import Message, ToolCall
from core.types.tool import Toolset, read_toolset
from finetune.export import export_gguf
from tools.kinds import KindTable

ROOT = Path(__file__).parents[2]
PROMPT = "<|im_start|>user\nmove 13 snow chains<|im_end|>"
ODD = [
    '"',
    "\\",
    '\\"',
    "a\nb\r\nc",
    "\t",
    "'/*//#",
    "Größe 😀 漢字",
    "é",  # a letter and a combining accent
    "<|im_end|>",
    "<|im_start|>system\n",
    'root ::= "x"',
    "[^a](b|c)*{2,3}.?",
    "%llguidance {}",
    "start: /x/i",
    "\u2028\x7f",
]
TALK = ["move 13 snow chains", "Größe 😀", "done", "what now?", "from Zaragoza", "x" * 40, "a\nb", "13", "user", '{"item":']
"""What the remote server is asked with."""

odd_text = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
)


@pytest.fixture(scope="session")
def reference(tiny_llama: Path) -> TransformersEngine:
    """The tiny model on transformers, with its adapter."""
    return TransformersEngine(tiny_llama / "base", tiny_llama / "adapter", device="cpu")


@pytest.fixture(scope="session")
def gguf_files(tiny_llama: Path, tiny_gguf: Path) -> tuple[Path, Path]:
    """The tiny model and its adapter for llama.cpp."""
    adapter = export_gguf(tiny_llama / "adapter", tiny_llama / "base" / "config.json", tiny_llama / "adapter.gguf")
    return tiny_gguf, adapter


@pytest.fixture(scope="session")
def llamacpp(gguf_files: tuple[Path, Path]) -> Iterator[LlamaCppEngine]:
    """The tiny model on llama.cpp, with its adapter."""
    engine = LlamaCppEngine(*gguf_files, context=512, threads=1)
    yield engine
    engine.close()


@pytest.fixture(params=["reference", "llamacpp"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def toolset() -> Toolset:
    """One tool with one argument of each mode."""
    properties = {
        "note": {"type": "string", "x-kind": "text"},
        "item": {"type": "string", "x-kind": "item"},
        "level": {"type": "string", "enum": ODD},
        "count": {"type": "integer"},
    }
    tools = [{"name": "add_note", "parameters": {"type": "object", "properties": properties}}]
    return read_toolset("odd", tools, {"item": {"names": ["Snow Chains", 'O"Neil \\ Sons', "Größe 😀"]}})


# What both engines write is in the language.


@given(texts=st.lists(odd_text.filter(bool), min_size=1, max_size=4, unique=True))
@settings(max_examples=40, deadline=None)
@example(texts=ODD)
def test_any_literal_can_be_written_and_nothing_else_is(reference: TransformersEngine, texts: list[str]) -> None:
    generation = reference.generate(PROMPT, "root ::= " + " | ".join(map(literal, texts)) + "\n", 200)
    assert generation.finished
    assert generation.text in texts


@given(said=odd_text.filter(lambda text: bool(neutral(text))))
@settings(max_examples=25, deadline=None)
@example(said=" ".join(ODD))
@example(said="move 13 Snow Chains to O\"Neil \\ Sons, 'now'")
@example(said="ask root ::= <|im_end|> done{} \n add_note{} ".strip())
def test_whatever_is_said_the_step_is_made_of_it(
    reference: TransformersEngine, llamacpp: LlamaCppEngine, toolset: Toolset, said: str
) -> None:
    messages = [Message(role="user", content=said)]
    grammar = GrammarBuilder(toolset, KindTable(max_calls=2), OfferFinder(toolset, KindTable()).collect(messages)).grammar()
    for written in (engine.generate(render_prompt(toolset, messages), grammar, 300) for engine in (reference, llamacpp)):
        if not written.finished:  # a random model may write long values
            continue
        for call in parse_calls(toolset, written.text):
            assert call.name in ("add_note", "!search", "!done", "!none")
            assert call.arguments.get("level", ODD[0]) in ODD
            for name in ("note", "query"):
                assert str(call.arguments.get(name, "")) in neutral(said)


def test_one_literal_is_written_out_to_the_end(engine: Engine) -> None:
    generation = engine.generate(PROMPT, 'root ::= "done{}"\n', 20)
    assert generation.text == "done{}" == "".join(generation.tokens)
    assert len(generation.logprobs) == len(generation.tokens)
    assert all(logprob < 0 for logprob in generation.logprobs)
    assert generation.finished


def test_the_token_limit_shows_as_unfinished(engine: Engine) -> None:
    generation = engine.generate(PROMPT, 'root ::= "x"{100}\n', 5)
    assert not generation.finished
    assert len(generation.tokens) == 5


def test_the_same_call_gives_the_same_answer(engine: Engine) -> None:
    grammar = "root ::= [a-z ]{1,20}\n"
    assert engine.generate(PROMPT, grammar, 30) == engine.generate(PROMPT, grammar, 30)


def test_rules_that_differ_only_in_case_or_dashes_stay_apart(reference: TransformersEngine) -> None:
    grammar = 'root ::= start k-Item k-item k_item\nstart ::= "1"\nk-Item ::= "2"\nk-item ::= "3"\nk_item ::= "4"\n'
    assert reference.generate(PROMPT, grammar, 10).text == "1234"


@pytest.mark.parametrize("grammar", ["", 'root ::= "x', "root ::= missing\n", 'call ::= "x"\n', 'root ::= "\\'])
def test_a_grammar_that_cannot_be_compiled_is_a_model_error(reference: TransformersEngine, grammar: str) -> None:
    with pytest.raises(ModelError, match="grammar"):
        reference.generate(PROMPT, grammar, 10)


def test_a_prompt_longer_than_the_context_is_refused(engine: Engine) -> None:
    with pytest.raises(BadInput, match="at most 512") as told:
        engine.generate("x " * 600, None, 10)
    assert told.value.code == "too_long", "asked again it would be as long"


def test_an_adapter_that_is_not_safetensors_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text((tiny_llama / "adapter" / "adapter_config.json").read_text())
    torch.save({}, tmp_path / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"no adapter_model\.safetensors"):
        TransformersEngine(tiny_llama / "base", tmp_path)


def test_an_engine_that_was_never_asked_can_be_closed(gguf_files: tuple[Path, Path]) -> None:
    program = (
        "import sys; from pathlib import Path; from agents.engines.llamacpp import LlamaCppEngine;"
        "LlamaCppEngine(Path(sys.argv[1]), context=512, threads=1).close()"
    )
    done = subprocess.run([sys.executable, "-c", program, str(gguf_files[0])], timeout=30, check=False, cwd=ROOT)
    assert done.returncode == 0


def test_a_connection_that_was_idle_too_long_is_opened_anew(llamacpp: LlamaCppEngine) -> None:
    before = llamacpp.generate("move", None, 4)
    llamacpp._connection.sock.shutdown(socket.SHUT_RDWR)  # as its server does after a while
    assert llamacpp.generate("move", None, 4) == before


def test_a_folder_without_a_model_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="could not load"):
        TransformersEngine(tmp_path)


# llama.cpp and transformers compute the same.


def test_both_engines_give_the_same_probabilities_with_the_adapter(
    tiny_llama: Path, reference: TransformersEngine, llamacpp: LlamaCppEngine, gguf_files: tuple[Path, Path]
) -> None:
    forced = 'root ::= "move_stock{\\"item\\":\\"Snow Chains\\",\\"quantity\\":13}"\n'
    ours, theirs = (engine.generate(PROMPT, forced, 100) for engine in (reference, llamacpp))
    assert ours.tokens == theirs.tokens
    assert np.abs(np.subtract(ours.logprobs, theirs.logprobs)).max() < 0.05  # llama.cpp keeps keys and values in float16
    assert np.abs(np.subtract(ours.logprobs, unmerged_logprobs(tiny_llama, ours.tokens))).max() < 1e-3
    bare = LlamaCppEngine(gguf_files[0], context=512, threads=1)
    assert np.abs(np.subtract(bare.generate(PROMPT, forced, 100).logprobs[0], ours.logprobs[0])).max() > 0.2
    bare.close()


def test_both_engines_write_the_same_text(reference: TransformersEngine, llamacpp: LlamaCppEngine) -> None:
    grammar = 'root ::= call ("\\n" call)?\ncall ::= ("move" | "find" | "done" | "none") "{" [0-9]? "}"\n'
    for said in TALK:
        prompt = f"<|im_start|>user\n{said}{END}"
        ours, theirs = (engine.generate(prompt, grammar, 20) for engine in (reference, llamacpp))
        assert ours.text == theirs.text
        assert ours.prompt_tokens == theirs.prompt_tokens


# A remote server.


@pytest.fixture(scope="session")
def server(gguf_files: tuple[Path, Path]) -> Iterator[str]:
    """A llama.cpp server with our chat template; yields the root of its API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(gguf_files[0])
    adapter = xllamacpp.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = str(gguf_files[1]), 1.0
    parameters.lora_adapters = [adapter]
    parameters.n_ctx, parameters.n_parallel = 512, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.warmup, parameters.verbosity, parameters.cache_ram_mib = False, -1, 0
    parameters.chat_template, parameters.use_jinja = CHAT_TEMPLATE, True
    parameters.hostnames, parameters.port = ["127.0.0.1"], port
    running = xllamacpp.Server(parameters)
    yield f"{running.listening_address}/v1"
    del running


def test_a_remote_llama_cpp_writes_what_the_one_in_process_writes(server: str, llamacpp: LlamaCppEngine) -> None:
    remote = RemoteEngine(server, "tiny", "none")
    call = 'move{"item":"Snow Chains"}'
    for said in TALK:
        prompt = f'<|im_start|>user\nhello{END}{call}{END}<|im_start|>tool\n{{"ok":true}}{END}<|im_start|>user\n{said}{END}'
        grammar = 'root ::= [a-z]+ "{" [a-z]{0,6} "}"\n'
        ours, theirs = llamacpp.generate(prompt, grammar, 40), remote.generate(prompt, grammar, 40)
        assert theirs.text == ours.text
        assert theirs.tokens == ours.tokens
        assert theirs.logprobs == pytest.approx(ours.logprobs, abs=1e-4)
        assert theirs.prompt_tokens == ours.prompt_tokens
        assert theirs.finished == ours.finished


class Endpoint(HTTPServer):
    """A server with a queue of answers that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, str]] = []
        self.asked: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, body))
        status, text = self.server.answers.pop(0) if self.server.answers else (404, "{}")
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A running endpoint."""
    running = Endpoint()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def answer(text: str, finish_reason: str = "stop") -> tuple[int, str]:
    """A chat completion whose log-probabilities end with the end mark."""
    logged: list[dict[str, Any]] = [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []} for token in (text, END)]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": finish_reason,
        "logprobs": {"content": logged},
    }
    return 200, json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]})


@pytest.mark.parametrize(
    ("dialect", "field"), [("llamacpp", {"grammar": "root ::= x"}), ("vllm", {"structured_outputs": {"grammar": "root ::= x"}})]
)
def test_the_grammar_is_sent_in_the_servers_dialect(endpoint: Endpoint, dialect: Any, field: dict[str, Any]) -> None:
    endpoint.answers = [answer("done{}")]
    generation = RemoteEngine(endpoint.url, "r-1", "k", dialect=dialect).generate(PROMPT, "root ::= x", 7)
    assert (generation.text, generation.tokens, generation.logprobs) == ("done{}", ("done{}",), (-0.5,))
    path, body = endpoint.asked[0]
    sent = json.loads(body)
    assert path == "/v1/chat/completions"
    assert sent.items() >= {"model": "r-1", "temperature": 0.0, "logprobs": True, "stop": [END], **field}.items()
    assert sent["messages"] == [{"role": "user", "content": "move 13 snow chains"}]


@pytest.mark.parametrize(
    "reply", [(500, "{}"), (401, "{}"), (200, "not json"), (200, "{}"), (200, '{"choices": []}'), (200, '{"error": {}}')]
)
def test_whatever_the_server_does_is_a_model_error(endpoint: Endpoint, reply: tuple[int, str]) -> None:
    endpoint.answers = [reply]
    with pytest.raises(ModelError, match=f"r-1 at {endpoint.url}") as caught:
        RemoteEngine(endpoint.url, "r-1", "top-secret").generate(PROMPT, None, 7)
    assert "top-secret" not in str(caught.value)


def test_no_server_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="ConnectionError"):
        RemoteEngine("http://127.0.0.1:9/v1", "r-1", "k", timeout_s=2).generate(PROMPT, None, 7)


def test_a_limit_that_cut_off_shows_as_unfinished(endpoint: Endpoint) -> None:
    endpoint.answers = [answer("don", "length")]
    assert not RemoteEngine(endpoint.url, "m", "k").generate(PROMPT, None, 1).finished


def test_prompts_are_not_traced_even_where_the_environment_asks_for_it(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "k")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", endpoint.url)
    get_env_var.cache_clear()  # type: ignore[attr-defined]  # overloads hide that it is cached
    endpoint.answers = [answer("done{}")]
    RemoteEngine(endpoint.url, "m", "k").generate(PROMPT, None, 7)
    wait_for_all_tracers()
    get_env_var.cache_clear()  # type: ignore[attr-defined]
    assert [path for path, _ in endpoint.asked] == ["/v1/chat/completions"]


# Turns.

arguments = st.dictionaries(st.sampled_from(["note", "item"]), odd_text, max_size=2)
calls = st.lists(arguments.map(lambda found: ToolCall(name="add_note", arguments=found)), min_size=1, max_size=2).map(tuple)
message = st.one_of(
    st.builds(Message, role=st.sampled_from(["user", "tool", "assistant", "system"]), content=odd_text),
    st.builds(Message, role=st.just("assistant"), tool_calls=calls),
)


@given(messages=st.lists(message, max_size=6))
@settings(deadline=None)
def test_the_server_renders_parsed_turns_to_the_same_prompt(toolset: Toolset, messages: list[Message]) -> None:
    conversation = [*messages, Message(role="user", content="and now?")]
    prompt = render_prompt(toolset, conversation)
    assert render_template(parse_turns(prompt)) == prompt
    assert render_template(render_turns(toolset, conversation)) == prompt
    picked = render_prompt(toolset, conversation, {len(conversation): "add_note? note"})
    assert render_template(parse_turns(picked)) == picked != prompt
    said = [found for found in conversation if END not in json.dumps([call.arguments for call in found.tool_calls])]
    assert parse_turns(render_prompt(toolset, said)) == render_turns(toolset, said)


@pytest.mark.parametrize("prompt", ["", "hello", f"<|im_start|>user\nx{END}\n<|im_start|>assistant\n"])
def test_a_prompt_with_an_open_turn_is_refused(prompt: str) -> None:
    with pytest.raises(ModelError, match="whole turns only"):
        parse_turns(prompt)


def render_template(turns: list[dict[str, str]]) -> str:
    """As a server renders: https://huggingface.co/docs/transformers/chat_templating sets these two options."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(CHAT_TEMPLATE).render(messages=turns)


# Making things small.


def literal(text: str) -> str:
    """A GBNF literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'


def unmerged_logprobs(folder: Path, tokens: Sequence[str]) -> list[float]:
    """What transformers and PEFT, adapter kept apart, say of each token after the prompt."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "base")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder / "base"), folder / "adapter")
    prompt = tokenizer(PROMPT, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([prompt + [tokenizer.convert_tokens_to_ids(token.replace(" ", "Ġ")) for token in tokens]])
    with torch.inference_mode():
        scores = model(input_ids=ids).logits[0].log_softmax(-1)
    return [float(scores[at - 1, ids[0, at]]) for at in range(len(prompt), ids.shape[1])]
