"""A page that is edited answers differently at once: fifty of fifty."""

import time
from pathlib import Path
from statistics import median

from agents.home import Home
from core.settings import Settings
from retrieval.answer import answer
from tools.erp.company import HANDBOOK_PAGES

_EDITS, _WITHIN_S = 50, 1.0
_PAGE = """# Loan of display stands

Display stands are lent to customers for {days} days. A stand that comes back later is billed.

## Deposit

The deposit of a display stand is {deposit} EUR.
"""


def test_an_edited_page_answers_differently_at_once(tmp_path: Path) -> None:
    home = Home(Settings(home=tmp_path / "home"))
    pages = tmp_path / "pages"
    for file in sorted(HANDBOOK_PAGES.rglob("*.md"))[:12]:
        (pages / file.name).parent.mkdir(exist_ok=True)
        (pages / file.name).write_bytes(file.read_bytes())
    page = pages / "display-stands.md"
    page.write_text(_PAGE.format(days=10, deposit=100))
    home.knowledge.add_folder(pages)
    seconds = []
    for edit in range(1, _EDITS + 1):
        days, deposit = 10 + edit, 100 + 7 * edit
        page.write_text(_PAGE.format(days=days, deposit=deposit))
        started = time.perf_counter()
        home.knowledge.add_folder(pages)
        said = _answered(home, "for how many days are display stands lent")
        seconds.append(time.perf_counter() - started)
        assert str(days) in said and str(deposit) in _answered(home, "deposit of a display stand"), (edit, said)
    print(f"{_EDITS} edits, answered anew after {median(seconds):.2f} s, the slowest after {max(seconds):.2f} s")
    assert median(seconds) < _WITHIN_S
    home.knowledge.close()
    home.database.dispose()


def _answered(home: Home, question: str) -> str:
    return answer(question, home.knowledge.search(question, 5), home.embedder).text
