"""Personal data in texts: what has the form of it, and the names that the business system knows.

Forms are found by Presidio's pattern recognisers (Microsoft, MIT licence): addresses of mail, cards by their check digit, bank
accounts by theirs, telephone numbers as the country's plan has them, addresses of machines. Names are found as the agent finds
them, misspelt and in part, too. A name that no system knows is not found: for that a language model would have to guess.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from core.types.mention import Mention
from core.types.tool import Vocabulary
from tools.dates import find_dates
from tools.directory import Directory
from tools.mentions import NameIndex

KINDS = ("customer", "supplier", "contact", "lead", "opportunity", "person", "employee", "user")
"""Kinds of a vocabulary whose names are personal, as far as it has them; a deal bears its customer's."""
REGIONS = ("US", "GB", "DE", "FR", "IT", "ES", "NL", "AT", "CH", "IE")
"""Whose telephone plans are known where a number is said without its country."""
OF_FORM = ("iban", "email", "phone")
"""Kinds whose values are personal by their form."""
_NEAR = 2.0
"""The directory's cost up to which a name is meant: part of one costs 1.5, a slip 1."""
_SURE = 0.3
"""Presidio's score from which a form counts; lower ones are digits that might be anything."""
_SECOND_SERIES = r"\b2[2-7]\d{2}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}\b"
"""Mastercard's, which Presidio does not look for; the check digit decides."""


class Found(NamedTuple):
    """One span of personal data."""

    start: int
    end: int
    entity: str
    """Presidio's name of the form, or the kind of the name."""


class PersonalData:
    """Finds personal data in texts."""

    def __init__(self, vocabulary: Mapping[str, Vocabulary]) -> None:
        """`vocabulary`: what the business system knows; names of `KINDS` are personal, ids of all kinds are not."""
        nameless = {"patterns": ()}
        personal = {kind: entry.model_copy(update=nameless) for kind, entry in vocabulary.items() if kind in KINDS}
        others = {
            kind: Vocabulary(patterns=entry.patterns) if kind in KINDS else entry
            for kind, entry in vocabulary.items()
            if kind not in OF_FORM
        }
        self._names, self._not_personal = NameIndex(personal), NameIndex(others, fuzzy_cutoff=100)
        self._directory = Directory((kind, name, name) for kind, entry in personal.items() for name in entry.names)
        self._recognisers = _recognisers()

    def find(self, text: str) -> list[Found]:
        """Spans in reading order that do not overlap: the longest where several do."""
        if not text.strip():
            return []
        names = [Found(m.start, m.end, m.kind) for m in self._names.find(text) if not m.inside and self._is_near(m)]
        harmless = [*((m.start, m.end) for m in self._not_personal.find(text) if not m.inside), *find_dates(text)]
        found = [*self._forms(text), *names]
        return _apart([one for one in found if not any(a <= one.start and one.end <= b for a, b in harmless)])

    def _is_near(self, mention: Mention) -> bool:
        """Whether what is said is a name, a word or two of one, or a name with a slip; not a word like a word of one."""
        matches = self._directory.match(mention.kind, mention.surface)
        return bool(matches) and matches[0].cost <= _NEAR

    def _forms(self, text: str) -> Iterator[Found]:
        for recogniser in self._recognisers:
            for result in recogniser.analyze(text, recogniser.supported_entities, None):
                if result.score >= _SURE:
                    yield Found(result.start, result.end, result.entity_type)


def _apart(found: list[Found]) -> list[Found]:
    chosen: list[Found] = []
    for one in sorted(found, key=lambda each: (each.start - each.end, each.start)):
        if all(one.end <= other.start or other.end <= one.start for other in chosen):
            chosen.append(one)
    return sorted(chosen)


def _recognisers() -> list[Any]:
    # Imported when asked for: Presidio brings spaCy, of which nothing is used here, and its second to load.
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
        UsSsnRecognizer,
    )

    # Its own mail recogniser asks the network for the list of public suffixes; its pattern is all that is needed.
    mail = PatternRecognizer(supported_entity="EMAIL_ADDRESS", patterns=EmailRecognizer.PATTERNS)
    phone = PhoneRecognizer(supported_regions=REGIONS)
    card = CreditCardRecognizer(
        patterns=[*CreditCardRecognizer.PATTERNS, Pattern("Mastercard's second series", _SECOND_SERIES, _SURE)]
    )
    return [mail, card, IbanRecognizer(), IpRecognizer(), phone, UsSsnRecognizer()]
