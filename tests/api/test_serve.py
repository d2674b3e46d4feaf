"""`nightschool serve` as a process: it ends in order, and says why it cannot begin."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_SCRIPT = "from api.cli.main import main; main()"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "NIGHTSCHOOL_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def _serve(environment: dict[str, str], port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _SCRIPT, "serve", "--port", str(port)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_port_that_is_taken_is_named(environment: dict[str, str], port: int) -> None:
    _, said = (process := _serve(environment, port)).communicate(timeout=120)
    assert process.returncode == 2 and f"cannot listen on 127.0.0.1:{port}" in said


def test_a_service_told_to_end_ends_in_order(environment: dict[str, str], tmp_path: Path) -> None:
    process = _serve(environment, 0)
    assert process.stderr is not None
    deadline = time.monotonic() + 120
    while "Uvicorn running" not in process.stderr.readline():
        assert time.monotonic() < deadline and process.poll() is None
    reset = [sys.executable, "-c", _SCRIPT, "erp", "reset"]
    refused = subprocess.run(reset, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert refused.returncode == 2 and "stop it first" in refused.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, "what stands after the service's end is done, too"
    process.stderr.close()
