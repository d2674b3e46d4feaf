"""Pages are read calmly, whatever is in them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from retrieval.chunk import MOST_CHARACTERS, cut
from retrieval.documents import MOST_BYTES, make_document, pages_in, read_document

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


def test_passages_stand_under_their_headings() -> None:
    passages = cut(make_document("returns.md", _PAGE))
    assert [passage.heading for passage in passages] == ["Returns", "Returns › Deadlines", "Returns › Deadlines › Late"]
    assert "30 days for shops" in passages[1].text and "| early | 10 % |" in passages[1].text
    assert "Deadlines: 30 days for shops" in passages[1].sentences and "Deadlines: early | 10 %" in passages[1].sentences


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


def test_hidden_files_and_other_files_are_no_pages(tmp_path: Path) -> None:
    for name in ("a.md", ".hidden.md", "b.png", "sub/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [page.relative_to(tmp_path).as_posix() for page in pages_in(tmp_path)] == ["a.md", "sub/c.txt"]
    with pytest.raises(BadInput, match="not a folder"):
        list(pages_in(tmp_path / "a.md"))
