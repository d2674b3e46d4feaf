"""The report is one tidy page that loads nothing and says what it was given."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.types.case import Case
from core.types.message import Message, ToolCall
from core.types.prediction import Ask, Prediction
from evals.report import SHOWN, ShownCall, write_report
from evals.scorers.exact import Score
from evals.summary import summarise


def scored(row: int) -> Score:
    return Score(
        exact=row % 4 != 0,
        name=True,
        no_call=row % 2 == 0 if row % 3 else None,
        asks_right=None,
        wrong_writes=int(row % 8 == 0),
        confidence=1 - row / 100,
        latency_ms=10.0 + row,
        cluster=str(row // 3),
        outcome="calls" if row % 2 else "done",
    )


SCORES = {"champion": [scored(row) for row in range(60)], "base <b>$x$</b>": [scored(row * 4) for row in range(20)]}
PAY = ToolCall(name="pay", arguments={"customer": "Łódź & <Söhne>"})
CASE = Case(
    messages=(
        Message(role="user", content="pay <script>alert(1)</script>"),
        Message(role="assistant", tool_calls=(PAY,)),
        Message(role="tool", content="ok"),
    ),
    outcome="ask",
    ask=Ask(tool="pay", missing="amount", arguments={}),
)
EXAMPLES = [
    ShownCall(
        case=CASE,
        prediction=Prediction(outcome="calls", tool_calls=(PAY,), confidence=0.4321, latency_ms=1),
        failure="extra call",
    ),
    ShownCall(case=CASE, prediction=None, failure="error"),
    *[ShownCall(case=CASE, prediction=Prediction(outcome="none", confidence=0.5, latency_ms=1))] * 5,
]
LOSSES: list[dict[str, float]] = [
    {"step": 1, "loss": 2.0, "epoch": 0.5},
    {"step": 2, "loss": 1.0},
    {"step": 2, "eval_loss": 1.2},
    {"step": 2, "train_runtime": 3},
]
FAILURES = {"champion": {"wrong tool": 3, "error": 1}, "base <b>$x$</b>": {"error": 9}}


class WellFormed(HTMLParser):
    """Checks that every element that needs an end has one, in the right place."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.ids.extend(value for name, value in attrs if name == "id" and value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> WellFormed:
    parser = WellFormed()
    parser.feed(page)
    parser.close()
    return parser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "deep" / "report.html"
    summaries = {name: summarise(scores) for name, scores in SCORES.items()}
    written = write_report(path, "Night 7 & after", summaries, {"release": "abc<1>"}, EXAMPLES, LOSSES, SCORES, FAILURES)
    assert written == path
    return path.read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_its_ids_are_its_own(page: str) -> None:
    parser = read(page)
    assert parser.open == []
    assert parser.seen.count("svg") == 4
    assert len(parser.ids) == len(set(parser.ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', page)) <= set(parser.ids)


def test_the_page_loads_nothing_and_runs_nothing(page: str) -> None:
    assert not {"script", "link", "img", "iframe", "object"} & set(read(page).seen)
    assert "http://" not in page and "https://" not in page and "@import" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)


def test_what_was_given_is_shown_and_escaped(page: str) -> None:
    for text in (
        "Night 7 &amp; after",
        "abc&lt;1&gt;",
        "pay &lt;script&gt;",
        "base &lt;b&gt;$x$&lt;/b&gt;",
        "Łódź &amp; &lt;Söhne&gt;",
        "0.432",
    ):
        assert text in page
    assert "<script" not in page
    assert page.count("<article>") == SHOWN


def test_metrics_stand_with_interval_and_rows(page: str) -> None:
    exact = summarise(SCORES["champion"]).exact
    assert f"{100 * exact.rate:.1f} %" in page
    assert f"{100 * exact.low:.1f} to {100 * exact.high:.1f}" in page
    assert f"n = {exact.n}" in page


def test_failures_are_sorted_by_all_their_rows(page: str) -> None:
    table = page[page.index("<h2>Failures</h2>") :]
    assert table.index("<th>error</th><td>1</td><td>9</td>") < table.index("<th>wrong tool</th><td>3</td><td>0</td>")


def test_the_same_input_gives_the_same_page(tmp_path: Path, page: str) -> None:
    summaries = {name: summarise(scores) for name, scores in SCORES.items()}
    again = write_report(
        tmp_path / "r.html", "Night 7 & after", summaries, {"release": "abc<1>"}, EXAMPLES, LOSSES, SCORES, FAILURES
    )
    assert again.read_text(encoding="utf-8") == page


def test_an_examination_without_rows_or_training_still_makes_a_page(tmp_path: Path) -> None:
    text = write_report(tmp_path / "r.html", "Nothing", {"base": summarise([])}, {}, [], [], {"base": []}).read_text(
        encoding="utf-8"
    )
    assert read(text).open == []
    assert read(text).seen.count("svg") == 1
    assert write_report(tmp_path / "e.html", "Nothing", {}, {}, [], [], {}).exists()
