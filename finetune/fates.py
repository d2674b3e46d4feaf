"""What has become of the writes of a day: taken back, or too young to tell. Silence is no consent; time without a reversal says
something."""

from collections.abc import Iterable
from datetime import UTC, datetime

from agents.home import Home
from agents.learned import YOUNG, learned_in
from core.types.trace import THREAD, Trace
from tools.erp.operations.reversers import REVERSERS
from tools.ledger import Entry
from tools.reversals import call_of, reversals

_Calls = dict[tuple[str, str], str]
"""What speaks against a call, by conversation and id."""


def fates_of(home: Home, traces: Iterable[Trace]) -> dict[str, str]:
    """What speaks against a trace, by its id: a write of it was taken back, or is younger than `mature_days` of the settings.

    What a person wrote to put something right made no write, and what was imported none that the ledger knows.
    """
    against = _against(home)
    return {trace.id: why for trace in traces if against and (why := _worst(trace, against))}


def flagged(home: Home, toolset: str) -> dict[str, list[str]]:
    """Releases that have learned what was taken back since, with the ids of those traces; by release id."""
    if all(why == YOUNG for why in _against(home).values()):
        return {}
    fates = fates_of(home, home.traces.all(toolset))
    taken_back = [identity for identity, why in fates.items() if why != YOUNG]
    found = {}
    for release in home.releases.all(toolset):
        learned = learned_in(home, release.id, with_exam=True)
        if held := [identity for identity in taken_back if identity in learned]:
            found[release.id] = held
    return found


def _against(home: Home) -> _Calls:
    entries = home.ledger.written()
    taken_back = reversals(entries, REVERSERS)
    against: _Calls = {}
    for entry in entries:
        place = call_of(entry.key)
        if place is None:
            continue
        if entry.key in taken_back:
            against[place] = f"{entry.tool} was {taken_back[entry.key]} later"
        elif _age_days(entry) < home.settings.mature_days:
            against[place] = YOUNG
    return against


def _worst(trace: Trace, against: _Calls) -> str:
    """A reversal if there is one, else youth, else nothing."""
    if not trace.source.startswith(THREAD):
        return ""
    thread = trace.source.removeprefix(THREAD)
    found = [why for m in trace.messages for call in m.tool_calls if call.id and (why := against.get((thread, call.id)))]
    return next((why for why in found if why != YOUNG), next(iter(found), ""))


def _age_days(entry: Entry) -> int:
    """Whole days, so that a night that is begun again within the day is the same night."""
    made = entry.created_at if entry.created_at.tzinfo else entry.created_at.replace(tzinfo=UTC)
    return (datetime.now(UTC).date() - made.astimezone(UTC).date()).days
