"""Whether a company's file is in use: who works in it for long says so, and it is not replaced under them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StoreError


@contextmanager
def in_use(company: Path) -> Iterator[None]:
    """Keep the file from being replaced.

    Raises:
        StoreError: It is being replaced now.
    """
    with _locked(company, fcntl.LOCK_SH, "is being made anew: wait until that is done"):
        yield


@contextmanager
def replacing(company: Path) -> Iterator[None]:
    """Keep others from beginning to work in it.

    Raises:
        StoreError: Somebody works in it.
    """
    with _locked(company, fcntl.LOCK_EX, "is open to `nightschool serve`: what is written there would be lost; stop it first"):
        yield


@contextmanager
def _locked(company: Path, how: int, why: str) -> Iterator[None]:
    company.parent.mkdir(parents=True, exist_ok=True)
    with company.with_name(company.name + ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"{company}: {why}", code="busy") from error
        yield
