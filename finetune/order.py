"""The order a night gives to its training process: what to train on, and how."""

from pathlib import Path

from core.types.tool import Toolset
from core.types.value import Value
from tools.kinds import KindTable

ORDER, RESULT = "order.json", "result.json"
"""In a training's folder: what was ordered, and what came of it."""


class TrainingConfig(Value):
    """How to train; part of the identity of what comes out."""

    rank: int = 32
    """LoRA rank."""
    alpha: int = 32
    """LoRA scale times rank."""
    learning_rate: float = 1e-3
    """Peak; cosine decay to zero after warm-up."""
    warmup_ratio: float = 0.04
    """Share of steps spent warming up."""
    epochs: float = 4.0
    """Passes over the rows, at most."""
    max_length: int = 1024
    """Tokens; longer rows are counted and left out."""
    swaps: bool = True
    """Whether every epoch after the first puts other names, ids and amounts into the rows (`finetune/augment.py`)."""
    joined: float = 0.15
    """Rows of two wishes made of rows of one (`finetune/join.py`), as a share of the rows; 0 makes none."""
    bare: float = 0.08
    """Share of rows without marks, and share without picks."""
    patience: int = 2
    """Epochs without a better validation loss before stopping. One says little: what is stopped while the rate is high was not
    taught to an end, and few rows judge it."""
    seed: int = 0
    """Of initial weights and batch order."""


class Order(Value):
    """What to train."""

    base: Path
    """Folder in transformers format."""
    lessons: Path
    """What the writer learns; this and `stop` are relative to the training's folder, so that a night can be carried elsewhere."""
    stop: Path
    """What early stopping looks at, in the same form."""
    start: Path | None = None
    """An adapter to train on from, relative as the lessons are; None starts anew."""
    toolset: Toolset
    """What its calls are of."""
    table: KindTable
    """Kinds inferred from the dataset."""
    config: TrainingConfig
    """How."""
    threads: int
    """CPU threads."""
