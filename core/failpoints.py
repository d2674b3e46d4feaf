"""Failpoints: named places where a test may stop the process, to see what is left behind (after FreeBSD's fail(9))."""

from collections.abc import Callable

_watchers: list[Callable[[str], None]] = []


def reached(name: str) -> None:
    """Tell whoever watches that this place was reached; in service nobody does."""
    for watcher in _watchers:
        watcher(name)


def watch(watcher: Callable[[str], None]) -> None:
    """Have a function told of every place from now on."""
    _watchers.append(watcher)


def unwatch(watcher: Callable[[str], None]) -> None:
    """Tell it no more."""
    _watchers.remove(watcher)
