"""The training process: reads its order from a file, trains, exports, and leaves everything in its folder.

A process of its own so that its memory is freed when it ends and so that it may be killed: it resumes from its last
checkpoint. Run as `python -m finetune.worker FOLDER [PARENT]`; when the process with that id is gone it ends too, so that
the next night does not meet it in the same folder.
"""

import json
import math
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from core.chat import render_example
from core.whole import write_whole
from finetune.augment import Swapper
from finetune.export import export_gguf
from finetune.lessons import Lesson, read_lessons
from finetune.order import ORDER, RESULT, Order
from finetune.train import TokenRow, tokenize, train_adapter
from tools.marks import AT_NIGHT, Marker

_WATCH_S = 0.2


def main(folder: Path) -> None:
    """Carry out the order in `folder`; `result.json` is written last."""
    import torch
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    order = Order.model_validate_json((folder / ORDER).read_text())
    order = order.model_copy(update={"lessons": folder / order.lessons, "stop": folder / order.stop})
    torch.set_num_threads(order.threads)
    tokenizer = AutoTokenizer.from_pretrained(order.base)
    reader = LessonReader(order, tokenizer)
    lessons, stop = read_lessons(order.lessons), read_lessons(order.stop)
    variants = [[reader.row(lesson, number) for lesson in lessons] for number in range(reader.variants)]
    fitting = [i for i in range(len(lessons)) if max(len(rows[i].input_ids) for rows in variants) <= order.config.max_length]
    validation = [row for row in map(reader.row, stop) if len(row.input_ids) <= order.config.max_length]
    training = [[rows[i] for i in fitting] for rows in variants]
    start = folder / order.start if order.start is not None else None
    result = train_adapter(order.base, training, validation, order.config, folder, start)
    export_gguf(folder / "adapter", order.base / "config.json", folder / "adapter.gguf")
    report = {**result.model_dump(), "rows": len(fitting), "too_long": len(lessons) - len(fitting)}
    write_whole(folder / RESULT, json.dumps(report))


class LessonReader:
    """Turns lessons into tokens: as they are, and in variants with other values."""

    def __init__(self, order: Order, tokenizer: Any) -> None:
        self._order, self._tokenizer = order, tokenizer
        self._marker = Marker(order.toolset, order.table, AT_NIGHT)
        training = [lesson.example for lesson in read_lessons(order.lessons)]
        self._swapper = Swapper(order.toolset, order.table, training, order.config.seed)

    @property
    def variants(self) -> int:
        """How many variants of the rows there are: one an epoch, where values are swapped."""
        return math.ceil(self._order.config.epochs) if self._order.config.swaps else 1

    def row(self, lesson: Lesson, variant: int = 0) -> TokenRow:
        """Tokens of one lesson; variant 0 is the conversation as it was said.

        A few rows go without marks or picks, so that the writer can do without either.
        """
        example = self._swapper.variant(lesson.example, variant) if variant else lesson.example
        chance = random.Random(f"{self._order.config.seed}/{variant}/{example.trace_id}")
        if chance.random() >= self._order.config.bare:
            example = example.model_copy(update={"messages": self._marker.mark(example.messages)})
        picks = lesson.picks if chance.random() >= self._order.config.bare else {}
        return tokenize(render_example(self._order.toolset, example, picks), self._tokenizer)


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
