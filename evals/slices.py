"""Slices of an exam: cases of one tool or of one way to end, and where one release does worse than another."""

from collections import defaultdict
from collections.abc import Sequence

from core.types.case import Case
from core.types.value import Value
from evals.scorers.exact import Score


class SliceChange(Value):
    """How two releases did on one slice."""

    slice: str
    """Tool of the first expected call, else the expected outcome."""
    n: int
    """Cases."""
    before: int
    """Exact by the reference."""
    after: int
    """Exact by the candidate."""

    def __str__(self) -> str:
        return f"{self.slice} {self.before} → {self.after} of {self.n}"


def slice_of(case: Case) -> str:
    """Which slice a case belongs to."""
    return case.expected[0].name if case.expected else case.outcome or "none"


def slice_changes(slices: Sequence[str], candidate: Sequence[Score], reference: Sequence[Score]) -> list[SliceChange]:
    """Every slice, the one that loses most cases first; row by row the same cases."""
    rows: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for name, after, before in zip(slices, candidate, reference, strict=True):
        rows[name].append((before.exact, after.exact))
    changes = [
        SliceChange(slice=name, n=len(found), before=sum(b for b, _ in found), after=sum(a for _, a in found))
        for name, found in rows.items()
    ]
    return sorted(changes, key=lambda change: (change.after - change.before, -change.n, change.slice))
