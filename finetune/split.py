"""Splits: who sees which conversation, decided by hash of seed and cluster, so that it never depends on order."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence, Set

from core.types.example import Example
from core.types.value import Value

RESERVED_SHARE, RESERVED_MIN, RESERVED_MAX = 0.15, 80, 400
EXAM_SHARE, EXAM_MAX = 0.15, 200
STOP_SHARE, STOP_MIN, STOP_MAX = 0.04, 20, 60
"""Below the least there is no early stopping: a handful of conversations would stop at chance."""
_RESERVE_AT_MOST = 0.25


class Parts(Value):
    """Disjoint parts of a night's examples; a cluster is in one part only."""

    writer: tuple[Example, ...]
    """The writer trains on these."""
    stop: tuple[Example, ...]
    """Early stopping looks at these; none where they would be too few to tell."""
    reserved: tuple[Example, ...]
    """Reviewer and calibration are fitted on these; the writer never sees them."""
    exam: tuple[Example, ...]
    """The exam where no golden set exists; trained on by nothing."""

    @property
    def training(self) -> tuple[Example, ...]:
        """Everything that may teach anything: all but the exam."""
        return (*self.writer, *self.stop, *self.reserved)


def split(
    examples: Sequence[Example], seed: int, with_exam: bool, with_reserved: bool = True, met: Set[str] = frozenset()
) -> Parts:
    """Split examples by cluster.

    Args:
        examples: All curated examples.
        seed: Other seeds give other parts.
        with_exam: Whether an exam has to be cut from the examples (no golden set).
        with_reserved: Whether a reviewer is to be fitted.
        met: Trace ids that a release has learned which stands in the same exam; their clusters are none of it.

    Returns:
        Parts; sizes are shares of conversations, cluster by cluster until filled. With few rows the reserved part shrinks
        below its floor rather than take more than a quarter. The writer's part is empty only where there is no example.
    """
    left = shuffled_clusters(examples, seed)
    unmet = [cluster for cluster in left if met.isdisjoint(example.trace_id for example in cluster)]
    exam = _take(unmet, min(EXAM_MAX, round(EXAM_SHARE * len(examples)))) if with_exam else []
    examined = {example.cluster for example in exam}
    left = [cluster for cluster in left if cluster[0].cluster not in examined]
    remaining = sum(map(len, left))
    wanted = min(RESERVED_MAX, max(RESERVED_MIN, round(RESERVED_SHARE * remaining)))
    reserved = _take(left, min(wanted, round(_RESERVE_AT_MOST * remaining))) if with_reserved else []
    watched = min(STOP_MAX, round(STOP_SHARE * remaining))
    stop = _take(left, watched) if watched >= STOP_MIN else []
    return Parts(
        writer=tuple(e for cluster in left for e in cluster), stop=tuple(stop), reserved=tuple(reserved), exam=tuple(exam)
    )


def split_around(examples: Sequence[Example], seed: int, with_exam: bool, seen: Set[str], met: Set[str] = frozenset()) -> Parts:
    """Split examples around an adapter that stays as it is: what it has seen is the writer's, of all others some judge it.

    Args:
        examples: All curated examples.
        seed: Other seeds draw others.
        with_exam: Whether an exam has to be cut from the examples (no golden set).
        seen: Trace ids the adapter was trained with.
        met: As for `split`.

    Returns:
        Parts. Examples of a cluster that was seen in part, and those over the most that are reserved, are in none.
    """
    known = {example.cluster for example in examples if example.trace_id in seen}
    left = shuffled_clusters([example for example in examples if example.cluster not in known], seed)
    unmet = [cluster for cluster in left if met.isdisjoint(example.trace_id for example in cluster)]
    exam = _first(unmet, min(EXAM_MAX, round(EXAM_SHARE * len(examples)))) if with_exam else []
    examined = {example.cluster for example in exam}
    reserved = _first([cluster for cluster in left if cluster[0].cluster not in examined], RESERVED_MAX)
    writer = [example for example in examples if example.trace_id in seen]
    return Parts(writer=tuple(writer), stop=(), reserved=tuple(reserved), exam=tuple(exam))


def _first(clusters: Sequence[list[Example]], wanted: int) -> list[Example]:
    """Whole clusters until so many examples are taken, or all."""
    taken: list[Example] = []
    for cluster in clusters:
        if len(taken) >= wanted:
            break
        taken.extend(cluster)
    return taken


def folds(examples: Sequence[Example], count: int, seed: int) -> list[list[Example]]:
    """Cut examples into `count` folds of like size, clusters whole."""
    cut: list[list[Example]] = [[] for _ in range(count)]
    for cluster in shuffled_clusters(examples, seed):
        min(cut, key=len).extend(cluster)
    return cut


def shuffled_clusters(examples: Sequence[Example], seed: int) -> list[list[Example]]:
    """Clusters in an order that depends on seed and cluster names only."""
    clusters: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        clusters[example.cluster].append(example)
    return [clusters[name] for name in sorted(clusters, key=lambda name: _rank(seed, name))]


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def _take(left: list[list[Example]], wanted: int) -> list[Example]:
    """Move whole clusters out of `left`, first ones first, until `wanted` examples are taken.

    A cluster larger than all others left together stays for the writer; so does the last one.
    """
    taken: list[Example] = []
    rest = sum(map(len, left))
    for cluster in list(left):
        if len(taken) < wanted and len(cluster) <= rest - len(cluster):
            left.remove(cluster)
            taken.extend(cluster)
            rest -= len(cluster)
    return taken
