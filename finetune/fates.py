"""What has become of the writes of a day: taken back, or too young to tell. Silence is no consent; time without a reversal says
something."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from agents.home import Home
from agents.learned import YOUNG, learned_by, learned_in
from core.types.trace import CORRECTION, THREAD, Trace
from tools.erp.operations.reversers import REVERSERS
from tools.ledger import Entry
from tools.reversals import call_of, reversals

_Calls = dict[tuple[str, str], str]
"""What speaks against a call, by conversation and id."""


def fates_of(home: Home, traces: Iterable[Trace], today: date | None = None) -> dict[str, str]:
    """What speaks against a trace, by its id: a write of it was taken back, or is younger than `mature_days` of the settings.

    `today` is the day, in UTC, that youth is judged by; a night keeps to that on which it began.

    What was imported made no write that the ledger knows, and what a person put right afterwards none that was right; what they
    put right before it was written shares the fate of that write.
    """
    return _fates(traces, _against(home, today))


def _fates(traces: Iterable[Trace], against: _Calls) -> dict[str, str]:
    if not against:
        return {}
    fates, corrections = dict[str, str](), list[Trace]()
    edited = set[str]()
    for trace in traces:
        if trace.is_correction:
            corrections.append(trace)
        elif why := _worst(trace, against):
            fates[trace.id] = why
            edited.update({trace.id} if trace.accepted and trace.judged == "edited" else ())
    for trace in corrections:
        origin = trace.source.removeprefix(CORRECTION)
        if origin in edited:
            fates[trace.id] = fates[origin]
    return fates


def flagged(home: Home, toolset: str) -> dict[str, list[str]]:
    """Releases that have learned what was taken back since, with the ids of those traces; by release id."""
    against = {call: why for call, why in _against(home, None).items() if why != YOUNG}
    if not against:
        return {}
    fates = _fates(home.traces.all(toolset), against)
    found = {}
    for release in home.releases.all(toolset):
        learned = learned_by(home, release) | learned_in(home, release.id, with_exam=True)
        if held := [identity for identity in fates if identity in learned]:
            found[release.id] = held
    return found


def _against(home: Home, today: date | None) -> _Calls:
    entries = home.ledger.written()
    taken_back = reversals(entries, REVERSERS)
    against: _Calls = {}
    for entry in entries:
        place = call_of(entry.key)
        if place is None:
            continue
        if entry.key in taken_back:
            against[place] = f"{entry.tool} was {taken_back[entry.key]} later"
        elif _age_days(entry, today or datetime.now(UTC).date()) < home.settings.mature_days:
            against[place] = YOUNG
    return against


def _worst(trace: Trace, against: _Calls) -> str:
    """A reversal if there is one, else youth, else nothing."""
    if not trace.source.startswith(THREAD):
        return ""
    thread = trace.source.removeprefix(THREAD)
    found = [why for m in trace.messages for call in m.tool_calls if call.id and (why := against.get((thread, call.id)))]
    return next((why for why in found if why != YOUNG), next(iter(found), ""))


def _age_days(entry: Entry, today: date) -> int:
    made = entry.created_at if entry.created_at.tzinfo else entry.created_at.replace(tzinfo=UTC)
    return (today - made.astimezone(UTC).date()).days
