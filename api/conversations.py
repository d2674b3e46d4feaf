"""Which thread a conversation belongs to, for clients that send everything said so far and know of no threads."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from core.types.message import Message

_MOST = 10_000
"""Conversations remembered, the latest; one that is forgotten goes on in a new thread, which is told what was said."""


class Conversations:
    """Threads by what was said in them, kept while the service runs."""

    def __init__(self, most: int = _MOST) -> None:
        self._most, self._threads, self._lock = most, OrderedDict[str, str](), Lock()

    def keep(self, whose: str, messages: Sequence[Message], thread: str) -> None:
        """Remember that a conversation, up to its last message, is this thread's."""
        with self._lock:
            self._threads[_fingerprint(whose, messages)] = thread
            while len(self._threads) > self._most:
                self._threads.popitem(last=False)

    def take(self, whose: str, messages: Sequence[Message]) -> str | None:
        """The thread of a conversation that came so far, which goes on now; None for a new or a forgotten one.

        It is found there no more: another conversation that began with the same words is not this one, and must neither answer
        what this one waits for nor be told what came of it.
        """
        with self._lock:
            return self._threads.pop(_fingerprint(whose, messages), None) if messages else None


def _fingerprint(whose: str, messages: Sequence[Message]) -> str:
    said = [[message.role, message.content.strip()] for message in messages if message.role in ("user", "assistant")]
    return hashlib.sha256(json.dumps([whose, said]).encode()).hexdigest()
