"""Number words by the usual grammar: units and tens add up, scales multiply ("two hundred and five", "half a dozen")."""

from functools import lru_cache

from jellyfish import damerau_levenshtein_distance

UNITS = {w: i for i, w in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
     "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"])}  # fmt: skip
TENS = {w: 10 * i for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)}
UNITS |= {"nil": 0}
SCALES = {
    "hundred": 100, "thousand": 1_000, "grand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "dozen": 12,
    "lakh": 100_000, "crore": 10_000_000,
}  # fmt: skip


_FEWEST_LETTERS = 5
_LONG_WORDS = [word for word in (*UNITS, *TENS, *SCALES) if len(word) >= _FEWEST_LETTERS and word != "crore"]
_OWN_WORDS = """
there these tree seventh eighth eights heights weight night eleventh twelfth thirsty thirteenth fourteenth fifteenth sixteenth
seventeenth eighteenth nineteenth hundredth thousandth hundreds thousands millions billions dozens crores frozen doze dozed
dozer brand grant grain grind gland strand forth forties ports event sever severn heaven elevens flirty dirty nifty bullion
"""
_OWN = frozenset(_OWN_WORDS.split())
"""Words of their own that lie near a number word."""
Token = tuple[int, int, str]
"""Start, end and lower-cased text of a word."""


@lru_cache(4096)
def number_word(word: str) -> str:
    """The number word a lower-cased word is, or is a slip of the pen for; any other word as it is."""
    known = word in UNITS or word in TENS or word in SCALES
    if known or len(word) < _FEWEST_LETTERS or word in _OWN or not word.isalpha():
        return word
    near = [right for right in _LONG_WORDS if abs(len(right) - len(word)) <= 1 and damerau_levenshtein_distance(word, right) == 1]
    return near[0] if len(near) == 1 else word


def closed_compound(word: str) -> int | None:
    """The value of tens and units written as one word, "seventyfive", or None."""
    for tens, value in TENS.items():
        rest = word.removeprefix(tens)
        if rest != word and 0 < UNITS.get(rest, 0) < 10:
            return value + UNITS[rest]
    return None


def read_words(tokens: list[Token], index: int) -> tuple[int, int]:
    """How many tokens from `index` make one number, and its value; (0, 0) when none does."""
    total, current, used, last = 0, 0, 0, ""
    for offset, (_, _, word) in enumerate(tokens[index:]):
        if word in UNITS and last in ("", "tens", "scale", "and") and not (last == "tens" and UNITS[word] > 9):
            current, last = current + UNITS[word], "unit"
        elif word in TENS and last in ("", "scale", "and"):
            current, last = current + TENS[word], "tens"
        elif word in SCALES and (last in ("unit", "tens", "scale") or word in ("hundred", "thousand", "dozen", "grand")):
            current, last = max(current, 1) * SCALES[word], "scale"
            if SCALES[word] >= 1_000:
                total, current = total + current, 0
        elif word in ("a", "half") and offset == 0 and _next_is_scale(tokens, index + 1):
            if word == "half":
                return _half_dozen(tokens, index)
            last = ""
            continue
        elif (
            word == "and"
            and last == "scale"
            and index + offset + 1 < len(tokens)
            and _is_number_word(tokens[index + offset + 1][2])
        ):
            last = "and"
            continue
        else:
            break
        used = offset + 1
    return used, total + current


def _half_dozen(tokens: list[Token], index: int) -> tuple[int, int]:
    words = [word for _, _, word in tokens[index : index + 3]]
    if words[1:2] == ["dozen"]:
        return 2, 6
    return (3, 6) if words[1:] == ["a", "dozen"] else (0, 0)


def _next_is_scale(tokens: list[Token], index: int) -> bool:
    words = [word for _, _, word in tokens[index : index + 2]]
    return bool(words) and (words[0] in SCALES or words == ["a", "dozen"])


def _is_number_word(word: str) -> bool:
    return word in UNITS or word in TENS
