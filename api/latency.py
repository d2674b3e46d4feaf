"""How fast a release answers over HTTP: the service on loopback, one client, one request after the other."""

import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI

from agents.caller import Steps
from agents.home import Home
from agents.serving import Loaded, Loader
from api.app import create_app
from api.callers import ModelInfo
from core.errors import StoreError
from core.types.message import Message, write_messages

SHORT_TOKENS = 16
"""Calls of at most so many tokens are looked at apart: their latency does not hang on how much there is to write."""
WAYS = {"whole caller": Steps(), "first draft only": Steps(reviewer=False)}
_STARTUP_S = 30.0
Post = Callable[[str, dict[str, Any]], tuple[float, dict[str, Any]]]
"""Sends a document to a path; milliseconds, and the answer."""


class OneCaller:
    """`api.callers.Callers` over one loaded release."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def caller(self, toolset: str, release: str | None) -> Loaded:
        """The one there is."""
        return self._loaded

    def models(self) -> list[ModelInfo]:
        """None: nobody asks here."""
        return []


def measure_latency(
    home: Home,
    toolset: str,
    release: str,
    conversations: Sequence[Sequence[Message]],
    on_progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Send every conversation once to the whole caller and once to a caller that takes its first draft.

    Returns:
        By way: `n`, `p50_ms`, `p95_ms` of all and of the short ones, `needed_more` (share with more than one draft); and
        `peak_mib`, the peak resident memory of this process, client and all.
    """
    document: dict[str, Any] = {}
    for number, (way, steps) in enumerate(WAYS.items()):
        loaded = Loader(home).load(toolset, release, steps)
        try:
            with _served(home, OneCaller(loaded)) as ask:
                ask(conversations[0])  # the encoder and the engine's threads start with the first request
                answers = []
                for position, messages in enumerate(conversations):
                    answers.append(ask(messages))
                    on_progress(number * len(conversations) + position + 1, len(WAYS) * len(conversations))
        finally:
            loaded.close()
        document[way] = _summary(answers)
    document["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return document


def _summary(answers: Sequence[tuple[float, dict[str, Any]]]) -> dict[str, Any]:
    short = [ms for ms, body in answers if body["usage"]["completion_tokens"] <= SHORT_TOKENS]
    return {
        **percentiles([ms for ms, _ in answers]),
        "needed_more": round(float(np.mean([body["nightschool"]["drafts"] > 1 for _, body in answers])), 3),
        "mean_drafts": round(float(np.mean([body["nightschool"]["drafts"] for _, body in answers])), 2),
        "short": percentiles(short),
    }


def percentiles(latencies_ms: Sequence[float]) -> dict[str, Any]:
    """`n`, `p50_ms` and `p95_ms`; None where there is nothing."""
    if not latencies_ms:
        return {"n": 0, "p50_ms": None, "p95_ms": None}
    p50, p95 = np.percentile(latencies_ms, [50, 95])
    return {"n": len(latencies_ms), "p50_ms": round(float(p50)), "p95_ms": round(float(p95))}


@contextmanager
def _served(home: Home, callers: OneCaller) -> Iterator[Callable[[Sequence[Message]], tuple[float, dict[str, Any]]]]:
    """The service in a thread; yields a function that sends one request and returns milliseconds and answer."""
    with served(home, create_app(home.keys, callers, tenant=home.settings.tenant)) as post:

        def ask(messages: Sequence[Message]) -> tuple[float, dict[str, Any]]:
            return post("/v1/chat/completions", {"model": "measured", "messages": write_messages(messages)})

        yield ask


@contextmanager
def served(home: Home, app: FastAPI) -> Iterator[Post]:
    """A service in a thread, on a free port; yields a function that sends one request to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = home.keys.create(home.principal)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    waited = time.monotonic()
    while not server.started:
        if time.monotonic() - waited > _STARTUP_S or not thread.is_alive():
            raise StoreError(f"the service did not start on port {port}")
        time.sleep(0.02)
    connection = HTTPConnection("127.0.0.1", port)

    def post(path: str, document: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        started = time.perf_counter()
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection.request("POST", path, json.dumps(document), headers)
        answer = json.loads(connection.getresponse().read())
        return (time.perf_counter() - started) * 1000, answer

    try:
        yield post
    finally:
        connection.close()
        server.should_exit = True
        thread.join()
        home.keys.revoke(key.split("_")[1])
