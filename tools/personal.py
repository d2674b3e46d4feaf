"""Personal data in texts: what has the form of it, and the names that the business system knows.

Forms are found by Presidio's pattern recognisers (Microsoft, MIT licence): addresses of mail, cards by their check digit, bank
accounts by theirs, telephone numbers as the country's plan has them, addresses of machines. Names are found as the agent finds
them, misspelt and in part, too. A name that no system knows is not found: for that a language model would have to guess. Nor is
a telephone number that one of the vocabulary's own patterns claims; a card or an account is, and an id with such check digits.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

from core.types.mention import Mention
from core.types.tool import Toolset, Vocabulary
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
_CAPITALS = str.maketrans(ascii_lowercase, ascii_uppercase)
_ACCOUNT = re.compile(r"(?<![^\W_])(?=([A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}))")
"""What an account may stand in: country, check digits, and what may be of it or of the words behind it."""
_SHORTEST_ACCOUNT = 15
"""Norway's."""
_CHECKED = ("CREDIT_CARD", "IBAN_CODE")
"""Forms with check digits: what has them is one, whatever else could be written so."""
_BREAK = re.compile(r"\\[nrt]")
"""A line end or a tab as JSON and Python write it: what follows begins a word."""


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
        self._recognisers, self._account = _recognisers(), _account_recogniser()

    def find(self, text: str) -> list[Found]:
        """Spans in reading order that do not overlap: the longest where several do."""
        readings = dict.fromkeys((text, _BREAK.sub("  ", text)))
        return _apart([found for reading in readings for found in self._find(reading)])

    def _find(self, text: str) -> list[Found]:
        if not text.strip():
            return []
        names = [Found(m.start, m.end, m.kind) for m in self._names.find(text) if not m.inside and self._is_near(m)]
        harmless = [*((m.start, m.end) for m in self._not_personal.find(text) if not m.inside), *find_dates(text)]
        return [
            one
            for one in (*self._forms(text), *names)
            if one.entity in _CHECKED or not any(a <= one.start and one.end <= b for a, b in harmless)
        ]

    def _is_near(self, mention: Mention) -> bool:
        """Whether what is said is a name, a word or two of one, or a name with a slip; not a word like a word of one."""
        matches = self._directory.match(mention.kind, mention.surface)
        return bool(matches) and matches[0].cost <= _NEAR

    def _forms(self, text: str) -> Iterator[Found]:
        for recogniser in self._recognisers:
            for result in recogniser.analyze(text, recogniser.supported_entities, None):
                if result.score >= _SURE:
                    yield Found(result.start, result.end, result.entity_type)
        yield from self._accounts(text)

    def _accounts(self, text: str) -> Iterator[Found]:
        """Bank accounts, in capitals or not. Presidio's own search knows capitals only, and takes words of four letters after an
        account for more of it."""
        capital = text.translate(_CAPITALS)
        for opening in _ACCOUNT.finditer(capital):
            start, furthest = opening.span(1)
            for end in range(furthest, start + _SHORTEST_ACCOUNT - 1, -1):
                is_whole = capital[end - 1].isalnum() and not capital[end : end + 1].isalnum()
                if is_whole and self._account.validate_result(capital[start:end]):
                    yield Found(start, end, "IBAN_CODE")
                    break


def names_ever(versions: Sequence[Toolset]) -> dict[str, Vocabulary]:
    """The vocabulary of the last of a toolset's versions, with the personal names of all: who has left the business system is
    still named in what was said before."""
    known = dict(versions[-1].vocabulary)
    for kind in KINDS:
        entries = [version.vocabulary[kind] for version in versions if kind in version.vocabulary]
        names = tuple(dict.fromkeys(name for entry in entries for name in entry.names))
        if names:
            now = known.get(kind, Vocabulary())
            known[kind] = now.model_copy(update={"names": names, "partial": any(entry.partial for entry in entries)})
    return known


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
    return [mail, card, IpRecognizer(), phone, UsSsnRecognizer()]


def _account_recogniser() -> Any:
    from presidio_analyzer.predefined_recognizers import IbanRecognizer  # imported when asked for, as the others are

    return IbanRecognizer(exact_match=True)
