"""Full text: BM25 over titled passages by SQLite's FTS5, in memory, made from the knowledge store.

Source: FTS5's documentation (`bm25`, porter stemming). A tenant's handbook is small: its index is built in a second.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W_]+")
_HEADING_WEIGHT, _TEXT_WEIGHT = 2.0, 1.0
_IDLE = """
a about an and any are as at be been by can could did do does for from had has have he her his how i if in into is it its just may
me my no not of on or our please shall she should so some tell than that the their them then there these they this those to up us
was we were what when where which who whom why will with would you your
"""
_STOP = frozenset(_IDLE.split())


class LexicalIndex:
    """Passages by the words they share with a question."""

    def __init__(self) -> None:
        self._base = sqlite3.connect(":memory:", check_same_thread=False)
        self._base.execute(
            "CREATE VIRTUAL TABLE passages USING fts5(heading, text, tokenize='porter unicode61 remove_diacritics 2')"
        )

    def add(self, passages: Iterable[tuple[int, str, str]]) -> None:
        """`passages`: id, heading, text."""
        self._base.executemany("INSERT INTO passages (rowid, heading, text) VALUES (?, ?, ?)", passages)

    def remove(self, ids: Iterable[int]) -> None:
        """Take passages out."""
        self._base.executemany("DELETE FROM passages WHERE rowid = ?", [(found,) for found in ids])

    def search(self, question: str, limit: int) -> list[tuple[int, float]]:
        """The best passages, best first, with their BM25 (higher is better); none where no word is shared."""
        words = query_words(question)
        if not words:
            return []
        match = " OR ".join(f'"{word}"' for word in words)
        rows = self._base.execute(
            f"SELECT rowid, -bm25(passages, {_HEADING_WEIGHT}, {_TEXT_WEIGHT}) FROM passages WHERE passages MATCH ?"
            " ORDER BY rank LIMIT ?",
            (match, limit),
        )
        return [(int(found), float(score)) for found, score in rows]


def query_words(question: str) -> Sequence[str]:
    """Words that say what a question is about, each once; all of them where every one is idle."""
    words = list(dict.fromkeys(_WORD.findall(question.casefold())))
    return [word for word in words if word not in _STOP] or words
