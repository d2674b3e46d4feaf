"""What a night is asked for, and what comes of it."""

from typing import Any

from core.types.case import Case
from core.types.message import Message
from core.types.value import Value
from finetune.audit_sample import Audit
from finetune.plan import Limits

NO_EXAM = (Case(messages=(Message(role="user", content="good morning"),), outcome="none"),)
"""For who judges by other means: a night's own exam takes minutes, and a seventh of the rows."""


class NightOrder(Value):
    """What a person or the schedule asks for."""

    toolset: str
    """Which toolset to train."""
    base: str = "small"
    """Recipe, path or hub name."""
    seed: int = 0
    """Of split, weights, batches."""
    limits: Limits = Limits()
    """Epochs, rows, minutes, tokens."""
    rank: int | None = None
    """LoRA rank, that is the adapter's size; None as `TrainingConfig` has it."""
    learning_rate: float | None = None
    """Peak learning rate; None as the base has it."""
    continued: bool = False
    """Whether the champion's adapter is trained on, which a little new signal needs few tokens for; else one is trained anew."""
    same_weights: bool = False
    """Whether the champion's adapter is kept and only what stands around it learned anew (`finetune/same_weights.py`)."""
    reviewer: bool = True
    """Whether a reviewer is fitted; without one the release answers by its first drafts."""
    swaps: bool = True
    """Whether rows are also learned with other names, ids and amounts (`finetune/augment.py`)."""
    joins: bool = True
    """Whether picker and writer are taught rows of two wishes made of rows of one (`finetune/join.py`)."""
    promote: bool = True
    """Whether a passed release becomes champion at once."""
    filtered: bool = True
    """Whether the harvest is curated; else all of it is learned as it is, which is what curation is compared with."""
    exam: tuple[Case, ...] | None = None
    """An exam handed in (benchmarks); None takes the golden set, or cuts one from the conversations."""


class NightResult(Value):
    """What came of it."""

    release: str
    """Its id; refused releases are kept too."""
    promoted: bool
    """Whether it is champion now."""
    passed: bool
    """What the gate said."""
    reason: str
    """The gate's sentence."""
    warnings: tuple[str, ...]
    """What a person should know."""
    report: str
    """Path of the HTML report."""
    seconds: float
    """Wall time of this run."""
    rows: dict[str, int]
    """Conversations by part, and dropped."""
    exam: dict[str, Any]
    """Summaries: `candidate`, `base` or `champion`."""
    plan: str
    """What was planned, in words."""
    folder: str
    """Where the night keeps its steps."""
    audit: Audit
    """How many acceptances are false, as far as the audit sample tells."""
