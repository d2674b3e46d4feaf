"""Passages: a page cut where its sections and paragraphs end, each with the headings it stands under."""

import re
from collections.abc import Iterable, Iterator

from core.types.value import Value
from retrieval.documents import Document, lines_of

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
MOST_CHARACTERS = 900
"""Of a passage; the sentence encoder reads the first half (128 tokens) and every sentence by itself."""
_FEWEST_CHARACTERS = 9
"""Of a sentence that says something."""
_RULE = re.compile(r"[|\s:*_-]+")
"""The line under a table's head, or across a page."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9“\"'(])")


class Passage(Value):
    """A part of a page, found as one."""

    document: str
    """Name of its page."""
    heading: str
    """Headings it stands under, the page's title first: "Returns › Deadlines"."""
    text: str
    """Verbatim from the page, outer white space apart."""
    position: int
    """Which of its page it is, from 0."""

    @property
    def titled(self) -> str:
        """What is embedded and searched: the headings say what the text is about."""
        return f"{self.heading}\n{self.text}"

    @property
    def sentences(self) -> list[str]:
        """Sentences, items and table rows of it, each after the heading it stands under."""
        under = self.heading.split(" › ")[-1]
        said = (piece.strip(" -*|") for piece in pieces_of(self.text))
        return [f"{under}: {piece}" for piece in said if len(piece) >= _FEWEST_CHARACTERS]


def pieces_of(text: str) -> list[str]:
    """Sentences, items and table rows of a text, verbatim; lines that only rule are left out."""
    lines = (line for line in text.split("\n") if not _RULE.fullmatch(line))
    return [piece for line in lines for piece in _SENTENCE_END.split(line) if piece.strip()]


def cut(document: Document) -> list[Passage]:
    """The passages of a page, in reading order; nothing of its text is left out but headings and blank lines."""
    passages: list[Passage] = []
    for heading, blocks in sections_of(document):
        for text in _packed(blocks):
            passages.append(Passage(document=document.name, heading=heading, text=text, position=len(passages)))
    return passages


def sections_of(document: Document) -> Iterator[tuple[str, list[str]]]:
    """Headings and the blocks under them. What looks like a heading between fences is a line of code."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    for line, is_code in lines_of(document.text):
        found = None if is_code else _HEADING.match(line)
        if found is None:
            lines.append(line)
            continue
        yield from _section(document, path, lines)
        lines = []
        level = len(found[1])
        path = [*((depth, title) for depth, title in path if depth < level), (level, found[2])]
    yield from _section(document, path, lines)


def _section(document: Document, path: list[tuple[int, str]], lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """What stands under a heading, where anything does; the one that is the page's title is said once."""
    if blocks := _blocks(lines):
        yield " › ".join([document.title, *(title for level, title in path if (level, title) != (1, document.title))]), blocks


def _blocks(lines: list[str]) -> list[str]:
    """Paragraphs, and the lines of lists and tables one by one."""
    blocks: list[str] = []
    open_paragraph = False
    for line in lines:
        stripped = line.strip()
        starts_own = bool(re.match(r"[-*+] |\d+[.)] |\|", stripped))
        if not stripped:
            open_paragraph = False
        elif open_paragraph and not starts_own:
            blocks[-1] += "\n" + line.rstrip()
        else:
            blocks.append(line.rstrip())
            open_paragraph = not stripped.startswith("|")
    return [block.strip() for block in blocks]


def _packed(blocks: list[str]) -> Iterator[str]:
    """Blocks put together up to the size of a passage; one that is larger is cut at the ends of its sentences."""
    return _joined((piece for block in blocks for piece in _cut_block(block)), "\n")


def _cut_block(block: str) -> Iterator[str]:
    if len(block) <= MOST_CHARACTERS:
        return iter([block])
    starts = ((said, start) for said in _SENTENCE_END.split(block) for start in range(0, len(said), MOST_CHARACTERS))
    return _joined((said[start : start + MOST_CHARACTERS] for said, start in starts), " ")


def _joined(parts: Iterable[str], glue: str) -> Iterator[str]:
    """As many parts together as a passage may hold."""
    held = ""
    for part in parts:
        if held and len(held) + len(glue) + len(part) > MOST_CHARACTERS:
            yield held
            held = ""
        held = f"{held}{glue}{part}" if held else part
    if held:
        yield held
