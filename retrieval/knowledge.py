"""Knowledge: pages that change, and the passages that say something about a question.

The database holds the truth; both indexes follow it before every search, so that a page edited by any process is found as it
is now.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.types.principal import Principal
from core.types.value import Value
from retrieval.asked import Asked, AskedStore
from retrieval.chunk import Passage, cut
from retrieval.documents import Document, make_document, pages_in, read_document
from retrieval.fusion import fused
from retrieval.lexical import LexicalIndex
from retrieval.store import KnowledgeStore, Stored
from retrieval.vectors import VectorIndex

_NEAR, _SHARED = 200, 40
"""Vectors and passages the indexes name before they are scored together."""
_ALIKE = 12
"""Earlier questions that have a say."""
_MOST_VECTORS = 4096
"""Of a passage: the key of a vector is its passage's id times that, plus its place."""
OnProgress = Callable[[int, int], None]


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
    """Pages whose files are gone."""
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
    ) -> None:
        self._store, self._encoder, self._encoder_name, self._asked = store, encoder, encoder_name, asked
        self._open_vectors = vectors
        self._vectors: VectorIndex | None = None
        self._lexical = LexicalIndex()
        self._in_lexical: set[int] = set()
        self._revision = -1
        self._guard = threading.Lock()

    def add_folder(self, folder: Path, on_progress: OnProgress = lambda done, of: None, prune: bool = False) -> Added:
        """Read every page of a folder; those that did not change cost nothing.

        Args:
            folder: Searched for Markdown and text files, to any depth.
            on_progress: Called with pages done and pages in all.
            prune: Also take pages out whose file is gone.

        Raises:
            BadInput: Not a folder.
        """
        files, known = list(pages_in(folder)), self._store.digests()
        added: list[str] = []
        changed: list[str] = []
        refused: dict[str, str] = {}
        seen: set[str] = set()
        for number, file in enumerate(files, 1):
            name = file.relative_to(folder).as_posix()
            seen.add(name)
            try:
                document = read_document(file, folder)
                if known.get(name) != document.digest:
                    self._put(document)
                    (changed if name in known else added).append(name)
            except (BadInput, OSError) as error:
                refused[name] = str(error)
            on_progress(number, len(files))
        removed = [name for name in known if name not in seen] if prune else []
        for name in removed:
            self._store.remove(name)
        unchanged = len(files) - len(added) - len(changed) - len(refused)
        return Added(added=tuple(added), changed=tuple(changed), unchanged=unchanged, removed=tuple(removed), refused=refused)

    def add_text(self, name: str, text: str) -> Document:
        """Add or replace one page.

        Raises:
            BadInput: Empty.
        """
        document = make_document(name, text)
        if self._store.digests().get(name) != document.digest:
            self._put(document)
        return document

    def pages(self) -> list[str]:
        """Names of the pages there are."""
        return list(self._store.digests())

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

        Pages that another one supersedes come after those that hold and say as much.

        Args:
            question: In words.
            limit: At most so many.
            may_see: Whether whoever asks may be told what a page says, by its name.
        """
        if not question.strip():
            return []
        with self._guard:
            index = self._follow()
            vector = self._encoder.embed([question])[0]
            near = {key // _MOST_VECTORS for key, _ in index.search(vector, _NEAR)}
            shared = dict(self._lexical.search(question, _SHARED))
            alike = self._asked.like(vector, _ALIKE) if self._asked is not None else []
        best = max(shared.values(), default=1.0)
        like: dict[int, float] = {}
        for one, place in zip(alike, self._store.places([one.asked for one in alike]), strict=True):
            if place is not None:
                like[place] = max(like.get(place, 0.0), one.cosine)
        stored = self._store.passages(sorted(near | set(shared) | set(like)))
        cosines = {key: rows @ vector for key, rows in self._store.vectors(list(stored)).items()}
        hits = [
            _hit(found, cosines[key], shared.get(key, 0.0) / best, like.get(key, 0.0))
            for key, found in stored.items()
            if key in cosines and may_see(found.passage.document)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.document))[:limit]

    def close(self) -> None:
        """Let go of the vectors' folder."""
        if self._vectors is not None:
            self._vectors.close()
            self._vectors = None

    def _put(self, document: Document) -> None:
        """Embed what the page did not say before, and store it."""
        passages = cut(document)
        texts = [_texts(passage) for passage in passages]
        before = self._store.page(document.name)
        known = {text: row for passage, rows in before for text, row in zip(_texts(passage), rows, strict=True)}
        new = sorted({text for some in texts for text in some} - set(known))
        known |= dict(zip(new, self._encoder.embed(new), strict=True))
        self._store.put(document, passages, [np.stack([known[text] for text in some]) for some in texts], self._encoder_name)

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
            self._lexical.remove(self._in_lexical - wanted)
            new = self._store.passages(sorted(wanted - self._in_lexical))
            self._lexical.add((key, found.passage.heading, found.passage.text) for key, found in new.items())
            self._in_lexical, self._revision = wanted, revision
        return self._vectors


def _texts(passage: Passage) -> list[str]:
    """What is embedded of a passage: itself, and each of its sentences."""
    return [passage.titled, *passage.sentences][:_MOST_VECTORS]


def _hit(found: Stored, cosines: NDArray[np.float32], words: float, asked: float) -> Hit:
    own, sentence = float(cosines[0]), float(cosines[1:].max(initial=-1.0))
    return Hit(
        document=found.passage.document,
        title=found.title,
        heading=found.passage.heading,
        text=found.passage.text,
        score=round(fused(own, max(own, sentence), words, asked, found.superseded_by is not None), 6),
        cosine=round(max(own, sentence), 4),
        version=found.version,
        valid_from=found.valid_from.isoformat() if found.valid_from else None,
        superseded_by=found.superseded_by,
    )
