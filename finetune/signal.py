"""How much there is to learn that the champion has not learned."""

from agents.home import Home
from agents.learned import dropped_by, learned_by
from finetune.fates import fates_of


def new_signal(home: Home, toolset: str) -> int:
    """Accepted traces that the champion has not learned, nor was examined on; all accepted ones where there is no champion.

    One whose writes speak against it is none, or not yet. What its night left out for a reason is not new, nor is what was
    imported before it and left out for want of time.
    """
    accepted = [trace for trace in home.traces.all(toolset) if trace.accepted]
    fates = fates_of(home, accepted)
    accepted = [trace for trace in accepted if trace.id not in fates]
    if not home.releases.history(toolset):
        return len(accepted)
    champion = home.releases.champion(toolset)
    met = learned_by(home, champion, with_exam=True) | dropped_by(home, champion.id)
    return sum(1 for trace in accepted if trace.id not in met and (trace.is_of_the_day or trace.created_at > champion.created_at))
