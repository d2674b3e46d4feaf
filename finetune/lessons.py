"""Lessons: what the writer is taught, each training row with the picker's guess before every step it teaches."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from agents.picker import pick_text
from core.types.example import Example
from core.types.tool import Toolset
from core.types.value import Value
from core.whole import write_whole
from finetune.fit import PickerFold
from finetune.join import Joiner


class Lesson(Value):
    """A conversation to learn from, with what the picker said of it."""

    example: Example
    """The conversation."""
    picks: dict[int, str] = Field(default_factory=dict)
    """The picker's words by the position of the step they stand before."""


def prepare_lessons(
    toolset: Toolset, wanted: Sequence[Example], cross_fitted: Sequence[PickerFold], joiner: Joiner
) -> list[Lesson]:
    """Lessons for the wanted examples and for joined ones, with picks of pickers that saw none of their rows.

    Args:
        toolset: What the calls are of.
        wanted: The examples to teach; each is in one of the folds.
        cross_fitted: Folds with pickers.
        joiner: Makes rows of two wishes of them.
    """
    lessons: list[Lesson] = []
    for fold in cross_fitted:
        examples = fold.taken(wanted, joiner)
        if not examples:
            continue
        keys = [(example, step.position) for example in examples for step in example.steps]
        picks = fold.picker.pick_all([example.messages[:position] for example, position in keys])
        said: dict[str, dict[int, str]] = {}
        for (example, position), pick in zip(keys, picks, strict=True):
            said.setdefault(example.trace_id, {})[position] = pick_text(toolset, pick)
        lessons.extend(Lesson(example=example, picks=said[example.trace_id]) for example in examples)
    return lessons


def write_lessons(lessons: Sequence[Lesson], file: Path) -> None:
    """Write JSON Lines; the file appears whole or not at all."""
    write_whole(file, "".join(lesson.model_dump_json() + "\n" for lesson in lessons))


def read_lessons(file: Path) -> list[Lesson]:
    """Read back what `write_lessons` wrote."""
    return [Lesson.model_validate_json(line) for line in file.read_text().split("\n") if line]
