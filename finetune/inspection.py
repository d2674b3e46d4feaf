"""What tonight would learn from, told in seconds and without a model."""

from collections import Counter

from agents.home import Home
from agents.learned import learned_traces
from core.types.value import Value
from finetune.audit_sample import Audit, AuditSample
from finetune.barred import barred_for
from finetune.curate.balanced import count_sorts
from finetune.curation import Curator, Passed
from finetune.progress import Progress

FEW = 20
"""Conversations that a tool should have at least."""


class Inspection(Value):
    """What would be used, what would not and why, and what is lacking."""

    toolset: str
    """Whose traces."""
    traces: int
    """All there are."""
    harvested: int
    """Conversations of accepted traces in which something teaches."""
    kept: int
    """Conversations after all filters."""
    new: int
    """Of these, how many the champion has not learned."""
    filters: tuple[Passed, ...]
    """In their order."""
    reasons: dict[str, int]
    """Why conversations are left out, the commonest first."""
    taught_before: dict[str, int]
    """Conversations by what they teach, a tool or a way to end, as harvested."""
    taught: dict[str, int]
    """The same after all filters; every tool of the toolset is there."""
    lacking: tuple[str, ...]
    """Tools with fewer than `FEW` conversations."""
    audit: Audit
    """How many acceptances are false, as far as the audit sample tells."""


def inspect_harvest(home: Home, name: str, progress: Progress) -> Inspection:
    """Curate as a night would, but for what takes a picker to tell.

    Raises:
        NotFound: No such toolset.
    """
    toolset = home.registry.get(name)
    curated = Curator(home, toolset, lambda: home.embedder, 0, progress).inspect(barred_for(home, name))
    learned = learned_traces(home, name)
    taught = dict.fromkeys(toolset.by_name, 0) | dict(count_sorts(curated.examples).most_common())
    return Inspection(
        toolset=name,
        traces=home.traces.count(name),
        harvested=len(curated.harvested),
        kept=len(curated.examples),
        new=sum(example.trace_id not in learned for example in curated.examples),
        filters=tuple(curated.passed),
        reasons=dict(Counter(curated.dropped.values()).most_common()),
        taught_before=dict(count_sorts(curated.harvested).most_common()),
        taught=taught,
        lacking=tuple(tool for tool in toolset.by_name if taught[tool] < FEW),
        audit=AuditSample(home.database, home.settings.tenant).estimate(home.traces.all(name), toolset),
    )
