"""How much there is to learn that the champion has not learned."""

from agents.home import Home
from agents.learned import learned_traces


def new_signal(home: Home, toolset: str) -> int:
    """Accepted traces that the champion's dataset does not hold; all accepted ones where there is no champion.

    What was imported before the champion was made and left out of its night for want of time is not new.
    """
    accepted = (trace for trace in home.traces.all(toolset) if trace.accepted)
    if not home.releases.history(toolset):
        return sum(1 for _ in accepted)
    since, learned = home.releases.champion(toolset).created_at, learned_traces(home, toolset)
    return sum(1 for trace in accepted if trace.id not in learned and (trace.is_of_the_day or trace.created_at > since))
