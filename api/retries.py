"""Retries: a request whose answer was lost on the way, told from a new wish in the same words.

The openai client repeats a request by itself where no answer came, with the same body and `x-stainless-retry-count` above zero.
Within ten minutes such a request is given the answer of the first; without the header, the same words are another wish.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

LASTS_S = 600.0
_MOST = 10_000
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
HEADER = "x-stainless-retry-count"
_Work = TypeVar("_Work")


class Retries(Generic[_Work]):
    """What is being answered, or was lately, by the request it answers; used from the event loop only."""

    def __init__(self, lasts_s: float = LASTS_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasts_s, self._clock = lasts_s, clock
        self._begun: OrderedDict[str, tuple[float, _Work]] = OrderedDict()

    def find(self, name: str, retry_count: str | None) -> _Work | None:
        """What answers the request this one repeats; None where it repeats none."""
        if retry_count is None or not _COUNT.fullmatch(retry_count):
            return None
        begun = self._begun.get(name)
        return begun[1] if begun is not None and self._clock() - begun[0] <= self._lasts_s else None

    def keep(self, name: str, work: _Work) -> None:
        """Remember what answers a request, instead of what answered the same words before."""
        self._begun.pop(name, None)
        self._begun[name] = (self._clock(), work)
        while len(self._begun) > _MOST or self._clock() - next(iter(self._begun.values()))[0] > self._lasts_s:
            self._begun.popitem(last=False)

    def forget(self, name: str) -> None:
        """A request that was never taken up may be sent again."""
        self._begun.pop(name, None)


def name_of(whose: str, body: bytes) -> str:
    """Names a request by who sends it and what."""
    return hashlib.sha256(whose.encode() + b"\0" + body).hexdigest()
