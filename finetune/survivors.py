"""The cheap pass: which of very many traces the costly filters see.

One stream over the store, a few integers kept of each trace: so a million take minutes and little memory. All are seen where they
are few; else as many of every sort as there is room for, corrections first, then what comes from work with this service, by lot.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from core.traces import TraceStore
from core.types.trace import CORRECTION, THREAD, Trace

MOST = 20_000
_Kept = tuple[int, int, int]
"""Rank (0 a correction, 1 of the day, 2 imported), lot, number in the store."""


class Survivors(NamedTuple):
    """What is left to look at."""

    traces: list[Trace]
    """Oldest first; what corrections put right among them."""
    accepted: int
    """How many confirmed traces there are."""
    stale: int
    """Of these, left aside for a call of a schema that nothing leads from."""
    crowded_out: int
    """Of these, left aside for want of room."""


def survivors(store: TraceStore, toolset: str, is_known: Callable[[str], bool], seed: int = 0, most: int = MOST) -> Survivors:
    """Choose traces for the costly filters.

    Args:
        store: Where they lie.
        toolset: Whose.
        is_known: Whether the tools there are can be reached from a schema hash.
        seed: Of the lot.
        most: How many, what corrections put right not counted.
    """
    if store.count(toolset) <= most:
        everything = list(store.all(toolset))
        return Survivors(everything, sum(trace.accepted for trace in everything), 0, 0)
    sorts: dict[tuple[str, ...], list[_Kept]] = defaultdict(list)
    accepted = stale = 0
    wrong_of: dict[int, str] = {}
    for number, identity, document in store.raw(toolset):
        if not document.get("accepted", True):
            continue
        accepted += 1
        names = _called(document)
        hashes: Mapping[str, str] = document.get("schema_hashes", {})
        if not all(name not in hashes or is_known(hashes[name]) for name in names):
            stale += 1
            continue
        source = str(document.get("source", ""))
        if source.startswith(CORRECTION):
            wrong_of[number] = source.removeprefix(CORRECTION)
        rank = 0 if number in wrong_of else 1 if source.startswith(THREAD) else 2
        sorts[(str(document.get("outcome")), *names)].append((rank, _lot(seed, identity), number))
    chosen = _share_out(sorts.values(), most)
    traces = list(store.picked(toolset, chosen, {wrong_of[number] for number in chosen if number in wrong_of}))
    return Survivors(traces, accepted, stale, accepted - stale - len(chosen))


def _share_out(sorts: Iterable[list[_Kept]], most: int) -> set[int]:
    """Numbers of the first of each sort, as many of each as room allows: small sorts whole, the others alike."""
    left, chosen = most, set[int]()
    waiting = sorted(sorts, key=len)
    for at, sort in enumerate(waiting):
        quota = left // (len(waiting) - at)
        taken = sorted(sort)[:quota]
        chosen.update(number for _, _, number in taken)
        left -= len(taken)
    return chosen


def _called(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the tools a stored conversation calls."""
    return tuple(sorted({call["name"] for message in document["messages"] for call in message.get("tool_calls") or ()}))


def _lot(seed: int, identity: str) -> int:
    return int.from_bytes(blake2b(f"{seed} {identity}".encode(), digest_size=6).digest())
