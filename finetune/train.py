"""Training: a LoRA adapter on the frozen base, by TRL's `SFTTrainer` and PEFT.

What differs from the documented defaults, and why (measured on two CPU cores, `docs/measured.md`): the loss is computed
only where there is loss, so the vocabulary-wide logits exist for a fifth of the tokens; batches hold rows of like
length, so nothing is padded away; the frozen base is held in bfloat16 where the CPU multiplies it natively. Everything
runs in a child process (`finetune/worker.py`): memory is freed when it ends, and it may be killed at any time.
"""

import json
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Sampler
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, TrainerControl, TrainerState
from trl import SFTConfig, SFTTrainer

from core.chat import Segment
from core.errors import TrainingError
from core.types.value import Value
from finetune.order import TrainingConfig

LORA_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
IGNORED = -100
BATCH_TOKENS = 1024
"""Padded tokens a step, at most: about 16 short conversations; memory and time a step stay even."""
MIN_BATCH_TOKENS = 256
STEPS_AN_EPOCH = 40
"""With few rows batches are smaller, down to the least, so that an epoch has about so many steps."""


class TokenRow(Value):
    """One conversation as tokens."""

    input_ids: tuple[int, ...]
    """(seq,)"""
    labels: tuple[int, ...]
    """(seq,); `IGNORED` where nothing is learned."""


class TrainingResult(Value):
    """What a training did."""

    tokens: int
    """Tokens seen, all epochs."""
    steps: int
    """Optimiser steps."""
    seconds: float
    """Wall time of this process's part."""
    tokens_per_s: float
    """Speed of this process's part."""
    train_loss: float
    """Mean cross entropy per learned token, last logged."""
    validation_loss: float | None
    """Best one; None without validation rows."""
    epochs: float
    """Epochs seen."""


def tokenize(segments: Sequence[Segment], tokenizer: Any) -> TokenRow:
    """Tokens of a rendered conversation; every segment is tokenized apart, so the mask falls on exact boundaries."""
    ids: list[int] = []
    labels: list[int] = []
    for segment in segments:
        piece = tokenizer(segment.text, add_special_tokens=False)["input_ids"]
        ids.extend(piece)
        labels.extend(piece if segment.loss else [IGNORED] * len(piece))
    return TokenRow(input_ids=tuple(ids), labels=tuple(labels))


def has_fast_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 natively (AMX or AVX512-BF16)."""
    capability = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return bool(capability)


def compute_device(model: Any) -> str:
    """Device type the model computes on, `cpu` or `cuda`."""
    return str(next(model.parameters()).device.type)


class TokenBudgetBatches(Sampler[list[int]]):
    """Batches of rows of like length holding at most `budget` padded tokens, in a seeded new order each epoch.

    A data set may hold its rows several times over, in variants of about the same length: epoch after epoch the next variant
    is drawn, in the same batches, so that an epoch has as many steps as another.
    """

    def __init__(self, lengths: Sequence[int], budget: int, seed: int, shuffle: bool = True, variants: int = 1) -> None:
        self._rows, self._variants = len(lengths) // variants, variants
        self._batches = _fill_batches(lengths[: self._rows], budget)
        self._seed, self._shuffle, self._epoch = seed, shuffle, 0

    def __len__(self) -> int:
        return len(self._batches)

    def set_epoch(self, epoch: int) -> None:
        """The order depends on seed and epoch only, so a resumed run sees the same batches."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        batches = list(self._batches)
        if self._shuffle:
            random.Random(f"{self._seed}/{self._epoch}").shuffle(batches)
        first = self._epoch % self._variants * self._rows
        return iter([[first + row for row in batch] for batch in batches])


