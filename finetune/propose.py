"""Which steps of real conversations to propose for a golden set: some of every sort, what went wrong among them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set

from agents.home import Home
from agents.learned import learned_by
from core.types.case import PARTS, Case, cases_of
from core.types.example import Example
from core.types.message import without_ids, write_messages
from core.types.tool import Toolset
from core.types.trace import Trace
from core.types.value import content_hash
from evals.golden_proposals import Proposal
from evals.slices import slice_of
from finetune.cluster import cluster
from finetune.curate.decontaminate import decontaminated
from finetune.harvest import harvest_one

WRONG = "wrong: "
"""How the stratum of a step begins that nobody let be."""


def met_by_releases(home: Home, toolset: str) -> frozenset[str]:
    """Traces that any release has learned or was examined on: no exam for those that come after."""
    releases = home.releases.all(toolset)
    return frozenset(trace for release in releases for trace in learned_by(home, release, with_exam=True))


def propose(
    traces: Iterable[Trace], toolset: Toolset, met: Set[str], known: Sequence[Proposal], most: int, seed: int
) -> list[Proposal]:
    """Choose steps, one a conversation and one a cluster of near-duplicates, in turn from every stratum.

    Args:
        traces: All there are, let be or not; what a teacher said in other words is not taken, nor what it was said for if met.
        toolset: What they are of.
        met: Traces that must not be taken, nor what is like one.
        known: Proposed before; they count for their strata.
        most: How many, at most.
        seed: Another one chooses others.
    """
    everything = list(traces)
    taken = {proposal.trace for proposal in known}
    reworded = {original for trace in everything if trace.id in met and (original := trace.rewords) is not None}
    strata: dict[str, list[Proposal]] = defaultdict(list)
    fresh = [trace for trace in everything if trace.id not in {*met, *taken, *reworded} and trace.rewords is None]
    examples = [example for trace in fresh if (example := harvest_one(trace)) is not None]
    unlike = decontaminated(examples, [trace.messages for trace in everything if trace.id in met]).kept
    accepted = {trace.id for trace in fresh if trace.accepted}
    for proposal in _candidates(unlike, accepted, toolset, seed):
        strata[proposal.stratum].append(proposal)
    for proposals in strata.values():
        proposals.sort(key=lambda proposal: content_hash([seed, proposal.id]), reverse=True)
    counts = {stratum: sum(proposal.stratum == stratum for proposal in known) for stratum in strata}
    chosen: list[Proposal] = []
    while len(chosen) < most and any(strata.values()):
        stratum = min((name for name, left in strata.items() if left), key=lambda name: (counts[name], name))
        chosen.append(strata[stratum].pop())
        counts[stratum] += 1
    return chosen


def halved(cases: Sequence[Case], known: Sequence[Case]) -> list[Case]:
    """The cases, each of a sort put into the half that has fewer of that sort so far, the gate's first."""
    counts = Counter((slice_of(case), case.part) for case in known)
    placed = []
    for case in cases:
        part = min(PARTS, key=lambda half: counts[slice_of(case), half])
        counts[slice_of(case), part] += 1
        placed.append(case.model_copy(update={"part": part}))
    return placed


def _candidates(examples: Sequence[Example], accepted: Set[str], toolset: Toolset, seed: int) -> list[Proposal]:
    """One step of the first conversation of each cluster."""
    found: dict[str, Proposal] = {}
    for example in cluster(examples):
        cases = [case for case in cases_of(example, toolset) if all(call.name in toolset.by_name for call in case.expected)]
        if example.cluster in found or not cases:
            continue
        case = cases[int(content_hash([seed, example.trace_id]), 16) % len(cases)]
        wrong = "" if example.trace_id in accepted else WRONG
        identity = content_hash(write_messages(without_ids(case.messages)))
        stratum = f"{wrong}{slice_of(case)}"
        found[example.cluster] = Proposal(id=identity, trace=example.trace_id, stratum=stratum, case=case)
    return list(found.values())
