"""Routes of the company: golden texts are in no training row."""

import hashlib
import json
from collections import Counter

from agents.state import ROUTES as NAMES
from evals.golden import HANDBOOK, HANDBOOK_SHA256, ROUTES, ROUTES_SHA256
from evals.handbook import questions
from retrieval.documents import read_document
from tools.erp.company import HANDBOOK_PAGES
from tools.erp.company import ROUTES as TRAINING


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def test_golden_routes_are_frozen_and_in_no_training_row() -> None:
    assert hashlib.sha256(ROUTES.read_bytes()).hexdigest() == ROUTES_SHA256
    golden = [json.loads(line) for line in ROUTES.read_text(encoding="utf-8").splitlines()]
    training = [json.loads(line) for line in TRAINING.read_text(encoding="utf-8").splitlines()]
    assert {row["label"] for row in golden} == {row["label"] for row in training} == set(NAMES)
    assert not {_plain(row["text"]) for row in golden} & {_plain(row["text"]) for row in training}
    assert Counter(row["part"] for row in golden).keys() == {"gate", "report"}


def test_every_question_has_its_answer_on_its_page() -> None:
    assert hashlib.sha256(HANDBOOK.read_bytes()).hexdigest() == HANDBOOK_SHA256
    asked = questions()
    assert len(asked) >= 120 and len({question.id for question in asked}) == len(asked)
    for question in asked:
        page = read_document(HANDBOOK_PAGES / question.document, HANDBOOK_PAGES)
        assert question.passage in page.text and page.superseded_by is None, question.id
    assert sum(1 for _ in HANDBOOK_PAGES.rglob("*.md")) >= 60
