"""How much there is to learn that the champion has not learned."""

from agents.home import Home
from agents.learned import dropped_by, learned_traces


def new_signal(home: Home, toolset: str) -> int:
    """Accepted traces that the champion has not learned; all accepted ones where there is no champion.

    What its night left out for a reason is not new, nor is what was imported before it and left out for want of time.
    """
    accepted = (trace for trace in home.traces.all(toolset) if trace.accepted)
    if not home.releases.history(toolset):
        return sum(1 for _ in accepted)
    champion = home.releases.champion(toolset)
    met = learned_traces(home, toolset) | dropped_by(home, champion.id)
    return sum(1 for trace in accepted if trace.id not in met and (trace.is_of_the_day or trace.created_at > champion.created_at))
