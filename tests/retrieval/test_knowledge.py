"""Pages are found as they are now, by any process, by meaning and by words."""

import os
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.config import Config

import core.migrations
from core.database import open_database
from core.errors import StoreError
from core.settings import Settings
from core.types.principal import Principal
from retrieval.answer import answer
from retrieval.asked import Asked, AskedStore
from retrieval.chunk import cut
from retrieval.documents import make_document
from retrieval.knowledge import Knowledge
from retrieval.store import KnowledgeStore
from retrieval.vectors import ChromaIndex, ExactIndex, open_index

Opener = Callable[..., Knowledge]
_TODAY = date(2026, 5, 4)


@pytest.fixture
def opened(tmp_path: Path, hashed_words: Any) -> Opener:
    """Opens the knowledge of one home, as a process of its own would."""

    def opener(encoder: str = "words", tenant: str = "default", today: date = _TODAY) -> Knowledge:
        database = open_database(Settings(home=tmp_path))
        store, asked = KnowledgeStore(database, tenant), AskedStore(database, tenant, encoder)
        folder, index = tmp_path / "chroma", f"knowledge-{tenant}"
        return Knowledge(store, hashed_words, encoder, lambda: open_index(folder, index), asked, lambda: today)

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


_OLD = "# Fees\nSuperseded by: fees.md\n\n## Return\n\nThe fee for a return is five euros.\n"
_NEW = "# Fees\n\n## Return\n\nThe fee for a return is nine euros.\n"


def test_what_a_superseded_page_answered_once_it_answers_no_more(opened: Opener) -> None:
    knowledge = opened()
    knowledge.add_text("fees.2025.md", _OLD)
    question = "what does a return cost"
    knowledge.learn([Asked(question, "fees.2025.md", "The fee for a return is five euros.")], Principal())
    assert knowledge.search(question)[0].score > 0.6, "the page it names is not there: it holds"
    knowledge.add_text("fees.md", _NEW)
    first, second = knowledge.search(question, 2)
    assert (first.document, first.superseded_by) == ("fees.md", None)
    assert (second.document, second.superseded_by) == ("fees.2025.md", "fees.md")
    shown = answer("what is the fee for a return", [second], knowledge._encoder)
    assert shown.sources[0].superseded_by == "fees.md" and shown.text.endswith(", superseded by fees.md)")
    knowledge.close()


@pytest.mark.parametrize("nobody", ["none", "-", "–", "n/a", "fees.2027.md"])
def test_a_page_that_no_stored_page_supersedes_holds(opened: Opener, nobody: str) -> None:
    knowledge = opened()
    knowledge.add_text("fees.md", _NEW)
    (before,) = knowledge.search("what is the fee for a return")
    knowledge.add_text("fees.md", _NEW.replace("# Fees\n", f"# Fees\nSuperseded by: {nobody}\n", 1))
    (after,) = [hit for hit in knowledge.search("what is the fee for a return") if "nine" in hit.text]
    assert after.superseded_by is None and after.score == before.score
    knowledge.close()


def test_a_page_that_does_not_hold_yet_says_nothing_and_supersedes_nothing(opened: Opener) -> None:
    knowledge = opened()
    knowledge.add_text("fees.2025.md", _OLD)
    knowledge.add_text("fees.md", _NEW.replace("# Fees\n", "# Fees\nValid from: 2026-06-01\n", 1))
    (only,) = [hit for hit in knowledge.search("what is the fee for a return") if "fee for" in hit.text]
    assert (only.document, only.superseded_by) == ("fees.2025.md", None)
    later = opened(today=date(2026, 6, 1))
    first, *_ = later.search("what is the fee for a return")
    assert first.document == "fees.md"
    knowledge.close()


def test_whoever_may_see_little_finds_all_of_it(opened: Opener) -> None:
    """However much there is that says more and is not for them."""
    knowledge = opened()
    for number in range(50):
        lines = "\n\n".join(f"The fee for a return of kind {line} is {number} euros." for line in range(8))
        knowledge.add_text(f"finance/fees-{number}.md", f"# Fees for returns\n\n{lines}\n")
        asked = Asked(f"what is the fee for a return {number}", f"finance/fees-{number}.md", f"kind 3 is {number} euros.")
        knowledge.learn([asked], Principal())
    knowledge.add_text("sales/fees.md", "# For customers\n\nA return has a fee of nine euros, paid by whoever sends.\n")
    assert knowledge.search("what is the fee for a return", 1)[0].document.startswith("finance/")
    (only,) = knowledge.search("what is the fee for a return", 5, lambda page: page.startswith("sales/"))
    assert only.document == "sales/fees.md" and knowledge.search("fee", 5, lambda _: False) == []
    knowledge.close()