def _fill_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * lengths[index] <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def batch_tokens(rows: Sequence[TokenRow]) -> int:
    """Padded tokens a step for these rows."""
    tokens = sum(len(row.input_ids) for row in rows)
    return max(MIN_BATCH_TOKENS, min(BATCH_TOKENS, tokens // STEPS_AN_EPOCH))


class EpochLoader(DataLoader[Any]):
    """A loader that tells its batches which epoch it is, as the trainer expects."""

    def set_epoch(self, epoch: int) -> None:
        """Pass the epoch on."""
        if isinstance(self.batch_sampler, TokenBudgetBatches):
            self.batch_sampler.set_epoch(epoch)


class SparseLossTrainer(SFTTrainer):
    """`SFTTrainer` whose logits exist only at positions with loss."""

    variants = 1
    """How many times over, in variants, the training set holds its rows."""
    budget = BATCH_TOKENS
    """Padded tokens a training step."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean cross entropy over learned tokens; shapes: hidden (batch, seq, width) → kept (learned, vocab)."""
        labels = inputs.pop("labels")
        causal = self.accelerator.unwrap_model(model).get_base_model()
        learned = labels[:, 1:] != IGNORED
        # The trainer wraps only the outer forward in autocast; the inner one is called here, so it is wrapped here.
        with torch.autocast(compute_device(causal), torch.bfloat16, enabled=self.args.bf16):
            hidden = causal.model(**{k: inputs[k] for k in ("input_ids", "attention_mask")}, use_cache=False).last_hidden_state
            logits = causal.lm_head(hidden[:, :-1][learned]).float()
        total = cross_entropy(logits, labels[:, 1:][learned], reduction="sum")
        loss = total / (num_items_in_batch if num_items_in_batch is not None else learned.sum())
        return (loss, {"logits": logits.detach()[:0]}) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None) -> Any:
        """Loss only."""
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.compute_loss(model, dict(self._prepare_inputs(inputs))).detach(), None, None

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches by token budget, shuffled."""
        return self._loader(self.train_dataset, self.budget, shuffle=True, variants=self.variants)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Batches by token budget, in order."""
        return self._loader(eval_dataset if eval_dataset is not None else self.eval_dataset, BATCH_TOKENS, shuffle=False)

    def _loader(self, dataset: Any, budget: int, shuffle: bool, variants: int = 1) -> DataLoader[Any]:
        lengths = [len(ids) for ids in dataset["input_ids"]]
        batches = TokenBudgetBatches(lengths, budget, self.args.seed, shuffle, variants)
        return EpochLoader(dataset, batch_sampler=batches, collate_fn=self.data_collator)


class ProgressWriter(TrainerCallback):
    """Writes one JSON line of progress whenever something is logged, for the parent process's progress bar."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any) -> None:
        """Append step, of how many, epoch, losses."""
        line = {"step": state.global_step, "steps": state.max_steps, "epoch": state.epoch, **(logs or {})}
        with self._file.open("a") as stream:
            stream.write(json.dumps(line, default=float) + "\n")


class StopWhenWorse(TrainerCallback):
    """Stops after `patience` epochs without a better validation loss.

    A checkpoint at the end of an epoch is kept back until its validation is over, and left out where that ends the training:
    a training that goes on from a checkpoint then stops exactly where an undisturbed one does.
    """

    def __init__(self, patience: int, steps_per_epoch: int) -> None:
        self._patience, self._steps_per_epoch = patience, steps_per_epoch

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Put a checkpoint due with an epoch's last step off."""
        if state.global_step % self._steps_per_epoch == 0:
            control.should_save = False

    def on_epoch_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Ask for a checkpoint; the trainer validates before it writes one."""
        control.should_save = True

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, metrics: Any = None, **kwargs: Any) -> None:
        """Ask the trainer to stop when the best of the last `patience` + 1 evaluations is the oldest."""
        losses = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
        if len(losses) > self._patience and min(losses[-self._patience :]) > min(losses[: -self._patience]):
            control.should_training_stop = True
            control.should_save = False


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint in a folder; one whose writing was interrupted lacks `trainer_state.json`, written last."""
    steps = {int(file.name.removeprefix("checkpoint-")): file for file in folder.glob("checkpoint-*")}
    return next((steps[step] for step in sorted(steps, reverse=True) if _is_whole(steps[step])), None)


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text())
    except (OSError, ValueError):
        return False
    return True


