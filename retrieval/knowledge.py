"""Knowledge: pages that change, and the passages that say something about a question.

The database holds the truth; both indexes follow it before every search, so that a page edited by any process is found as it
is now.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.types.principal import Principal
from core.types.value import Value
from retrieval.asked import Asked, AskedStore
from retrieval.chunk import Passage, cut
from retrieval.documents import EMPTY, Document, make_document, named_by, page_name, pages_in, printable, read_document
from retrieval.fusion import fused
from retrieval.lexical import LexicalIndex
from retrieval.store import KnowledgeStore, Page, Stored
from retrieval.vectors import VectorIndex

_NEAR, _SHARED = 200, 40
"""Vectors and passages the indexes name before they are scored together."""
_ALIKE = 12
"""Earlier questions that have a say."""
_MOST_VECTORS = 4096
"""Of a passage: the key of a vector is its passage's id times that, plus its place."""
_WIDER = 4
"""So many times as much is looked through where too little of it may be seen."""
OnProgress = Callable[[int, int], None]
_Came = Literal["added", "changed", "as before", "emptied"]
"""What came of a file."""
_Found = TypeVar("_Found")


class Encoder(Protocol):
    """What makes vectors of texts."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), width), rows of unit length."""
        ...


class Hit(Value):
    """A passage that may say something about a question."""

    document: str
    """Name of its page."""
    title: str
    """Of its page."""
    heading: str
    """Headings it stands under."""
    text: str
    """Verbatim."""
    score: float
    """How much it says about the question, at most 1."""
    cosine: float
    """Nearness in meaning of the passage or its best sentence, in [-1, 1]."""
    version: str | None
    """Of the page."""
    valid_from: str | None
    """ISO day from which the page holds."""
    superseded_by: str | None
    """The page that holds instead."""


class Added(Value):
    """What came of reading a folder."""

    added: tuple[str, ...]
    """New pages."""
    changed: tuple[str, ...]
    """Pages that said something else before."""
    unchanged: int
    """Pages that were there already."""
    removed: tuple[str, ...]
    """Pages whose files are gone, or empty."""
    refused: dict[str, str]
    """Files that could not be read, with why."""


class Learned(NamedTuple):
    """What came of bringing questions that were answered well."""

    added: int
    """New ones."""
    refused: tuple[Asked, ...]
    """Those whose page does not say the words."""


