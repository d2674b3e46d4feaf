"""`kill -9` in the middle of writes: none is lost, none is done twice, and none ends in silence."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

_CASES, _ALL_CASES = 48, 600
_SOON_S = 10.0


@pytest.mark.parametrize("cases", [_CASES, pytest.param(_ALL_CASES, marks=pytest.mark.slow)])
def test_no_kill_loses_or_doubles_a_write(tmp_path: Path, short_company: Path, cases: int) -> None:
    script = Path(__file__).parent / "bare_executor.py"
    command = [sys.executable, str(script), str(tmp_path), str(short_company), str(cases), "7"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    seen = [json.loads(line) for line in ran.stdout.splitlines()]
    killed = [case for case in seen if case["killed"]]
    points = Counter(case["point"] or "random instant" for case in killed)
    lost, doubled = (sum(bad(times) for case in seen for times in case["done"]) for bad in (lambda n: n == 0, lambda n: n > 1))
    states = sum((Counter(case["states"]) for case in seen), Counter[str]())
    slowest = max(case["seconds"] for case in seen)
    print(
        f"{len(killed)} of {len(seen)} killed ({dict(points)}); lost {lost}, doubled {doubled}; {dict(states)}; {slowest:.1f} s"
    )
    assert len(seen) == cases and len(killed) > 0.7 * cases and len(points) == 13
    assert lost == doubled == 0 and set(states) == {"done"} and slowest < _SOON_S
    assert not any(case["faults"] for case in seen)
