"""`kill -9` in the middle of writes: none is lost, none is done twice, and none ends in silence."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from core.settings import installed_tryton
from tools.erp.tryton.installation import Installation
from tools.erp.tryton.server import Server

_CASES, _ALL_CASES = 24, 300
_ON_TRYTON = 12
_SOON_S = 10.0
_TRYTON = Installation(installed_tryton())


@pytest.mark.parametrize("cases", [_CASES, pytest.param(_ALL_CASES, marks=pytest.mark.slow)])
def test_no_kill_loses_or_doubles_a_write(tmp_path: Path, short_company: Path, cases: int) -> None:
    seen = _play(tmp_path, cases, "sandbox", str(short_company))
    assert len({case["point"] for case in seen if case["killed"]}) == 13


@pytest.mark.slow
@pytest.mark.skipif(not _TRYTON.is_prepared, reason="no Tryton: `make tryton`")
@pytest.mark.parametrize("cases", [_ON_TRYTON, _ALL_CASES])
def test_no_kill_loses_or_doubles_a_write_in_tryton(tmp_path: Path, cases: int) -> None:
    server = Server(tmp_path / "erp", _TRYTON)
    running = server.start()
    try:
        _play(tmp_path, cases, "tryton", running.url, running.login, running.password)
    finally:
        server.stop()


def _play(folder: Path, cases: int, *world: str) -> list[dict[str, Any]]:
    """The cases, and that none of them lost, doubled or forgot a write."""
    script = Path(__file__).parent / "bare_executor.py"
    command = [sys.executable, str(script), str(folder), str(cases), "7", *world]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    seen: list[dict[str, Any]] = [json.loads(line) for line in ran.stdout.splitlines()]
    killed = [case for case in seen if case["killed"]]
    points = Counter(case["point"] or "random instant" for case in killed)
    lost, doubled = (sum(bad(times) for case in seen for times in case["done"]) for bad in (lambda n: n == 0, lambda n: n > 1))
    states = sum((Counter(case["states"]) for case in seen), Counter[str]())
    soon = sum(case["seconds"] < _SOON_S for case in seen) / len(seen)
    print(
        f"{world[0]}: {len(killed)} of {len(seen)} killed ({dict(points)}); lost {lost}, doubled {doubled}; {dict(states)}; {soon:.1%} again within {_SOON_S:g} s"
    )
    assert len(seen) == cases and len(killed) > 0.7 * cases
    assert lost == doubled == 0 and set(states) == {"done"} and soon >= 0.95
    assert not any(case["faults"] for case in seen)
    return seen
