"""Questions of the handbook: answered by its own words, and the golden ones asked by other hands than those it learns from."""

import re

from evals.handbook import questions
from retrieval.chunk import cut
from retrieval.documents import read_document
from tools.erp.company import HANDBOOK_PAGES, QUESTIONS

_ALIKE = 0.5


def _trigrams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


def test_the_words_that_answer_stand_on_one_passage_of_the_page() -> None:
    passages: dict[str, list[str]] = {}
    for asked in questions(QUESTIONS):
        page = HANDBOOK_PAGES / asked.document
        said = passages.setdefault(asked.document, [one.text for one in cut(read_document(page, HANDBOOK_PAGES))])
        assert any(asked.passage in text for text in said), asked
    assert len(questions(QUESTIONS)) >= 900 and len(passages) == len(list(HANDBOOK_PAGES.rglob("*.md")))


def test_no_golden_question_resembles_one_it_learns_from() -> None:
    learned = [_trigrams(asked.question) for asked in questions(QUESTIONS)]
    worst = 0.0
    for golden in questions():
        said = _trigrams(golden.question)
        worst = max([worst, *(len(said & other) / len(said | other) for other in learned if said | other)])
    print(f"nearest word-trigram Jaccard {worst:.2f}")
    assert worst <= _ALIKE
