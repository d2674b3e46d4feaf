"""Fusion of rankings by reciprocal rank (Cormack, Clarke and Büttcher 2009)."""

from collections.abc import Sequence

_RANK_OFFSET = 20
"""The paper's k, smaller than its 60: our rankings are forty long, not a thousand."""
NEAR_WEIGHT, SHARED_WEIGHT = 1.0, 1.0


def fuse(near: Sequence[int], shared: Sequence[int]) -> dict[int, float]:
    """Scores by id of what stands in either ranking, the best having the highest.

    Args:
        near: By nearness in meaning, best first.
        shared: By words in common, best first.
    """
    scores: dict[int, float] = {}
    for weight, ranking in ((NEAR_WEIGHT, near), (SHARED_WEIGHT, shared)):
        for rank, found in enumerate(ranking, 1):
            scores[found] = scores.get(found, 0.0) + weight / (_RANK_OFFSET + rank)
    return scores
