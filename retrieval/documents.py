"""Documents: Markdown pages as they are read from a folder, with what their first lines say of version and validity."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from core.errors import BadInput
from core.types.value import Value, content_hash

SUFFIXES = (".md", ".markdown", ".txt")
MOST_BYTES = 20 * 2**20
"""A larger file is no page."""
_TITLE = re.compile(r"^\s*#\s+(.+?)\s*#*\s*$", re.MULTILINE)
_VALID = re.compile(r"\bvalid from:?\s*(\d{4}-\d{2}-\d{2})", re.IGNORECASE)
_VERSION = re.compile(r"\bversion:?\s*([\w.]+)", re.IGNORECASE)
_SUPERSEDED = re.compile(r"(?:^|[·|;,.])[ \t*_-]*superseded by:?[ \t*_`]*(\S+)", re.IGNORECASE | re.MULTILINE)
_HEAD_CHARACTERS = 600
"""Where a page says what version it is."""


class Document(Value):
    """One page."""

    name: str
    """Path relative to the folder it was read from, with forward slashes."""
    title: str
    """First heading, else made of the file's name."""
    text: str
    """All of it, line ends as `\\n`."""
    digest: str
    """Of name and text: the same digest is the same page."""
    version: str | None = None
    """As the page says."""
    valid_from: date | None = None
    """From which day on it holds."""
    superseded_by: str | None = None
    """The page that holds instead."""


def read_document(file: Path, root: Path) -> Document:
    """Read one page; bytes that are not UTF-8 are read as Windows-1252, what is neither becomes a replacement sign.

    Raises:
        BadInput: Empty, too large, or not text; names the file.
    """
    name = file.relative_to(root).as_posix()
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise BadInput(f"{name}: {size / 2**20:.0f} MiB: a page has at most {MOST_BYTES // 2**20} MiB; cut it into several")
    text = _decoded(file.read_bytes())
    if "\x00" in text:
        raise BadInput(f"{name}: not a text: it holds null characters")
    return make_document(name, text)


def make_document(name: str, text: str) -> Document:
    """A page from its text.

    Raises:
        BadInput: Nothing but white space.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if not text.strip():
        raise BadInput(f"{name}: empty")
    head = text[:_HEAD_CHARACTERS]
    title, version, superseded = _TITLE.search(text), _VERSION.search(head), _SUPERSEDED.search(head)
    return Document(
        name=name,
        title=title[1] if title else Path(name).stem.replace("-", " ").replace("_", " "),
        text=text,
        digest=content_hash([name, text], length=32),
        version=version[1] if version else None,
        valid_from=_day(head),
        superseded_by=superseded[1].strip(".,;") if superseded else None,
    )


def pages_in(folder: Path) -> Iterator[Path]:
    """Every page under a folder, in order of name; hidden ones are left out.

    Raises:
        BadInput: Not a folder.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: not a folder")
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        if file.suffix.lower() in SUFFIXES and file.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield file


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _day(head: str) -> date | None:
    found = _VALID.search(head)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
