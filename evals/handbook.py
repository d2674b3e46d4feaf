"""Retrieval examined: is the passage that answers a question among the first ones found?"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from core.types.value import Value
from evals.golden import HANDBOOK
from evals.intervals import Rate, rate
from retrieval.knowledge import Encoder, Knowledge
from retrieval.lexical import LexicalIndex
from retrieval.store import KnowledgeStore

DEPTHS = (1, 5, 10)
_WORD = re.compile(r"\w+")
_MOST_OF = 0.6
"""A passage cut elsewhere counts where it holds so much of the answer's words."""


class Question(Value):
    """A question with its answer's place."""

    id: str = ""
    """Names it for good, where it is golden."""
    question: str
    """As somebody asks who has not read the page."""
    document: str
    """The page that answers it."""
    passage: str
    """The words that answer it, verbatim."""


class Recall(Value):
    """How often the answer was among the first k."""

    passage: dict[int, Rate]
    """By k: the very passage."""
    document: dict[int, Rate]
    """By k: any passage of its page."""


def questions(file: Path = HANDBOOK) -> list[Question]:
    """The questions of a file."""
    return [Question.model_validate_json(line) for line in file.read_text(encoding="utf-8").splitlines()]


def recall(asked: Sequence[Question], search: Callable[[str], Sequence[tuple[str, str]]]) -> Recall:
    """Recall@k of a search.

    Args:
        asked: The questions.
        search: From a question to (page, text) of passages, best first.
    """
    found = [list(search(question.question)) for question in asked]
    right = [[_answers(hit, question) for hit in hits] for hits, question in zip(found, asked, strict=True)]
    pages = [[page == question.document for page, _ in hits] for hits, question in zip(found, asked, strict=True)]
    return Recall(passage=_at_depths(right, asked), document=_at_depths(pages, asked))


def fused_recall(asked: Sequence[Question], knowledge: Knowledge) -> Recall:
    """Recall@k of the search that serves."""
    return recall(asked, lambda question: [(hit.document, hit.text) for hit in knowledge.search(question, max(DEPTHS))])


def compare(asked: Sequence[Question], knowledge: Knowledge, store: KnowledgeStore, encoder: Encoder) -> dict[str, Recall]:
    """The search that serves, BM25 alone, and the sentence encoder alone, over the same passages."""
    stored = store.passages(store.passage_ids())
    lexical = LexicalIndex()
    lexical.add((key, found.passage.heading, found.passage.text) for key, found in stored.items())
    said = {key: (found.passage.document, found.passage.text) for key, found in stored.items()}
    keys, vectors = sorted(stored), store.vectors(list(stored))
    matrix = np.stack([vectors[key][0] for key in keys])

    def by_words(question: str) -> list[tuple[str, str]]:
        return [said[key] for key, _ in lexical.search(question, max(DEPTHS))]

    def by_meaning(question: str) -> list[tuple[str, str]]:
        best = np.argsort(-(matrix @ encoder.embed([question])[0]), kind="stable")[: max(DEPTHS)]
        return [said[keys[at]] for at in best]

    return {
        "fused": fused_recall(asked, knowledge),
        "BM25 alone": recall(asked, by_words),
        "MiniLM alone": recall(asked, by_meaning),
    }


def _answers(hit: tuple[str, str], question: Question) -> bool:
    page, text = hit
    wanted, there = _WORD.findall(question.passage.lower()), _WORD.findall(text.lower())
    return page == question.document and sum(word in set(there) for word in wanted) >= _MOST_OF * len(wanted)


def _at_depths(right: Sequence[Sequence[bool]], asked: Sequence[Question]) -> dict[int, Rate]:
    clusters = [question.document for question in asked]
    return {depth: rate([any(row[:depth]) for row in right], clusters) for depth in DEPTHS}
