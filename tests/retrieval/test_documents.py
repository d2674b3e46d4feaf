"""Pages are read calmly, whatever is in them."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from retrieval.chunk import MOST_CHARACTERS, cut
from retrieval.documents import MOST_BYTES, make_document, named_by, page_name, pages_in, read_document

_PAGE = """# Returns
Version: 3 · Valid from: 2026-02-01 · Superseded by: new.md

Opening words.

## Deadlines
- 30 days for shops
- 14 days for others

| Kind | Fee |
|---|---|
| early | 10 % |

### Late
Nothing.
"""


def test_what_a_page_says_of_itself() -> None:
    page = make_document("a/returns.md", _PAGE)
    assert (page.title, page.version, str(page.valid_from), page.superseded_by) == ("Returns", "3", "2026-02-01", "new.md")
    plain = make_document("price-list.txt", "no heading")
    assert (plain.title, plain.version, plain.valid_from) == ("price list", None, None)
    assert make_document("x.md", "Valid from: 2026-02-31").valid_from is None
    assert make_document("x.md", "# Prices\n\nNew ones are valid from 2031-01-01.").valid_from is None, (
        "a sentence of today's page"
    )


@pytest.mark.parametrize("said", ["none", "–", "N/A", "-", "nothing."])
def test_a_page_may_say_that_nothing_supersedes_it(said: str) -> None:
    assert make_document("x.md", f"# A\nVersion: 2 · Superseded by: {said}\n").superseded_by is None


def test_passages_stand_under_their_headings() -> None:
    passages = cut(make_document("returns.md", _PAGE))
    assert [passage.heading for passage in passages] == ["Returns", "Returns › Deadlines", "Returns › Deadlines › Late"]
    assert "30 days for shops" in passages[1].text and "| early | 10 % |" in passages[1].text
    assert "Deadlines: 30 days for shops" in passages[1].sentences and "Deadlines: early | 10 %" in passages[1].sentences


def test_only_the_heading_that_is_the_title_is_left_out() -> None:
    page = "# Returns\nWithin 30 days.\n## Late\nNo.\n# Repairs\nWithin 60 days.\n## Late\nAsk.\n"
    headings = [passage.heading for passage in cut(make_document("service.md", page))]
    assert headings == ["Returns", "Returns › Late", "Returns › Repairs", "Returns › Repairs › Late"]


@pytest.mark.parametrize("fence", ["```", "~~~~", "  ```"])
def test_a_comment_in_code_is_no_heading_and_is_not_lost(fence: str) -> None:
    code = f"{fence}sh\n# install it first\n## twice\n```` not the end\nrun\n{fence}"
    page = make_document("setup.md", f"{code}\n# Set-up\n\nRun this:\n\n{code}\n\n## After\n\nDone with ```a``` and\n# no more\n")
    passages = cut(page)
    assert page.title == "Set-up"
    assert [passage.heading for passage in passages] == ["Set-up", "Set-up", "Set-up › After"]
    assert all("# install it first\n## twice" in passage.text for passage in passages[:2])


def test_an_open_fence_lasts_to_the_end() -> None:
    (passage,) = cut(make_document("a.md", "# A\n```\n# one\n"))
    assert passage.text == "```\n# one"


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab .!#|-\n"), min_size=1, max_size=3000))
def test_no_word_of_a_page_is_lost(text: str) -> None:
    if not text.strip():
        return
    page = make_document("a.md", text)
    kept = "".join(passage.text + passage.heading for passage in cut(page))
    assert all(len(passage.text) <= MOST_CHARACTERS for passage in cut(page))
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    assert all(word in kept for line in lines for word in line.split() if len(word) < MOST_CHARACTERS)


@pytest.mark.parametrize("data", [b"", b" \n\t ", b"\x00\x01\x02"])
def test_what_is_no_page_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.md").write_bytes(data)
    with pytest.raises(BadInput, match=r"a\.md"):
        read_document(tmp_path / "a.md", tmp_path)


def test_broken_encodings_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("# Caf\xe9 rules".encode("latin-1"))
    assert read_document(tmp_path / "a.md", tmp_path).title == "Café rules"
    with (tmp_path / "big.md").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(BadInput, match="MiB"):
        read_document(tmp_path / "big.md", tmp_path)


def test_a_file_name_that_is_not_utf_8_is_refused_in_characters_that_can_be_shown(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md"))
    file.write_text("Coffee is free.")
    assert page_name(file, tmp_path) == "caf\\xe9.md"
    with pytest.raises(BadInput, match=r"caf\\xe9\.md: a file name"):
        read_document(file, tmp_path)


_NAMES = ("sales/fees.md", "sales/old.md", "fees.md", "guides/start.txt")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("fees.md", "sales/fees.md"),
        ("`fees.md`", "sales/fees.md"),
        ("fees.md#returns", "sales/fees.md"),
        ("fees", "sales/fees.md"),
        ("./fees.md", "sales/fees.md"),
        ("../fees.md", "fees.md"),
        ("/fees.md", "fees.md"),
        ("guides/start", "guides/start.txt"),
        ("[Fees](fees.md)", "sales/fees.md"),
        *((nobody, None) for nobody in ("none", "-", "–", "—", "n/a", "None.", "nobody.md", "old.md", "**")),
    ],
)
def test_a_page_is_superseded_by_one_that_is_there(said: str, named: str | None) -> None:
    word = make_document("sales/old.md", f"# Old\nVersion: 1 · Superseded by: {said}").superseded_by
    assert (named_by(word, "sales/old.md", _NAMES) if word else None) == named


def test_hidden_files_and_other_files_are_no_pages(tmp_path: Path) -> None:
    for name in ("a.md", ".hidden.md", "b.png", "sub/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [page.relative_to(tmp_path).as_posix() for page in pages_in(tmp_path)] == ["a.md", "sub/c.txt"]
    with pytest.raises(BadInput, match="not a folder"):
        list(pages_in(tmp_path / "a.md"))
