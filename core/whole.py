"""Files that appear whole or not at all: written beside their place, then moved there in one step."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file whose folder is there, in UTF-8 where it is text; the one before stays until the new one is complete."""
    with _beside(file) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def opened_whole(file: Path) -> Iterator[TextIO]:
    """A stream of UTF-8 text, for what is written piece by piece; the file takes its place when the block ends without error."""
    with _beside(file) as partial, partial.open("w", encoding="utf-8") as stream:
        yield stream


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """Where to write; it becomes the file, or is gone where that fails."""
    partial = file.with_name(file.name + ".partial")
    try:
        yield partial
        partial.replace(file)
    except BaseException:
        with suppress(OSError):  # what went wrong is told, not that nothing could be cleared away
            partial.unlink()
        raise
