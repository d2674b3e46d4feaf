"""The office: opens a desk for the sandbox company from a home."""

from collections.abc import Iterator
from contextlib import contextmanager

from agents.desk import Desk, Thresholds
from agents.home import Home
from agents.router import Router
from agents.serving import CHAMPION, Loader
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.executor import Executor


@contextmanager
def open_desk(home: Home, toolset: str, release: str = CHAMPION, act: float = 0.0) -> Iterator[Desk]:
    """Everything turns of a toolset need, with its release loaded; freed at the end.

    Args:
        home: Where all of it lies.
        toolset: Whose release.
        release: A release id, or champion.
        act: Confidence below which a write waits for a person, in [0, 1].

    Raises:
        NotFound: No release, or no company.
        ModelError: A model file is missing or damaged.
    """
    sandbox = Sandbox(home.company)
    loaded = Loader(home).load(toolset, release)
    try:
        yield Desk(
            toolset=loaded.toolset,
            caller=loaded,
            executor=Executor(home.ledger, sandbox),
            book=Lookup(sandbox),
            knowledge=home.knowledge,
            encoder=home.embedder,
            router=_router(home, toolset),
            traces=home.traces,
            principal=home.principal,
            thresholds=Thresholds(act=act),
        )
    finally:
        loaded.close()
        sandbox.close()
        home.knowledge.close()


def _router(home: Home, name: str) -> Router | None:
    folder = home.routers / name
    if not (folder / "router.json").is_file():
        return None
    return Router.load(folder, home.embedder)
