"""Procedures: the numbered lists of a page, which say how work is done step by step, with what people say that want it done."""

import re
from collections.abc import Iterator

from core.types.value import Value
from retrieval.chunk import sections_of
from retrieval.documents import Document

_STEP = re.compile(r"\d{1,3}[.)]\s+(.+)", re.DOTALL)
_QUOTED = re.compile(r"[“\"]([^”\"\n]{8,300})[”\"]")
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w|[.!?])[*_](?!\w)")
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
    """Every numbered list of two steps or more, in reading order; a section with two of them is read as one."""
    for heading, blocks in sections_of(document):
        steps = [_bare(found[1]) for block in blocks if (found := _STEP.fullmatch(block))]
        if len(steps) >= _FEWEST_STEPS:
            before = "\n".join(block.lstrip("> ") for block in blocks if not _STEP.fullmatch(block))
            requests = tuple(dict.fromkeys(quoted.strip() for quoted in _QUOTED.findall(before)))
            yield Procedure(document=document.name, title=heading, requests=requests, steps=tuple(steps))


def _bare(text: str) -> str:
    return " ".join(_EMPHASIS.sub("", text).split())
