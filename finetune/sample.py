"""Which conversations a night takes where not all fit: by lot, those that teach more steps with better chances.

A conversation of several steps teaches what follows a result, which is rarer and harder than a first call, at little more
cost than one of a single step.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence

from core.types.example import Example


def sample(examples: Sequence[Example], wanted: int, seed: int) -> list[Example]:
    """At most `wanted` examples, whole clusters first to last; all of them, in their order, where they fit.

    The order is a draw without replacement with chances as the steps of a cluster's conversations (Efraimidis and Spirakis
    2006: ascending -ln(u) / weight), and depends on `seed` and the clusters only.
    """
    if wanted >= len(examples):
        return list(examples)
    clusters: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        clusters[example.cluster].append(example)
    order = sorted(clusters, key=lambda name: -math.log(_uniform(seed, name)) / _weight(clusters[name]))
    return [example for name in order for example in clusters[name]][:wanted]


def _uniform(seed: int, name: str) -> float:
    """A number in (0, 1] that looks drawn by chance."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") + 1) / 2**64


def _weight(cluster: Sequence[Example]) -> float:
    return sum(len(example.steps) for example in cluster) / len(cluster)
