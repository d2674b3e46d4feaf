"""Starts the training process, shows its progress, and brings its result home."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import TrainingAwaited, TrainingError
from finetune.order import ORDER, RESULT, Order

Progress = Callable[[dict[str, Any]], None]
_POLL_S = 0.5
_MIN_FREE_BYTES = 500 * 2**20


def train_in_child(order: Order, folder: Path, on_progress: Progress, elsewhere: bool = False) -> dict[str, Any]:
    """Train in a child process; a finished folder is not trained again, an interrupted one goes on.

    Args:
        order: What to train on, and how.
        folder: Of this training.
        on_progress: Told of every logged step.
        elsewhere: Only write the order; another machine carries it out (`nightschool train`).

    Returns:
        What `result.json` says.

    Raises:
        TrainingAwaited: `elsewhere`, and the result is not here yet.
        TrainingError: Too little disk, or the child failed; the message ends with its last words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if elsewhere and not (folder / RESULT).is_file():
        (folder / ORDER).write_text(order.model_dump_json())
        raise TrainingAwaited(
            f"the training waits in {folder.parent}: carry that folder to the machine that trains, run `nightschool train FOLDER`"
            " there, bring it back and repeat this command"
        )
    if not (folder / RESULT).is_file():
        free = shutil.disk_usage(folder).free
        if free < _MIN_FREE_BYTES:
            raise TrainingError(f"{folder}: only {free // 2**20} MiB free, training needs {_MIN_FREE_BYTES // 2**20} MiB")
        (folder / ORDER).write_text(order.model_dump_json())
        _run(folder, order.threads, on_progress)
    result: dict[str, Any] = json.loads((folder / RESULT).read_text())
    return result


def _run(folder: Path, threads: int, on_progress: Progress) -> None:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])),
    }
    _trim(folder / "progress.jsonl")
    log = folder / "training.log"
    with log.open("a") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "finetune.worker", str(folder), str(os.getpid())],
            stdout=output,
            stderr=output,
            env=environment,
            cwd=folder,
        )
        try:
            _follow(child, folder / "progress.jsonl", on_progress)
        except BaseException:
            child.kill()
            child.wait()
            raise
    if child.returncode or not (folder / RESULT).is_file():
        words = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise TrainingError(f"the training process ended with {child.returncode}: {' | '.join(words)[-600:]} (see {log})")


def _trim(file: Path) -> None:
    """Cut off the half line that a killed training may have left."""
    if file.is_file():
        written = file.read_bytes()
        file.write_bytes(written[: written.rfind(b"\n") + 1])


def _follow(child: "subprocess.Popen[bytes]", file: Path, on_progress: Progress) -> None:
    position = file.stat().st_size if file.is_file() else 0
    while True:
        ended = child.poll() is not None
        if file.is_file():
            with file.open() as stream:
                stream.seek(position)
                for line in stream:
                    if line.endswith("\n"):
                        position += len(line.encode())
                        on_progress(json.loads(line))
        if ended:
            return
        time.sleep(_POLL_S)
