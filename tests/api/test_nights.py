"""Nights that come by themselves: when, for whom, and what becomes of them."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agents.home import Home
from api.nights import Hours, NightWatch, next_night
from core.settings import Settings
from core.types.release import Release
from core.types.tool import read_toolset
from core.types.trace import CORRECTION, THREAD
from finetune.signal import new_signal
from tools.importers.jsonl import read_trace

_TOOLSET = read_toolset("shop", [{"name": "count", "parameters": {"type": "object", "properties": {"item": {"type": "string"}}}}])


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-11-26T01:00+00:00", "UTC", "2026-11-26T02:30+00:00"),
        ("2026-11-26T02:30+00:00", "UTC", "2026-11-27T02:30+00:00"),
        ("2026-11-26T23:30+00:00", "Europe/Berlin", "2026-11-27T01:30+00:00"),
        ("2026-11-26T20:00+00:00", "Pacific/Auckland", "2026-11-27T13:30+00:00"),
        # The night on which 02:30 does not exist, and the one on which it comes twice.
        ("2026-03-28T12:00+00:00", "Europe/Berlin", "2026-03-29T01:30+00:00"),
        ("2026-10-24T12:00+00:00", "Europe/Berlin", "2026-10-25T00:30+00:00"),
        ("2026-10-25T00:30+00:00", "Europe/Berlin", "2026-10-26T01:30+00:00"),
    ],
)
def test_the_hour_is_that_of_the_zone(now: str, zone: str, expected: str) -> None:
    hours = Hours(at=time(2, 30), zone=zone)
    assert next_night(datetime.fromisoformat(now), hours) == datetime.fromisoformat(expected)


def test_there_is_a_night_every_day_of_a_year() -> None:
    hours, now = Hours(at=time(2, 30), zone="America/New_York"), datetime(2026, 1, 1, tzinfo=UTC)
    nights = []
    for _ in range(365):
        now = next_night(now, hours)
        nights.append(now)
    gaps = {later - earlier for earlier, later in pairwise(nights)}
    assert timedelta(hours=22) < min(gaps) and max(gaps) < timedelta(hours=26)


@pytest.mark.parametrize(("name", "value"), [("night_zone", "Mars/Base"), ("night_at", "25:00"), ("night_signal", 0)])
def test_an_hour_that_is_none_is_refused_when_settings_are_read(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(home=tmp_path, **{name: value})


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(Settings(home=tmp_path / "home", artefacts=tmp_path / "artefacts"))
    home.registry.add(_TOOLSET)
    yield home
    home.database.dispose()


def _say(home: Home, number: int, source: str, accepted: bool = True, days: float = 0.0) -> str:
    call = {"id": "c", "type": "function", "function": {"name": "count", "arguments": {"item": f"chair {number}"}}}
    row = {"messages": [{"role": "user", "content": f"how many of chair {number}"}, {"role": "assistant", "tool_calls": [call]}]}
    trace = read_trace(row, _TOOLSET).model_copy(
        update={"source": source, "accepted": accepted, "created_at": datetime.now(UTC) + timedelta(days=days)}
    )
    home.traces.add([trace])
    return trace.id


def _promote(home: Home, learned: list[str], dropped: str = "") -> None:
    release = Release(
        id="r-1", toolset="shop", toolset_version="1", schema_hashes={}, base="small", format_hash="f", dataset="d", seed=0,
        status="passed",
    )  # fmt: skip
    home.releases.add(release)
    home.releases.promote("r-1", home.principal, "gate")
    home.releases.path("r-1").mkdir(parents=True)
    rows = ", ".join(f'{{"trace": "{trace}"}}' for trace in learned)
    document = f'{{"rows": {{"writer": [{rows}], "stop": [], "reserved": []}}, "dropped": {{"{dropped}": "not believed"}}}}'
    (home.releases.path("r-1") / "dataset.json").write_text(document)


def test_new_is_what_the_champion_did_not_learn(home: Home) -> None:
    learned = [_say(home, 0, "import"), _say(home, 1, THREAD + "a")]
    _say(home, 2, "import", days=-1)
    dropped = _say(home, 7, THREAD + "d")
    assert new_signal(home, "shop") == 4
    _promote(home, learned, dropped)
    assert new_signal(home, "shop") == 0  # the third was there and left out
    _say(home, 3, THREAD + "b", days=-1)  # accepted after the night
    _say(home, 4, CORRECTION + "x")
    _say(home, 5, "import", days=1)
    _say(home, 6, THREAD + "c", accepted=False)
    assert new_signal(home, "shop") == 3


class _Watch(NightWatch):
    """Runs a short program instead of a night."""

    program = "import sys; print(sys.argv[1:]); sys.exit(3)"

    def _command(self, toolset: str) -> list[str]:
        return [sys.executable, "-c", self.program, *super()._command(toolset)]


def test_a_night_runs_where_there_is_enough_to_learn(home: Home) -> None:
    home.registry.add(read_toolset("idle", [{"name": "wait", "parameters": {"type": "object", "properties": {}}}]))
    for number in range(3):
        _say(home, number, THREAD + "a")
    assert _Watch(home, Hours(at=time(2), enough=4)).run_all() == {}
    assert _Watch(home, Hours(at=time(2), enough=3, minutes=7)).run_all() == {"shop": 3}
    log = (home.nights / "served.log").read_text()
    assert "'night', 'shop', '--minutes', '7.0', '--json'" in log


def test_closing_ends_a_night_that_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _say(home, 0, THREAD + "a")
    monkeypatch.setattr(_Watch, "program", "import time; time.sleep(600)")
    soon = (datetime.now(UTC) + timedelta(seconds=1.2)).time()
    watch = _Watch(home, Hours(at=soon, enough=1))
    watch.start()
    for _ in range(100):
        if (home.nights / "served.log").exists():
            break
        watch._stopped.wait(0.1)
    assert (home.nights / "served.log").exists()
    watch.close()
    assert not watch._thread.is_alive()
