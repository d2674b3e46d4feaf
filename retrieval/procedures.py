"""Procedures: the numbered lists of a page, which say how work is done step by step, with what people say that want it done."""

import re
from collections.abc import Iterator

from core.types.value import Value
from retrieval.chunk import sections_of
from retrieval.documents import Document, without_code

_STEP = re.compile(r"\d{1,3}[.)]\s+(.+)", re.DOTALL)
_QUOTED = re.compile(r"“([^”\n]{8,300})”|„([^“”\n]{8,300})[“”]|«([^»\n]{8,300})»|(?<!\w)\"([^\"\n]{8,300})\"(?!\w)")
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w|[.!?])[*_](?!\w)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_FEWEST_STEPS = 2


class Procedure(Value):
    """One numbered list."""

    document: str
    """Name of its page."""
    title: str
    """Headings it stands under, the page's title first."""
    requests: tuple[str, ...]
    """What the section quotes before the list: how people ask for it."""
    steps: tuple[str, ...]
    """In their order, without numbers and emphasis."""


def procedures_in(document: Document) -> Iterator[Procedure]:
    """Every numbered list of two steps or more, in reading order; a section with two of them is read as one.

    A step that is nothing but a link is an entry of a table of contents, and none.
    """
    shown = document.model_copy(update={"text": without_code(document.text)})
    for heading, blocks in sections_of(shown):
        at = [number for number, block in enumerate(blocks) if _is_step(block)]
        if len(at) >= _FEWEST_STEPS:
            before = "\n".join(block.lstrip("> ") for block in blocks[: at[0]])
            requests = tuple(dict.fromkeys("".join(quoted).strip() for quoted in _QUOTED.findall(before)))
            steps = tuple(_bare(_STEP.sub(r"\1", blocks[number])) for number in at)
            yield Procedure(document=document.name, title=heading, requests=requests, steps=steps)


def _is_step(block: str) -> bool:
    found = _STEP.fullmatch(block)
    return found is not None and not _LINK.fullmatch(found[1])


def _bare(text: str) -> str:
    return " ".join(_EMPHASIS.sub("", _LINK.sub(r"\1", text)).split())
