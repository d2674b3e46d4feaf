"""Training: what is learned, in which batches, and that the same seed gives the same adapter, interrupted or not."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerControl, TrainerState

import finetune.train
from core.artefacts import sha256_of
from core.chat import END, Segment, render_example
from core.errors import TrainingError
from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset
from finetune.train import (
    IGNORED,
    SparseLossTrainer,
    StopWhenWorse,
    TokenBudgetBatches,
    TokenRow,
    TrainingConfig,
    batch_tokens,
    last_checkpoint,
    tokenize,
    train_adapter,
)

TOOLSET = read_toolset("shop", [{"name": "move", "parameters": {"type": "object", "properties": {"item": {"type": "string"}}}}])
CONFIG = TrainingConfig(rank=4, alpha=4, epochs=3, max_length=256)


def example(item: str) -> Example:
    call = ToolCall(name="move", arguments={"item": item})
    messages = (
        Message(role="user", content=f"move the {item}"),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content='{"ok": true}'),
        Message(role="assistant", content="Done."),
    )
    steps = (Step(position=1, outcome="calls", calls=(call,)), Step(position=3, outcome="done"))
    return Example(trace_id=item, cluster=item, messages=messages, steps=steps)


@pytest.fixture(scope="module")
def tokenizer(tiny_llama: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_llama / "base")


@pytest.fixture(scope="module")
def rows(tokenizer: Any) -> list[TokenRow]:
    return [tokenize(render_example(TOOLSET, example(f"{'chair ' * (n % 7)}{n}")), tokenizer) for n in range(24)]


@pytest.fixture
def many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a step, so that an epoch has enough steps for checkpoints within it."""
    for name in ("BATCH_TOKENS", "MIN_BATCH_TOKENS"):
        monkeypatch.setattr(finetune.train, name, 60)


@pytest.mark.parametrize(("count", "length", "expected"), [(10, 50, 256), (400, 50, 500), (4000, 50, 1024)])
def test_few_rows_make_small_batches_and_many_steps(count: int, length: int, expected: int) -> None:
    assert batch_tokens([TokenRow(input_ids=(1,) * length, labels=(1,) * length)] * count) == expected


def texts(ids: Sequence[int], labels: Sequence[int], tokenizer: Any) -> list[str]:
    """The stretches with loss, as text."""
    learned: list[list[int]] = []
    for at, label in enumerate(labels):
        if label != IGNORED:
            assert label == ids[at]
            if at == 0 or labels[at - 1] == IGNORED:
                learned.append([])
            learned[-1].append(label)
    return [tokenizer.decode(stretch) for stretch in learned]


# what is learned


def test_exactly_calls_and_end_marks_are_learned(tokenizer: Any) -> None:
    row = tokenize(render_example(TOOLSET, example("oak chair")), tokenizer)
    assert texts(row.input_ids, row.labels, tokenizer) == ['move{"item":"oak chair"}' + END, "done{}" + END]
    whole = "".join(segment.text for segment in render_example(TOOLSET, example("oak chair")))
    assert tokenizer.decode(row.input_ids) == whole


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), st.booleans()), max_size=6))
@settings(max_examples=40, deadline=None)
def test_labels_are_the_tokens_of_segments_with_loss(tokenizer: Any, pieces: list[tuple[str, bool]]) -> None:
    row = tokenize([Segment(text, loss) for text, loss in pieces], tokenizer)
    assert len(row.input_ids) == len(row.labels)
    learned = [token for token, label in zip(row.input_ids, row.labels, strict=True) if label != IGNORED]
    expected = [token for text, loss in pieces if loss for token in tokenizer(text, add_special_tokens=False)["input_ids"]]
    assert learned == expected == [label for label in row.labels if label != IGNORED]


# batches


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 500), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_row_is_in_one_batch_within_the_budget(lengths: list[int], budget: int, seed: int, epoch: int) -> None:
    batches = TokenBudgetBatches(lengths, budget, seed)
    batches.set_epoch(epoch)
    made = list(batches)
    assert len(made) == len(batches)
    assert sorted(index for batch in made for index in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[i] for i in batch) <= budget for batch in made if len(batch) > 1)
    assert made == list(batches), "the order depends on seed and epoch only"


def test_another_epoch_or_seed_is_another_order() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = TokenBudgetBatches([10] * 40, 10, seed)
        batches.set_epoch(epoch)
        return list(batches)

    assert order(0, 0) != order(0, 1) != order(1, 1)


# loss


def test_the_sparse_loss_is_the_ordinary_one(tiny_llama: Path, rows: list[TokenRow]) -> None:
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_llama / "base"), tiny_llama / "adapter")
    width = max(len(row.input_ids) for row in rows)
    batch = {
        "input_ids": torch.tensor([[*row.input_ids, *[0] * (width - len(row.input_ids))] for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row.input_ids) + [0] * (width - len(row.input_ids)) for row in rows]),
        "labels": torch.tensor([[*row.labels, *[IGNORED] * (width - len(row.labels))] for row in rows]),
    }
    trainer: Any = SimpleNamespace(
        accelerator=SimpleNamespace(unwrap_model=lambda wrapped: wrapped), args=SimpleNamespace(bf16=False)
    )
    with torch.no_grad():
        ordinary = float(model(**batch).loss)
        sparse = float(SparseLossTrainer.compute_loss(trainer, model, dict(batch)))
        learned = int((batch["labels"][:, 1:] != IGNORED).sum())
        scaled = float(SparseLossTrainer.compute_loss(trainer, model, dict(batch), num_items_in_batch=2 * learned))
    assert math.isclose(sparse, ordinary, rel_tol=1e-4)
    assert math.isclose(scaled, ordinary / 2, rel_tol=1e-4)


