"""Sessions of this machine's processes with one Tryton: those of processes that died are ended, so that what they still had
waiting at the server's door is turned away and not done after all."""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from core.owner import is_gone, this_owner


class Sessions:
    """One file for each session, readable by this machine's user only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, session: str) -> None:
        """A session of this process begins; `session` is its header."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{sha256(session.encode()).hexdigest()[:24]}.json"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"owner": this_owner(), "session": session}, stream)

    def dead(self) -> Iterator[str]:
        """Headers of sessions whose process is gone; one is forgotten when the next is asked for, so once it is ended."""
        for file in sorted(self._folder.glob("*.json")):
            try:
                noted = json.loads(file.read_text())
                owner, session = noted["owner"], noted["session"]
            except (OSError, ValueError, KeyError):  # another process was faster, or is just writing it
                continue
            if is_gone(owner):
                yield session
                file.unlink(missing_ok=True)
