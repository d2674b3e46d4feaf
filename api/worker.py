"""The one thread that decides: predictions are CPU-bound and the engine is single, so they take turns here."""

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from api.errors import ApiError

_Result = TypeVar("_Result")
_LONGEST_RETRY_S = 60
"""The openai client gives up on longer ones."""


class Worker:
    """Runs jobs one after the other, first come first served, and refuses when too many wait.

    A thread of its own rather than an asyncio lock around a pool: a cancelled request would release the lock while its
    thread still holds the engine.
    """

    def __init__(self, max_waiting: int = 64) -> None:
        self._max_waiting = max_waiting
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self._lock = Lock()
        self._held = 0
        self._mean_s = 1.0

    async def run(self, job: Callable[[], _Result]) -> _Result:
        """Wait for a turn and return what `job` returns; what it raises is raised here.

        A job whose request is cancelled before its turn is dropped; one that runs is finished.

        Raises:
            ApiError: 429, as `max_waiting` jobs wait already; `Retry-After` is the seconds they are expected to take.
        """
        with self._lock:
            if self._held > self._max_waiting:  # one of the held runs, the others wait
                raise self._refusal()
            self._held += 1
        turn = self._thread.submit(self._timed, job)
        turn.add_done_callback(self._let_go)
        return await asyncio.wrap_future(turn)

    def close(self) -> None:
        """Drop what waits and let the running job end by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _timed(self, job: Callable[[], _Result]) -> _Result:
        started = time.monotonic()
        try:
            return job()
        finally:
            self._mean_s += 0.2 * (time.monotonic() - started - self._mean_s)

    def _let_go(self, _: Future[_Result]) -> None:
        with self._lock:
            self._held -= 1

    def _refusal(self) -> ApiError:
        retry_s = min(max(math.ceil(self._held * self._mean_s), 1), _LONGEST_RETRY_S)
        return ApiError(
            f"{self._held - 1} requests are waiting already; try again in {retry_s} s",
            status=429,
            code="engine_busy",
            headers={"Retry-After": str(retry_s)},
        )