class Knowledge:
    """What one tenant's people and agents can look up."""

    def __init__(
        self,
        store: KnowledgeStore,
        encoder: Encoder,
        encoder_name: str,
        vectors: Callable[[], VectorIndex],
        asked: AskedStore | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._store, self._encoder, self._encoder_name, self._asked = store, encoder, encoder_name, asked
        self._open_vectors, self._today = vectors, today
        self._vectors: VectorIndex | None = None
        self._lexical = LexicalIndex()
        self._pages: Mapping[str, Page] = {}
        self._page_of: dict[int, str] = {}
        self._revision = -1
        self._guard = threading.Lock()

    def add_folder(self, folder: Path, on_progress: OnProgress = lambda done, of: None, prune: bool = False) -> Added:
        """Read every page of a folder; those that did not change cost nothing, and one that was emptied is taken out.

        A page keeps the folder it was read from: another one neither replaces it nor prunes it. Where none is known it belongs to
        this folder.

        Args:
            folder: Searched for Markdown and text files, to any depth.
            on_progress: Called with pages done and pages in all.
            prune: Also take pages out whose file is gone.

        Raises:
            BadInput: Not a folder.
        """
        files, known, root = list(pages_in(folder)), self._store.pages(), printable(os.path.abspath(folder))
        others = {page.root for page in known.values() if page.root and not _is_same(page.root, root)}
        came: dict[_Came, list[str]] = {"added": [], "changed": [], "as before": [], "emptied": []}
        refused: dict[str, str] = {}
        for number, file in enumerate(files, 1):
            name = page_name(file, folder)
            try:
                came[self._read(file, folder, root, known.get(name))].append(name)
            except (BadInput, OSError) as error:
                refused[name] = str(error)
            on_progress(number, len(files))
        if adopted := [name for name in came["as before"] if known[name].root != root]:
            self._store.adopt(adopted, root)
        seen = {page_name(file, folder) for file in files}
        gone = [name for name, page in known.items() if name not in seen and page.root not in others] if prune else []
        for name in gone:
            self._store.remove(name)
        return Added(
            added=tuple(came["added"]),
            changed=tuple(came["changed"]),
            unchanged=len(came["as before"]),
            removed=(*came["emptied"], *gone),
            refused=refused,
        )

    def _read(self, file: Path, folder: Path, root: str, was: Page | None) -> _Came:
        """Take one file in.

        Raises:
            BadInput: It cannot be read, or is another folder's page, or is empty and was none.
            OSError: It cannot be opened.
        """
        name = page_name(file, folder)
        if was is not None and was.root and not _is_same(was.root, root) and Path(was.root).is_dir():
            raise BadInput(
                f"{name}: a page of that name was read from {was.root};"
                f" rename the file, or take that page out: `nightschool knowledge remove {name}`"
            )
        try:
            document = read_document(file, folder)
        except (BadInput, OSError) as error:
            if was is None:
                raise
            if isinstance(error, BadInput) and error.code == EMPTY:
                self._store.remove(name)
                return "emptied"
            raise BadInput(f"{error}; what it said before still answers") from error
        if was is not None and was.digest == document.digest:
            return "as before"
        self._put(document, root)
        return "added" if was is None else "changed"

    def add_text(self, name: str, text: str) -> Document:
        """Add or replace one page.

        Raises:
            BadInput: Empty.
        """
        document = make_document(name, text)
        was = self._store.pages().get(name)
        if was is None or was.digest != document.digest:
            self._put(document)
        return document

    def pages(self) -> list[str]:
        """Names of the pages there are."""
        return list(self._store.pages())

    def remove(self, name: str) -> bool:
        """Take a page out; False where there was none."""
        return self._store.remove(name)

    def learn(self, asked: Sequence[Asked], principal: Principal) -> Learned:
        """Remember which words answered which questions; words that their page does not say are refused."""
        said = [place is not None for place in self._store.places(asked)]
        kept = [one for one, is_said in zip(asked, said, strict=True) if is_said]
        refused = tuple(one for one, is_said in zip(asked, said, strict=True) if not is_said)
        if self._asked is None or not kept:
            return Learned(0, refused)
        return Learned(self._asked.add(kept, self._encoder.embed([one.question for one in kept]), principal), refused)

    def search(self, question: str, limit: int = 10, may_see: Callable[[str], bool] = lambda _: True) -> list[Hit]:
        """Passages that may answer a question, best first.

        Pages that another one supersedes come after those that hold and say as much; those that hold from a later day on say
        nothing yet.

        Args:
            question: In words.
            limit: At most so many.
            may_see: Whether whoever asks may be told what a page says, by its name.
        """
        if not question.strip():
            return []
        with self._guard:
            index = self._follow()
            pages, today = self._pages, self._today()

            @cache
            def is_told(name: str) -> bool:
                return name in pages and _holds(pages[name], today) and may_see(name)

            def is_open(passage: int) -> bool:
                return is_told(self._page_of.get(passage, ""))

            vector = self._encoder.embed([question])[0]
            nearest = _best(lambda most: index.search(vector, most), _NEAR, lambda one: is_open(one[0] // _MOST_VECTORS))
            near = {key // _MOST_VECTORS for key, _ in nearest}
            shared = dict(_best(lambda most: self._lexical.search(question, most), _SHARED, lambda one: is_open(one[0])))
            alike = self._alike(vector, is_told)
        best = max(shared.values(), default=1.0)
        stored = self._store.passages(sorted(near | set(shared) | set(alike)))
        cosines = {key: rows @ vector for key, rows in self._store.vectors(list(stored)).items()}
        hits = [
            _hit(found, cosines[key], shared.get(key, 0.0) / best, alike.get(key, 0.0), _instead(found, pages, today))
            for key, found in stored.items()
            if key in cosines
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.document))[:limit]

    def close(self) -> None:
        """Let go of the vectors' folder."""
        if self._vectors is not None:
            self._vectors.close()
            self._vectors = None

    def _alike(self, vector: NDArray[np.float32], is_told: Callable[[str], bool]) -> dict[int, float]:
        """The passages that answered earlier questions like one, with how like these are."""
        asked = self._asked
        if asked is None:
            return {}
        likes = _best(lambda most: asked.like(vector, most), _ALIKE, lambda one: is_told(one.asked.document))
        found: dict[int, float] = {}
        for one, place in zip(likes, self._store.places([like.asked for like in likes]), strict=True):
            if place is not None:
                found[place] = max(found.get(place, 0.0), one.cosine)
        return found

    def _put(self, document: Document, root: str | None = None) -> None:
        """Embed what the page did not say before, and store it."""
        passages = cut(document)
        texts = [_texts(passage) for passage in passages]
        before = self._store.page(document.name)
        known = {text: row for passage, rows in before for text, row in zip(_texts(passage), rows, strict=True)}
        new = sorted({text for some in texts for text in some} - set(known))
        known |= dict(zip(new, self._encoder.embed(new), strict=True))
        vectors = [np.stack([known[text] for text in some]) for some in texts]
        self._store.put(document, passages, vectors, self._encoder_name, root)

    def _follow(self) -> VectorIndex:
        """Both indexes as the database is now."""
        if self._vectors is None:
            self._vectors, self._revision = self._open_vectors(), -1
        revision = self._store.revision()
        if revision != self._revision:
            wanted = set(self._store.passage_ids())
            keys = self._vectors.ids()
            self._vectors.remove(sorted(key for key in keys if key // _MOST_VECTORS not in wanted))
            new_vectors = self._store.vectors(sorted(wanted - {key // _MOST_VECTORS for key in keys}))
            self._vectors.add(
                {found * _MOST_VECTORS + place: row for found, rows in new_vectors.items() for place, row in enumerate(rows)}
            )
            self._lexical.remove(self._page_of.keys() - wanted)
            new = self._store.passages(sorted(wanted - self._page_of.keys()))
            self._lexical.add((key, found.passage.heading, found.passage.text) for key, found in new.items())
            self._page_of |= {key: found.passage.document for key, found in new.items()}
            self._page_of = {key: page for key, page in self._page_of.items() if key in wanted}
            self._pages, self._revision = self._store.pages(), revision
        return self._vectors


def _texts(passage: Passage) -> list[str]:
    """What is embedded of a passage: itself, and each of its sentences."""
    return [passage.titled, *passage.sentences][:_MOST_VECTORS]


def _best(search: Callable[[int], Sequence[_Found]], most: int, is_open: Callable[[_Found], bool]) -> list[_Found]:
    """The best that may be seen, as if there were no others; where all may be, one search."""
    wanted = most
    while True:
        found = search(wanted)
        seen = [one for one in found if is_open(one)][:most]
        if len(seen) == most or len(found) < wanted:
            return seen
        wanted *= _WIDER


def _holds(page: Page, today: date) -> bool:
    return page.valid_from is None or page.valid_from <= today


def _instead(found: Stored, pages: Mapping[str, Page], today: date) -> str | None:
    """The page that holds instead of a passage's; None where it names none that is there and holds by now."""
    page = found.passage.document
    said = pages[page].superseded_by
    other = named_by(said, page, pages) if said else None
    return other if other is not None and _holds(pages[other], today) else None


def _is_same(folder: str, other: str) -> bool:
    """Whether two paths lead to one folder; of one that is gone only its name can say so."""
    return folder == other or (os.path.isdir(folder) and os.path.isdir(other) and os.path.samefile(folder, other))


def _hit(found: Stored, cosines: NDArray[np.float32], words: float, asked: float, superseded_by: str | None) -> Hit:
    own, sentence = float(cosines[0]), float(cosines[1:].max(initial=-1.0))
    return Hit(
        document=found.passage.document,
        title=found.title,
        heading=found.passage.heading,
        text=found.passage.text,
        score=round(fused(own, max(own, sentence), words, asked, superseded_by is not None), 6),
        cosine=round(max(own, sentence), 4),
        version=found.version,
        valid_from=found.valid_from.isoformat() if found.valid_from else None,
        superseded_by=superseded_by,
    )
