"""How fast the agent takes whole turns over HTTP: reads, and tasks that end in an invoice, without the time people take."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.home import Home
from agents.serving import Loaded, Loader
from api.agent import HomeAgent
from api.app import create_app
from api.latency import OneCaller, Post, percentiles, served
from core.errors import StoreError
from evals.golden_scenarios import golden_scenarios
from tools.erp.company.toolset import TOOLSET
from tools.erp.sandbox.sandbox import OPERATIONS
from tools.erp.sandbox.seed.company import build_company
from tools.erp.scenario import Scenario

_READS, _TASKS = 60, 30
_ACT = 0.8
"""Writes less sure than this wait for a person, who says yes at once."""


class _OneFleet:
    """`api.agent.Fleet` over one loaded release."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def get(self, toolset: str, release: str | None) -> Loaded:
        """The one there is."""
        return self._loaded


def measure_turns(home: Home, release: str, on_progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Take golden requests of the gate's half to the agent over HTTP, in a company of its own.

    Returns:
        `read` and `invoice_task`, each with `n`, `p50_ms` and `p95_ms`; a task is all its turns together.
    """
    reads = [scenario for scenario in _scenarios() if _only_reads(scenario)][:_READS]
    tasks = [scenario for scenario in _scenarios() if "draft_invoice" in _called(scenario)][:_TASKS]
    with _agent_served(home, release) as post:
        _take(post, reads[0])  # the encoder and the engine's threads start with the first request
        took = []
        for number, scenario in enumerate((*reads, *tasks), 1):
            took.append(_take(post, scenario))
            on_progress(number, len(reads) + len(tasks))
    return {"read": percentiles(took[: len(reads)]), "invoice_task": percentiles(took[len(reads) :])}


def _scenarios() -> Iterator[Scenario]:
    return (golden.scenario for golden in golden_scenarios("gate"))


def _called(scenario: Scenario) -> list[str]:
    return [call["name"] for turn in scenario.turns for call in turn.calls or ()]


def _only_reads(scenario: Scenario) -> bool:
    called = _called(scenario)
    return scenario.is_one_step and bool(called) and all(OPERATIONS[name].tool.risk == "read" for name in called)


def _take(post: Post, scenario: Scenario) -> float:
    """Milliseconds of all turns, approvals among them."""
    took, path = 0.0, "/v1/threads"
    for said in (turn.user for turn in scenario.turns if turn.user is not None):
        answer = _posted(post, path, {"text": said})
        took += answer[0]
        path = f"/v1/threads/{answer[1]['thread']}"
        while answer[1]["waiting"]:
            answer = _posted(post, f"{path}/decision", {"approve": True})
            took += answer[0]
    return took


def _posted(post: Post, path: str, document: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    took, answer = post(path, document)
    if "error" in answer:
        raise StoreError(f"{path}: {answer['error']['message']}")
    return took, answer


@contextmanager
def _agent_served(home: Home, release: str) -> Iterator[Post]:
    """The agent of a release in a scratch home, so that nothing is done in the company people work in."""
    loaded = Loader(home).load(TOOLSET, release)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Home(home.settings.model_copy(update={"home": Path(folder), "artefacts": home.settings.artefact_folder}))
        scratch.registry.add(loaded.toolset)
        build_company(scratch.company).close()
        if home.routers.is_dir():
            shutil.copytree(home.routers, scratch.routers)
        agent = HomeAgent(scratch, _OneFleet(loaded), TOOLSET, _ACT)
        try:
            app = create_app(scratch.keys, OneCaller(loaded), agent, tenant=scratch.settings.tenant)
            with served(scratch, app) as post:
                yield post
        finally:
            agent.close()
            loaded.close()
            scratch.database.dispose()
