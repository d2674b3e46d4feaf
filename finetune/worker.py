"""The training process: reads its order from a file, trains, exports, and leaves everything in its folder.

A process of its own so that its memory is freed when it ends and so that it may be killed: it resumes from its last
checkpoint. Run as `python -m finetune.worker FOLDER [PARENT]`; when the process with that id is gone it ends too, so that
the next night does not meet it in the same folder.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from core.chat import render_example
from core.types.example import Example
from core.types.tool import Toolset
from core.types.value import Value
from finetune.dataset import thaw
from finetune.export import export_gguf
from finetune.train import TokenRow, TrainingConfig, tokenize, train_adapter

ORDER, RESULT = "order.json", "result.json"
_WATCH_S = 0.2


class Order(Value):
    """What to train."""

    base: Path
    """Folder in transformers format."""
    dataset: Path
    """A frozen dataset."""
    toolset: Toolset
    """What its calls are of."""
    config: TrainingConfig
    """How."""
    threads: int
    """CPU threads."""


def main(folder: Path) -> None:
    """Carry out the order in `folder`; `result.json` is written last."""
    import torch
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    order = Order.model_validate_json((folder / ORDER).read_text())
    torch.set_num_threads(order.threads)
    tokenizer = AutoTokenizer.from_pretrained(order.base)
    parts = thaw(order.dataset)

    def rows(examples: Sequence[Example]) -> list[TokenRow]:
        tokenized = [tokenize(render_example(order.toolset, example), tokenizer) for example in examples]
        return [row for row in tokenized if len(row.input_ids) <= order.config.max_length]

    writer = rows(parts.writer)
    result = train_adapter(order.base, writer, rows(parts.stop), order.config, folder)
    export_gguf(folder / "adapter", order.base / "config.json", folder / "adapter.gguf")
    report = {**result.model_dump(), "rows": len(writer), "too_long": len(parts.writer) - len(writer)}
    partial = folder / "result.partial"
    partial.write_text(json.dumps(report))
    partial.replace(folder / RESULT)


def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    if os.getppid() != parent:
        sys.exit(1)
    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _end_with(int(sys.argv[2]))
    main(Path(sys.argv[1]))