def test_an_emptied_page_is_taken_out_and_one_that_cannot_be_read_is_said_to_answer_still(opened: Opener, pages: Path) -> None:
    knowledge = opened()
    knowledge.add_folder(pages)
    (pages / "returns.md").write_text(" \n")
    (pages / "freight.md").write_bytes(b"\x00\x01")
    result = knowledge.add_folder(pages, prune=True)
    assert result.removed == ("returns.md",) and knowledge.pages() == ["freight.md"] and result.unchanged == 0
    assert list(result.refused) == ["freight.md"] and "still answers" in result.refused["freight.md"]
    assert list(knowledge.add_folder(pages).refused) == ["freight.md", "returns.md"]


def test_a_file_name_that_is_not_utf_8_is_refused_and_the_rest_is_there(opened: Opener, pages: Path) -> None:
    Path(os.fsdecode(os.fsencode(pages) + b"/caf\xe9.md")).write_text("Coffee is free.")
    result = opened().add_folder(pages, prune=True)
    assert list(result.refused) == ["caf\\xe9.md"] and len(result.added) == 2 and result.model_dump_json()


def test_a_folder_prunes_and_replaces_its_own_pages_only(opened: Opener, pages: Path, tmp_path: Path) -> None:
    knowledge, other = opened(), tmp_path / "other"
    other.mkdir()
    (other / "returns.md").write_text("# Returns\n\nNothing comes back.\n")
    (other / "prices.md").write_text("# Prices\n\nA chair costs ninety euros.\n")
    knowledge.add_folder(pages)
    result = knowledge.add_folder(other, prune=True)
    assert (result.added, result.removed) == (("prices.md",), ())
    assert str(pages) in result.refused["returns.md"] and "knowledge remove returns.md" in result.refused["returns.md"]
    assert knowledge.search("when do goods come back")[0].text == "Goods come back within thirty days."
    (other / "prices.md").unlink()
    assert knowledge.add_folder(other, prune=True).removed == ("prices.md",)
    assert sorted(knowledge.pages()) == ["freight.md", "returns.md"]
    knowledge.close()


def test_a_folder_is_the_same_by_another_path_and_when_it_was_moved(opened: Opener, pages: Path, tmp_path: Path) -> None:
    knowledge, link = opened(), tmp_path / "link"
    link.symlink_to(pages)
    knowledge.add_folder(pages)
    (pages / "freight.md").unlink()
    assert knowledge.add_folder(link, prune=True).removed == ("freight.md",)
    pages.rename(tmp_path / "moved")
    (tmp_path / "moved" / "returns.md").write_text("# Returns\n\nNothing comes back.\n")
    assert knowledge.add_folder(tmp_path / "moved").changed == ("returns.md",)


def test_pages_of_which_no_folder_is_known_are_those_of_the_next(opened: Opener, pages: Path, tmp_path: Path) -> None:
    """As in a database of the version before, which is opened here."""
    engine = open_database(Settings(home=tmp_path))
    opened().add_folder(pages)
    (pages / "freight.md").unlink()
    config = Config()
    config.set_main_option("script_location", str(Path(core.migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0009")
    knowledge = opened()
    assert sorted(knowledge.pages()) == ["freight.md", "returns.md"]
    assert knowledge.add_folder(pages, prune=True).removed == ("freight.md",)
    other = tmp_path / "other"
    other.mkdir()
    assert knowledge.add_folder(other, prune=True).removed == (), "what did not change is this folder's, too"


def test_two_writers_at_once_count_two_changes(opened: Opener, hashed_words: Any) -> None:
    stores = [opened()._store for _ in range(4)]
    start = threading.Barrier(len(stores))

    def write(number: int) -> None:
        start.wait()
        for page in range(5):
            document = make_document(f"{number}-{page}.md", "something")
            passages = cut(document)
            vectors = [hashed_words.embed([passage.titled, *passage.sentences]) for passage in passages]
            stores[number].put(document, passages, vectors, "words")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].revision() == len(stores[0].pages()) == 20
    assert not stores[0].remove("nothing") and stores[0].revision() == 20


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
