"""Pages are found as they are now, by any process, by meaning and by words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.database import open_database
from core.errors import StoreError
from core.settings import Settings
from core.types.principal import Principal
from retrieval.asked import Asked, AskedStore
from retrieval.knowledge import Knowledge
from retrieval.store import KnowledgeStore
from retrieval.vectors import ChromaIndex, ExactIndex, open_index

Opener = Callable[..., Knowledge]


@pytest.fixture
def opened(tmp_path: Path, hashed_words: Any) -> Opener:
    """Opens the knowledge of one home, as a process of its own would."""

    def opener(encoder: str = "words", tenant: str = "default") -> Knowledge:
        database = open_database(Settings(home=tmp_path))
        index, asked = f"knowledge-{tenant}", AskedStore(database, tenant, encoder)
        return Knowledge(
            KnowledgeStore(database, tenant), hashed_words, encoder, lambda: open_index(tmp_path / "chroma", index), asked
        )

    return opener


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "returns.md").write_text("# Returns\n\nGoods come back within thirty days.\n")
    (folder / "freight.md").write_text("# Freight\n\nA pallet costs forty euros.\n\n## Islands\n\nAsk the carrier.\n")
    return folder


def test_a_page_is_found_as_it_is_now(opened: Opener, pages: Path) -> None:
    knowledge = opened()
    assert knowledge.add_folder(pages).added == ("freight.md", "returns.md")
    assert knowledge.search("when do goods come back")[0].text == "Goods come back within thirty days."
    (pages / "returns.md").write_text("# Returns\n\nGoods come back within ten days.\n")
    again = knowledge.add_folder(pages)
    assert (again.changed, again.unchanged) == (("returns.md",), 1)
    assert knowledge.search("when do goods come back")[0].text == "Goods come back within ten days."
    assert not any("thirty" in hit.text for hit in knowledge.search("thirty days", 100))
    knowledge.close()


def test_a_page_that_is_gone_is_found_no_more(opened: Opener, pages: Path) -> None:
    knowledge = opened()
    knowledge.add_folder(pages)
    (pages / "returns.md").unlink()
    assert knowledge.add_folder(pages).removed == ()
    assert knowledge.add_folder(pages, prune=True).removed == ("returns.md",)
    assert {hit.document for hit in knowledge.search("goods come back", 100)} == {"freight.md"}
    assert knowledge.remove("freight.md") and not knowledge.remove("freight.md")
    assert knowledge.search("pallet") == []
    knowledge.close()


def test_two_processes_see_the_same_pages(opened: Opener, pages: Path) -> None:
    owner, other = opened(), opened()
    owner.add_folder(pages)
    assert isinstance(owner._follow(), ChromaIndex) and isinstance(other._follow(), ExactIndex)
    assert owner.search("pallet costs") == other.search("pallet costs")
    other.add_text("returns.md", "# Returns\n\nNothing comes back.\n")
    assert owner.search("nothing comes back")[0].text == "Nothing comes back."
    owner.close()
    third = opened()
    assert isinstance(third._follow(), ChromaIndex)
    assert third.search("nothing comes back") == other.search("nothing comes back")
    third.close()


def test_a_tenant_sees_its_own_pages_only(opened: Opener, pages: Path) -> None:
    ours, theirs = opened(), opened(tenant="other")
    ours.add_folder(pages)
    assert theirs.search("pallet") == [] and theirs.pages() == []
    theirs.close()


def test_an_edit_embeds_what_is_new_only(opened: Opener, hashed_words: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"Shelf {number} holds item {number * 7}." for number in range(200)]
    knowledge = opened()
    knowledge.add_text("shelves.md", "# Shelves\n\n" + "\n\n".join(lines))
    embedded: list[str] = []
    whole = hashed_words.embed
    monkeypatch.setattr(hashed_words, "embed", lambda texts: embedded.extend(texts) or whole(texts))
    lines[120] = "Shelf 120 is empty."
    knowledge.add_text("shelves.md", "# Shelves\n\n" + "\n\n".join(lines))
    assert len(embedded) <= 12 and any("is empty" in text for text in embedded)
    assert knowledge.search("which shelf is empty")[0].text.count("Shelf 120 is empty.") == 1
    rows = [row for _, vectors in knowledge._store.page("shelves.md") for row in vectors]
    again = [text for passage, _ in knowledge._store.page("shelves.md") for text in [passage.titled, *passage.sentences]]
    assert np.allclose(np.stack(rows), whole(again))
    knowledge.close()


def test_vectors_of_another_encoder_are_refused(opened: Opener, pages: Path) -> None:
    opened().add_folder(pages)
    with pytest.raises(StoreError, match="words, not others"):
        opened(encoder="others").add_text("new.md", "something")


def test_what_cannot_be_read_is_listed_and_the_rest_is_there(opened: Opener, pages: Path) -> None:
    (pages / "empty.md").write_text("  \n")
    result = opened().add_folder(pages)
    assert list(result.refused) == ["empty.md"] and len(result.added) == 2


def test_a_page_that_another_supersedes_comes_after_it(opened: Opener) -> None:
    knowledge = opened()
    knowledge.add_text("fees.2025.md", "# Fees\nSuperseded by: fees.md\n\n## Return\n\nThe fee for a return is five euros.\n")
    knowledge.add_text("fees.md", "# Fees\n\n## Return\n\nThe fee for a return is nine euros.\n")
    first, second = knowledge.search("what is the fee for a return", 2)
    assert (first.document, second.document) == ("fees.md", "fees.2025.md")
    knowledge.close()


def test_a_question_like_one_that_was_answered_finds_the_same_words(opened: Opener, pages: Path) -> None:
    knowledge = opened()
    knowledge.add_folder(pages)
    asked = Asked("how long can my client wait before shipping stuff home", "returns.md", "Goods come back within thirty days.")
    assert knowledge.search("can a client wait before shipping stuff")[0].document == "freight.md"
    assert knowledge.learn([asked], Principal()) == (1, ()) and knowledge.learn([asked], Principal()) == (0, ())
    other = opened()  # as another process sees it
    for one in (knowledge, other):
        assert one.search("can a client wait before shipping stuff")[0].text == asked.quote
    (pages / "returns.md").write_text("# Returns\n\nNothing comes back.\n")
    knowledge.add_folder(pages)
    assert all(hit.score < 0.5 for hit in knowledge.search("can a client wait before shipping stuff"))
    assert knowledge.learn([asked], Principal()) == (0, (asked,))
    assert opened(tenant="other").search("can a client wait before shipping stuff") == []
    knowledge.close()


@pytest.mark.parametrize("question", ["", " ", '"; DROP TABLE passage; --', "NEAR(a b)", "*", "🙂", "x" * 20_000])
def test_any_question_is_met_calmly(opened: Opener, pages: Path, question: str) -> None:
    knowledge = opened()
    knowledge.add_folder(pages)
    assert isinstance(knowledge.search(question), list)
    knowledge.close()
