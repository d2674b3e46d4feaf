"""A Tryton server as a process: its configuration, its start, its end."""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import httpx

from core.errors import StoreError

_START_S = 60.0
_STOP_S = 10.0
_POLL_S = 0.1


class Process:
    """One server of one database, on this machine only; as a context manager it ends with the block."""

    def __init__(self, programs: Path, folder: Path, database: str, port: int = 0) -> None:
        """Start it and wait until it answers.

        Args:
            programs: Where `trytond` lies.
            folder: Holds `DATABASE.sqlite`; configuration and log are written beside it.
            database: Its name.
            port: To listen on; 0 takes a free one.

        Raises:
            StoreError: It ended, or did not answer in time; ends with the last words of its log.
        """
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}/{database}/"
        self._log = folder / "trytond.log"
        config = write_config(folder, self.port)
        self.pid = _spawn([str(programs / "trytond"), "-c", str(config), "-d", database], self._log)
        self._wait()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End it."""
        end(self.pid)

    def _wait(self) -> None:
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            if not _lives(self.pid):
                break
            if answers(self.url):
                return
            time.sleep(_POLL_S)
        else:
            self.stop()
        words = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise StoreError(f"trytond on port {self.port} does not answer: {' | '.join(words)} (see {self._log})")


def answers(url: str) -> bool:
    """Whether a server is there; any answer counts."""
    try:
        httpx.get(url, timeout=_POLL_S * 20, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def end(pid: int) -> None:
    """Ask a server to end, and make it; nothing where it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _STOP_S
        while _lives(pid):
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_S)


def _spawn(command: list[str], log: Path) -> int:
    """A process that outlives this one."""
    write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), write, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(command[0], command, dict(os.environ), file_actions=files, setsid=True)


def _lives(pid: int) -> bool:
    """Whether a process is there; a child of this one that has ended is let go."""
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def write_config(folder: Path, port: int) -> Path:
    """Tryton's configuration: SQLite in this folder, this machine only."""
    file = folder / "trytond.conf"
    file.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = localhost:{port}\n")
    return file


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return int(listener.getsockname()[1])
