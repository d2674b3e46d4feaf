"""Nights that come by themselves: at a set hour, where enough new signal is there, in a process of their own.

The service answers on with the old champion; a promoted release serves from the next request on.
"""

import logging
import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agents.home import Home
from core.types.value import Value
from finetune.signal import new_signal

_log = logging.getLogger(__name__)
_LONGEST_WAIT_S = 60.0
"""Between two looks at the clock, which somebody may set."""
_POLL_S = 0.5
_NICE = "10"
"""The night gives way to requests."""


class Hours(Value):
    """When nights come, and for what."""

    at: time
    """Of the day, in `zone`."""
    zone: str = "UTC"
    """IANA name, such as Europe/Berlin."""
    minutes: float | None = None
    """At most so long a toolset."""
    enough: int = 25
    """New accepted traces below which a toolset's night is left out."""


def next_night(now: datetime, hours: Hours) -> datetime:
    """When the next night begins, UTC; an hour that a change of clocks skips is taken as the clock stood before it.

    Args:
        now: Aware.
        hours: When nights come.
    """
    zone = ZoneInfo(hours.zone)
    today = now.astimezone(zone).date()
    nights = (datetime.combine(today + timedelta(days=days), hours.at, zone).astimezone(UTC) for days in range(-1, 3))
    return next(night for night in nights if night > now)


class NightWatch:
    """Waits for the hour in a thread of its own, and has nights run."""

    def __init__(self, home: Home, hours: Hours) -> None:
        self._home, self._hours = home, hours
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="nights", daemon=True)

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def close(self) -> None:
        """Stop waiting; a night that runs is ended, and the next one goes on where it was."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_all(self) -> dict[str, int]:
        """Run the night of every toolset that has enough to learn, one after the other.

        Returns:
            Exit code by toolset: 0 promoted or passed, 3 refused.
        """
        ended: dict[str, int] = {}
        for toolset in self._home.registry.all():
            signal = new_signal(self._home, toolset.name)
            if signal < self._hours.enough:
                _log.info("no night for %s: %d new traces, %d are enough", toolset.name, signal, self._hours.enough)
            elif not self._stopped.is_set():
                ended[toolset.name] = self._run(toolset.name)
                _log.info("night for %s: %d new traces, ended with %d", toolset.name, signal, ended[toolset.name])
        return ended

    def _watch(self) -> None:
        due = next_night(datetime.now(UTC), self._hours)
        _log.info("the next night begins at %s", due.isoformat())
        while not self._stopped.is_set():
            left = (due - datetime.now(UTC)).total_seconds()
            if left > 0:
                self._stopped.wait(min(left, _LONGEST_WAIT_S))
                continue
            try:
                self.run_all()
            except Exception:  # a failed night must not end the watch: the next one may succeed
                _log.exception("the night failed")
            due = next_night(datetime.now(UTC), self._hours)

    def _run(self, toolset: str) -> int:
        self._home.nights.mkdir(parents=True, exist_ok=True)
        with (self._home.nights / "served.log").open("a") as log:
            child = subprocess.Popen(
                self._command(toolset),
                stdout=log,
                stderr=log,
                env={**os.environ, "NIGHTSCHOOL_HOME": str(self._home.settings.home)},
            )
            while True:
                try:
                    return child.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    if self._stopped.is_set():
                        child.terminate()

    def _command(self, toolset: str) -> list[str]:
        nice = shutil.which("nice")
        limit = ["--minutes", str(self._hours.minutes)] if self._hours.minutes else []
        python = [sys.executable, "-m", "api.cli.main"]
        return [*([nice, "-n", _NICE] if nice else []), *python, "night", toolset, *limit, "--json"]
