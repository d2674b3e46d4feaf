"""Asking a teacher many things: what was asked is kept as soon as it is answered, and an interrupted round goes on."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from agents.retention import TAUGHT
from core.errors import BadInput, ModelError
from core.types.value import content_hash
from finetune.kept_lines import kept_lines
from finetune.progress import Progress

_PATIENCE = 3
"""Failures in a row after which the teacher is taken to be away."""


class Asking:
    """What one teacher was asked, and what it answered."""

    def __init__(self, nights: Path, made_of: Sequence[str]) -> None:
        """Read what is kept.

        Args:
            nights: Folder of the nights.
            made_of: What the answers hang on besides the question, such as who is asked, for what and of which tools.
        """
        self._file = nights / f"{TAUGHT}{content_hash(['asked', *made_of])}.jsonl"
        self.known: dict[str, bool] = dict(json.loads(line) for line in kept_lines(self._file))
        """Whether the answer was of use, by key; what it was is kept by who asked, as traces, and forgotten with these."""

    def ask(self, keys: Sequence[str], answer: Callable[[str], None], progress: Progress) -> tuple[str, ...]:
        """Ask what is not known yet; stops where the teacher seems to be away.

        Args:
            keys: Of the questions.
            answer: Gets the answer to one and keeps it; `BadInput` where it is of no use, `ModelError` where there is none.
            progress: Told of every answer.

        Returns:
            Why questions have no answer; the last few.
        """
        waiting, failures, in_a_row = [key for key in keys if key not in self.known], list[str](), 0
        for number, key in enumerate(waiting, 1):
            try:
                answer(key)
                self._keep(key, True)
                in_a_row = 0
            except BadInput as error:
                failures.append(str(error))
                self._keep(key, False)
                in_a_row = 0
            except ModelError as error:
                failures.append(str(error))
                in_a_row += 1
                if in_a_row == _PATIENCE:
                    break
            progress.update(number, len(waiting), f"{len(failures)} failed" if failures else "")
        return tuple(failures[-_PATIENCE:])

    def _keep(self, key: str, useful: bool) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([key, useful]) + "\n")
        self.known[key] = useful
