"""Files that appear whole or not at all: written beside their place, then moved there in one step."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file whose folder is there, in UTF-8 where it is text; the one before stays until the new one is complete."""
    partial = _beside(file)
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.replace(file)


@contextmanager
def opened_whole(file: Path) -> Iterator[TextIO]:
    """A stream of UTF-8 text, for what is written piece by piece; the file takes its place when the block ends without error."""
    partial = _beside(file)
    with partial.open("w", encoding="utf-8") as stream:
        yield stream
    partial.replace(file)


def _beside(file: Path) -> Path:
    return file.with_name(file.name + ".partial")
