"""How well personal data is found: made data of every form, the names a business system knows, what is hidden without need."""

import random
import re
import string
from collections.abc import Callable, Iterator, Sequence

from core.types.tool import Toolset
from core.types.trace import Trace
from core.types.value import Value
from evals.intervals import Rate, rate
from tools.kinds import leaves
from tools.names import is_legal
from tools.personal import KINDS, OF_FORM, PersonalData
from tools.surrogates import Surrogates

_SENTENCES = (
    "please write to {} about the invoice",
    "{} is what they gave me",
    "the new one for the Oslo office is {}, the old one is gone",
    "hi, can you put {} on file for them and then send order 4411 on",
    "Reach me at {} before Friday!",
    "note: {}",
    "supplier asks that we use {} from March on, thanks",
    'change it to "{}"',
    "is ({}) still right?",
    "first the goods, then {}; never the other way",
)
_WORDS = ("nora", "li", "okafor", "petra.k", "sales", "j_smith", "accounts-payable", "m.o", "info", "ana+erp")
_DOMAINS = ("northwind-goods.net", "mail.orbis.co.uk", "kontor.de", "acme-parts.com", "uni.edu", "hus.no")
_CODES = {"DE": 18, "GB": 18, "FR": 23, "NL": 14, "AT": 16, "ES": 20, "IT": 23, "CH": 17, "IE": 18, "BE": 12}
"""Places after country and check digits (ISO 13616)."""
_WORD, _FIGURES = re.compile(r"[^\W\d_]{3,}"), re.compile(r"\D")
_FEWEST, _RUN = 4, 7
"""Figures that are told apart, and how many of them in a row are none by chance."""
_BANKS = {"GB": "NWBK", "NL": "ABNA", "IE": "AIBK", "IT": "X"}


_Seen = tuple[bool, str | None]
"""An outcome, and the shape of its conversation."""


class Hidden(Value):
    """What was found, and what was hidden that need not be."""

    structured: Rate
    """Of made addresses, accounts, cards and telephone numbers, those of which nothing is left."""
    by_form: dict[str, Rate]
    """The same, form by form."""
    names: Rate
    """Of the personal names in the conversations' arguments, those of which nothing is left."""
    touched: Rate
    """Of the other arguments, texts of a person's own aside, those that were changed."""
    still_fit: Rate
    """Of the arguments said word for word, those that still are, word for word."""


def measure_personal(toolset: Toolset, traces: Sequence[Trace], count: int, seed: int = 0) -> Hidden:
    """Measure.

    Args:
        toolset: Its vocabulary tells the names that are known.
        traces: Conversations whose arguments are looked at.
        count: How many pieces of data are made.
        seed: Of what is made.
    """
    order = random.Random(seed)
    surrogates = Surrogates(PersonalData(toolset.vocabulary), b"measured")
    gone = list[tuple[str, bool]]()
    for form, said in _made(count, order):
        around = order.choice(_SENTENCES)
        gone.append((form, _is_gone(said, surrogates.hide(around.format(said)), around)))
    seen: dict[str, list[_Seen]] = {"names": [], "touched": [], "still_fit": []}
    for trace in traces:
        for figure, outcome in _compare(toolset, trace, surrogates.hide_trace(trace)):
            seen[figure].append((outcome, trace.shape))
    return Hidden(
        structured=_rate([(found, None) for _, found in gone]),
        by_form={
            form: _rate([(found, None) for each, found in gone if each == form]) for form in sorted({each for each, _ in gone})
        },
        **{figure: _rate(outcomes) for figure, outcomes in seen.items()},
    )


def _rate(seen: Sequence[_Seen]) -> Rate:
    return rate([outcome for outcome, _ in seen], [shape for _, shape in seen])


def _compare(toolset: Toolset, was: Trace, now: Trace) -> Iterator[tuple[str, bool]]:
    """Which figure of `Hidden` an argument counts for, and how."""
    said_was = said_now = ""
    for before, after in zip(was.messages, now.messages, strict=True):
        said_was, said_now = f"{said_was}\n{before.content}", f"{said_now}\n{after.content}"
        for call, hidden in zip(before.tool_calls, after.tool_calls, strict=True):
            schema = toolset.by_name[call.name].parameters if call.name in toolset.by_name else {}
            for (_, known, value), (_, _, other) in zip(
                leaves(call.arguments, schema), leaves(hidden.arguments, schema), strict=True
            ):
                kind = known.get("x-kind", "")
                if isinstance(value, str) and value in said_was:
                    yield "still_fit", str(other) in said_now
                if kind in KINDS and isinstance(value, str):
                    yield "names", _is_gone(value, str(other))
                elif kind not in (*OF_FORM, "text"):
                    yield "touched", value != other


def _is_gone(said: str, shown: str, around: str = "") -> bool:
    """Whether no word is left of what was said, nor a run of its figures, but for what says nothing of whose it is."""
    left, others, still = (set(_WORD.findall(text.casefold())) for text in (said, around, shown))
    if {word for word in left - others if not is_legal(word) and word != "and"} & still:
        return False
    figures, shown_figures = _FIGURES.sub("", said), _FIGURES.sub("", shown)
    width = min(_RUN, len(figures))
    return width < _FEWEST or not any(figures[at : at + width] in shown_figures for at in range(len(figures) - width + 1))


def _made(count: int, order: random.Random) -> Iterator[tuple[str, str]]:
    """So many pieces of personal data with their form, each form in turn."""
    forms: dict[str, Callable[[random.Random], str]] = {
        "mail": _mail,
        "bank account": _iban,
        "card": _card,
        "telephone": _phone,
        "machine": _machine,
    }
    for number in range(count):
        form = list(forms)[number % len(forms)]
        yield form, forms[form](order)


def _mail(order: random.Random) -> str:
    return f"{order.choice(_WORDS)}{order.choice(('', str(order.randrange(1, 99))))}@{order.choice(_DOMAINS)}"


def _iban(order: random.Random) -> str:
    """With check digits by ISO 7064, mod 97-10; in one piece or in fours."""
    country = order.choice(sorted(_CODES))
    bank = _BANKS.get(country, "")
    account = bank + _digits(order, _CODES[country] - len(bank))
    number = int("".join(str(int(char, 36)) for char in f"{account}{country}00"))
    whole = f"{country}{98 - number % 97:02}{account}"
    return whole if order.random() < 0.5 else " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def _card(order: random.Random) -> str:
    """With its check digit by Luhn's rule; in one piece, in fours, or with dashes."""
    body = order.choice(("4", "51", "55", "2720"))
    body += _digits(order, 15 - len(body))
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(body)]
    check = -sum(value // 10 + value % 10 for value in doubled) % 10
    whole = f"{body}{check}"
    return order.choice(("", " ", "-")).join(whole[at : at + 4] for at in range(0, 16, 4))


def _phone(order: random.Random) -> str:
    """A number that its country's plan allows, with the country or without."""
    import phonenumbers

    region = order.choice(("US", "GB", "DE", "FR", "IT", "ES", "NL", "AT", "CH", "IE"))
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None  # there is one for each of these
    while True:
        text = str(example.national_number)
        number = phonenumbers.parse(text[:-4] + _digits(order, 4), region)
        if phonenumbers.is_valid_number(number):
            form = order.choice((phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL))
            return str(phonenumbers.format_number(number, form))


def _machine(order: random.Random) -> str:
    return ".".join(str(order.randrange(1, 255)) for _ in range(4))


def _digits(order: random.Random, count: int) -> str:
    return "".join(order.choice(string.digits) for _ in range(count))