# runs


class Killed(Exception):
    """In place of kill -9, where the test has to go on."""


def train(
    base: Path, rows: list[TokenRow], folder: Path, monkeypatch: Any = None, die_at: int | None = None, **config: Any
) -> str:
    """Train and name the adapter by its hash; `die_at` is the optimiser step after which the process "is killed"."""
    if die_at is not None:

        class Dies(StopWhenWorse):
            def on_step_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
                if state.global_step >= die_at:
                    raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(finetune.train, "StopWhenWorse", Dies)
            with pytest.raises(Killed):
                train_adapter(base, [rows], rows[:4], CONFIG.model_copy(update=config), folder)
        return ""
    train_adapter(base, [rows], rows[:4], CONFIG.model_copy(update=config), folder)
    return sha256_of(folder / "adapter" / "adapter_model.safetensors")


def test_the_same_seed_gives_the_same_adapter_and_another_seed_another(
    tiny_llama: Path, rows: list[TokenRow], tmp_path: Path
) -> None:
    first, again, other = (train(tiny_llama / "base", rows, tmp_path / name, epochs=1, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))  # fmt: skip
    assert first == again != other
    assert {file.name for file in (tmp_path / "a" / "adapter").iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    config = json.loads((tmp_path / "a" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] is None, "a path of one machine would be another release on each"
    modules = config["target_modules"]
    assert modules == sorted(modules), "PEFT writes a set, in an order that differs from process to process"


@pytest.mark.usefixtures("many_steps")
def test_an_interrupted_training_ends_with_the_same_adapter(
    tiny_llama: Path, rows: list[TokenRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = rows * 2
    base = tiny_llama / "base"
    undisturbed = train(base, many, tmp_path / "undisturbed")
    state = json.loads(
        (last_checkpoint(tmp_path / "undisturbed") or tmp_path / "none").joinpath("trainer_state.json").read_text()
    )
    per_epoch = round(state["global_step"] / state["epoch"])
    assert per_epoch >= 30, "or there is no checkpoint within an epoch"
    for die_at in (3, per_epoch, per_epoch + per_epoch // 2 + 5):
        folder = tmp_path / f"killed-{die_at}"
        train(base, many, folder, monkeypatch, die_at)
        assert train(base, many, folder) == undisturbed, f"killed after step {die_at} of {per_epoch} an epoch"


@pytest.mark.usefixtures("many_steps")
def test_a_training_that_stopped_early_stops_there_again(
    tiny_llama: Path, rows: list[TokenRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse(trainer: Any, *_: Any, **__: Any) -> Any:
        return torch.tensor(float(trainer.state.global_step)), None, None

    monkeypatch.setattr(SparseLossTrainer, "prediction_step", worse)
    base, config = tiny_llama / "base", {"epochs": 6}
    undisturbed = train(base, rows * 2, tmp_path / "a", **config)
    last = json.loads((tmp_path / "a" / "progress.jsonl").read_text().splitlines()[-1])
    assert last["epoch"] == 3, "the second and the third validation are worse than the first"
    with monkeypatch.context() as patched:
        patched.setattr(finetune.train, "_save_adapter", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            train(base, rows * 2, tmp_path / "b", **config)
    assert train(base, rows * 2, tmp_path / "b", **config) == undisturbed


@pytest.mark.parametrize(
    ("losses", "stops"),
    [([0.13, 0.16], False), ([0.13, 0.16, 0.12], False), ([0.13, 0.16, 0.14], True), ([0.2, 0.13, 0.16], False)],
)
def test_one_worse_validation_ends_no_training(losses: list[float], stops: bool) -> None:
    control = TrainerControl()
    state = TrainerState(log_history=[{"eval_loss": loss} for loss in losses])
    StopWhenWorse(TrainingConfig().patience, steps_per_epoch=43).on_evaluate(None, state, control)
    assert control.should_training_stop is stops


def test_a_half_written_checkpoint_is_passed_over(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step, state in ((20, "{}"), (100, "{}"), (120, '{"half'), (140, None)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


def test_training_on_nothing_names_the_writer_part(tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="writer part"):
        train_adapter(tiny_llama / "base", [[]], [], CONFIG, tmp_path)


def test_progress_is_one_line_a_log(tiny_llama: Path, rows: list[TokenRow], tmp_path: Path) -> None:
    result = train_adapter(tiny_llama / "base", [rows], rows[:2], CONFIG.model_copy(update={"epochs": 2}), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert {"step", "steps", "epoch", "loss"} <= lines[0].keys() and any("eval_loss" in line for line in lines)
    assert lines[-1]["step"] == result.steps
    assert result.epochs == 2 and result.tokens == 2 * sum(len(row.input_ids) for row in rows)
    assert result.validation_loss is not None and math.isfinite(result.train_loss)
