"""What must not teach because it examines: golden cases, and what is proposed for a golden set."""

from collections.abc import Sequence
from typing import NamedTuple

from agents.home import Home
from core.types.message import Message
from evals.golden_proposals import ProposalStore
from evals.golden_sets import golden_cases


class Barred(NamedTuple):
    """Conversations that nothing trained on may be, or resemble."""

    conversations: Sequence[Sequence[Message]] = ()
    """Up to the step that is examined."""
    traces: frozenset[str] = frozenset()
    """Ids of traces they come from, as far as they come from traces."""


def barred_for(home: Home, toolset: str) -> Barred:
    """Everything golden of a toolset, and every proposal that was not found unfit."""
    known = home.registry.get(toolset)
    store = ProposalStore(home.database, home.settings.tenant)
    proposals = [proposal for proposal in store.all(toolset) if proposal.state(known) != "rejected"]
    golden = [case.messages for case in golden_cases(home.folder, toolset)]
    proposed = [proposal.case.messages for proposal in proposals]
    return Barred([*golden, *proposed], frozenset(proposal.trace for proposal in proposals))
