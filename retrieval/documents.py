"""Documents: Markdown pages as they are read from a folder, with what their first lines say of version and validity."""

import os
import re
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from posixpath import dirname, join, normpath

from core.errors import BadInput
from core.types.value import Value, content_hash

SUFFIXES = (".md", ".markdown", ".txt")
MOST_BYTES = 20 * 2**20
"""A larger file is no page."""
_TITLE = re.compile(r"^\s*#\s+(.+?)\s*#*\s*$", re.MULTILINE)
_VALID = re.compile(r"(?:^|[·|;,.(])[ \t*_-]*valid from:?[ \t*_|]*(\d{4}-\d{2}-\d{2})", re.IGNORECASE | re.MULTILINE)
"""Where it stands by itself: "new prices are valid from 2031-01-01" is a sentence of a page that holds today."""
_VERSION = re.compile(r"\bversion:?\s*([\w.]+)", re.IGNORECASE)
_SUPERSEDED = re.compile(
    r"(?:^|[·|;,.])[ \t*_-]*superseded by:?[ \t*_`]*(?:\[[^\]\n]*\]\(([^)\s]+)|(\S+))", re.IGNORECASE | re.MULTILINE
)
_FENCE = re.compile(r"\s*(`{3,}(?=[^`]*$)|~{3,})\s*(.*)")
_NO_PAGE = ("none", "nothing", "n/a", "na", "tbd")
EMPTY = "empty_page"
"""Code of the error for a page that says nothing."""
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
    """The page that holds instead, as the page says: whether there is one of that name is another question (`named_by`)."""


def read_document(file: Path, root: Path) -> Document:
    """Read one page; bytes that are not UTF-8 are read as Windows-1252, what is neither becomes a replacement sign.

    Raises:
        BadInput: Empty (its code is `EMPTY`), too large, not text, or of a name that is not; names the file.
    """
    name = page_name(file, root)
    if name != file.relative_to(root).as_posix():
        raise BadInput(f"{name}: a file name that is not UTF-8")
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
        BadInput: Nothing but white space; its code is `EMPTY`.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if not text.strip():
        raise BadInput(f"{name}: empty", code=EMPTY)
    head = text[:_HEAD_CHARACTERS]
    title, version, superseded = _TITLE.search(without_code(text)), _VERSION.search(head), _SUPERSEDED.search(head)
    return Document(
        name=name,
        title=title[1] if title else Path(name).stem.replace("-", " ").replace("_", " "),
        text=text,
        digest=content_hash([name, text], length=32),
        version=version[1] if version else None,
        valid_from=_day(head),
        superseded_by=_page_in(superseded[1] or superseded[2]) if superseded else None,
    )


def _page_in(said: str) -> str | None:
    """The page a field names; what its author wrote for "no page" is none."""
    page = said.rstrip(".,;")
    return page if re.search(r"\w", page) and page.casefold() not in _NO_PAGE else None


def page_name(file: Path, root: Path) -> str:
    """What a page is called: its path relative to the folder it is read from; bytes of it that are not UTF-8 as escapes."""
    return printable(file.relative_to(root).as_posix())


def printable(path: str) -> str:
    """A path in characters that can be shown and stored."""
    return os.fsencode(path).decode(errors="backslashreplace")


def named_by(said: str, page: str, names: Collection[str]) -> str | None:
    """Which of some pages another one speaks of; None where none of them is meant.

    Args:
        said: As the page says: a path from its own folder or from the top, with or without the suffix.
        page: The name of the page that says so; it never means itself.
        names: Of the pages there are.
    """
    bare = said.partition("#")[0].lstrip("`*_\"'<").rstrip("`*_\"'>.,;")
    paths = (normpath(join(dirname(page), bare)), normpath(bare.lstrip("/")))
    found = (path + suffix for path in paths for suffix in ("", *SUFFIXES) if bare)
    return next((name for name in found if name in names and name != page), None)


def lines_of(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to code between fences, the fences among it; an open one lasts to the end.

    Source: CommonMark 0.31, "Fenced code blocks"; fences may be indented by any width here, as those in lists are.
    """
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.fullmatch(line)
        yield line, bool(fence or found)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2]:
            fence = ""


def without_code(text: str) -> str:
    """A page without the code between fences, where `#` begins a comment and `1.` no step; its lines are blank."""
    return "\n".join("" if is_code else line for line, is_code in lines_of(text))


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