def train_adapter(
    base: Path,
    variants: Sequence[Sequence[TokenRow]],
    validation: Sequence[TokenRow],
    config: TrainingConfig,
    folder: Path,
    start: Path | None = None,
) -> TrainingResult:
    """Train a LoRA adapter, resuming from the last checkpoint in `folder` if there is one.

    Args:
        base: Folder of a transformers causal LM in safetensors.
        variants: Training conversations in one or several variants, row by row the same; each epoch takes the next variant.
        validation: Conversations for early stopping; may be empty.
        config: How to train.
        folder: Checkpoints, `progress.jsonl` and, at the end, `adapter/` (PEFT format) go here.
        start: An adapter to train on from; None starts anew.

    Returns:
        Counts and losses.

    Raises:
        TrainingError: No rows, or the loss became NaN.
    """
    if not variants or not variants[0]:
        raise TrainingError("nothing to train on: no row of the writer part is left")
    rows = variants[0]
    torch.manual_seed(config.seed)
    model = _wrap(_load_base(base), config, start)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokens = sum(len(row.input_ids) for row in rows)
    trainer = SparseLossTrainer(
        model=model,
        args=_arguments(config, folder, _steps(rows), bool(validation)),
        train_dataset=_dataset([row for variant in variants for row in variant]),
        eval_dataset=_dataset(validation) if validation else None,
        processing_class=tokenizer,
        callbacks=[ProgressWriter(folder / "progress.jsonl"), StopWhenWorse(config.patience, _steps(rows))],
    )
    trainer.variants, trainer.budget = len(variants), batch_tokens(rows)
    checkpoint = last_checkpoint(folder)
    outcome = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if not math.isfinite(outcome.training_loss):
        raise TrainingError(f"the loss became {outcome.training_loss}: lower the learning rate (now {config.learning_rate})")
    _save_adapter(trainer.model, folder / "adapter")
    best = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    done_before = int(checkpoint.name.removeprefix("checkpoint-")) if checkpoint else 0
    here = tokens * (trainer.state.epoch or 0) * (1 - done_before / max(1, trainer.state.global_step))
    return TrainingResult(
        tokens=round(tokens * (trainer.state.epoch or 0)),
        tokens_per_s=here / max(outcome.metrics["train_runtime"], 1e-6),
        steps=trainer.state.global_step,
        seconds=outcome.metrics["train_runtime"],
        train_loss=outcome.training_loss,
        validation_loss=min(best) if best else None,
        epochs=trainer.state.epoch or 0,
    )


def _save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter in float16, which is what is served, and so that the same weights are the same files: PEFT writes sets in
    any order, the base's path on this machine, and a card nobody reads; a release's record names its base."""
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)
    weights = folder / "adapter_model.safetensors"
    save_file({name: values.half() for name, values in load_file(weights).items()}, weights, metadata={"format": "pt"})
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    same_anywhere = {"target_modules": sorted(config["target_modules"]), "base_model_name_or_path": None}
    file.write_text(json.dumps({**config, **same_anywhere}, indent=2, sort_keys=True))


def _load_base(base: Path) -> Any:
    """The frozen base. Attention is spelled out: the fused backward is slow for short rows on CPU, and on an H200 it made the
    loss of a padded batch NaN."""
    on_gpu = torch.cuda.is_available()
    return AutoModelForCausalLM.from_pretrained(
        base,
        dtype=torch.bfloat16 if on_gpu or has_fast_bf16() else torch.float32,
        use_safetensors=True,
        attn_implementation="eager",
        **(_four_bit(base) if on_gpu else {}),
    )


def _four_bit(base: Path) -> dict[str, Any]:
    """QLoRA (Dettmers et al. 2023) where the weights, in bfloat16, would fill more than a third of the GPU; not run here."""
    weights = sum(file.stat().st_size for file in base.glob("*.safetensors"))
    free, _ = torch.cuda.mem_get_info()
    if weights < free / 3:
        return {}
    from transformers import BitsAndBytesConfig

    nf4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    return {"quantization_config": nf4}


def _wrap(model: Any, config: TrainingConfig, start: Path | None) -> PeftModel:
    if start is not None:
        return PeftModel.from_pretrained(model, start, is_trainable=True, autocast_adapter_dtype=True)
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        target_modules=list(LORA_MODULES),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)


def _dataset(rows: Sequence[TokenRow]) -> Dataset:
    return Dataset.from_dict({"input_ids": [list(row.input_ids) for row in rows], "labels": [list(row.labels) for row in rows]})


def _steps(rows: Sequence[TokenRow]) -> int:
    """Optimiser steps an epoch."""
    return len(_fill_batches([len(row.input_ids) for row in rows], batch_tokens(rows)))


def _arguments(config: TrainingConfig, folder: Path, steps_per_epoch: int, validates: bool) -> SFTConfig:
    return SFTConfig(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, round(config.warmup_ratio * steps_per_epoch * config.epochs)),
        weight_decay=0.0,
        max_grad_norm=1.0,
        max_length=None,
        seed=config.seed,
        bf16=has_fast_bf16() or torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        activation_checkpointing=False,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        eval_strategy="epoch" if validates else "no",
        save_strategy="steps",
        save_steps=max(20, steps_per_epoch // 2),
        save_total_limit=1,
        logging_steps=max(1, steps_per_epoch // 40),
        report_to=[],
        disable_tqdm=True,
        accelerator_config={"dispatch_batches": False},
    )
