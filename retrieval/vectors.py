"""Vectors: passages near a question in meaning. Embedded Chroma where this process owns the folder, else all of them compared.

Chroma's folder bears one process only: two that write lose rows, one that only reads sees stale ones (measured). A lock says
who owns it; every other process compares its own copy of the vectors, which for a handbook takes a millisecond.
"""

import fcntl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

_BATCH = 1000


class VectorIndex(Protocol):
    """Vectors by id."""

    def ids(self) -> set[int]:
        """What is in it."""
        ...

    def add(self, vectors: Mapping[int, NDArray[np.float32]]) -> None:
        """Add vectors of unit length."""
        ...

    def remove(self, ids: Sequence[int]) -> None:
        """Take some out."""
        ...

    def search(self, vector: NDArray[np.float32], limit: int) -> list[tuple[int, float]]:
        """The nearest, nearest first, with their cosine."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


class ExactIndex:
    """Compares with every vector; nothing on disk."""

    def __init__(self) -> None:
        self._vectors: dict[int, NDArray[np.float32]] = {}

    def ids(self) -> set[int]:
        """What is in it."""
        return set(self._vectors)

    def add(self, vectors: Mapping[int, NDArray[np.float32]]) -> None:
        """Add vectors of unit length."""
        self._vectors.update(vectors)

    def remove(self, ids: Sequence[int]) -> None:
        """Take some out."""
        for found in ids:
            self._vectors.pop(found, None)

    def search(self, vector: NDArray[np.float32], limit: int) -> list[tuple[int, float]]:
        """The nearest, nearest first, with their cosine."""
        if not self._vectors:
            return []
        ids = list(self._vectors)
        cosines = np.stack([self._vectors[found] for found in ids]) @ vector
        return [(ids[at], float(cosines[at])) for at in np.argsort(-cosines, kind="stable")[:limit]]

    def close(self) -> None:
        """Nothing to let go of."""


class ChromaIndex:
    """A collection in embedded Chroma; telemetry off, vectors always our own."""

    def __init__(self, folder: Path, name: str, lock: IO[str]) -> None:
        """Use `open_index`, which takes the lock."""
        import chromadb
        from chromadb.config import Settings

        self._lock = lock
        client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        self._collection: Any = client.get_or_create_collection(
            name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def ids(self) -> set[int]:
        """What is in it."""
        return {int(found) for found in self._collection.get(include=[])["ids"]}

    def add(self, vectors: Mapping[int, NDArray[np.float32]]) -> None:
        """Add vectors of unit length."""
        ids = list(vectors)
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            self._collection.upsert(ids=list(map(str, batch)), embeddings=[vectors[found] for found in batch])

    def remove(self, ids: Sequence[int]) -> None:
        """Take some out."""
        for start in range(0, len(ids), _BATCH):
            self._collection.delete(ids=list(map(str, ids[start : start + _BATCH])))

    def search(self, vector: NDArray[np.float32], limit: int) -> list[tuple[int, float]]:
        """The nearest, nearest first, with their cosine."""
        count = self._collection.count()
        if not count:
            return []
        found = self._collection.query(query_embeddings=[vector], n_results=min(limit, count), include=["distances"])
        return [(int(key), 1.0 - float(distance)) for key, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def close(self) -> None:
        """Let another process own the folder."""
        self._lock.close()


def open_index(folder: Path, name: str) -> VectorIndex:
    """Chroma where no other process owns the folder, else an exact index in memory.

    Args:
        folder: Of this home's Chroma.
        name: Of the collection, 3 to 512 characters.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "owner.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return ExactIndex()
    return ChromaIndex(folder, name, lock)
