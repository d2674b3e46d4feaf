"""The office: furnishes desks in the business system of a home."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agents.business import open_business
from agents.desk import Decider, Desk, Thresholds
from agents.guard import SchemaGuard
from agents.home import Home
from agents.learned import learned_traces
from agents.memory import Memory
from agents.parts import load_kinds
from agents.router import Router
from agents.serving import CHAMPION, Loader
from core.errors import StoreError
from core.types.tool import Toolset
from core.types.trace import Trace
from tools.kinds import KindTable
from tools.marks import Marker


@contextmanager
def furnish(home: Home, toolset: Toolset, caller: Decider, act: float) -> Iterator[Desk]:
    """Everything turns of a toolset need; freed at the end.

    Args:
        home: Where all of it lies.
        toolset: What can be called.
        caller: Decides the next step.
        act: Confidence below which a write waits for a person, in [0, 1].

    Raises:
        NotFound: There is no company.
        ContactLost: Its system does not answer.
        ModelError: The router's files are damaged.
    """
    business = open_business(home)
    executor = home.executor(business.back_end)
    with suppress(StoreError):  # where nothing can be entered nothing can be written either, and reads go on
        executor.reconcile()
    try:
        yield Desk(
            toolset=toolset,
            caller=caller,
            executor=executor,
            book=business.book,
            knowledge=home.knowledge,
            encoder=home.embedder,
            router=fitted_router(home, toolset.name),
            traces=home.traces,
            memory=_memory(home, toolset),
            principal=home.principal,
            guard=SchemaGuard(toolset, lambda: home.registry.version(toolset.name), lambda: home.registry.get(toolset.name)),
            thresholds=Thresholds(act=act),
        )
    finally:
        business.close()
        home.knowledge.close()


@contextmanager
def open_desk(home: Home, toolset: str, release: str = CHAMPION, act: float = 0.0) -> Iterator[Desk]:
    """A desk with a release of its own.

    Raises:
        NotFound: No release, or no company.
        ModelError: A model file is missing or damaged.
    """
    loaded = Loader(home).load(toolset, release)
    try:
        with furnish(home, loaded.toolset, loaded, act) as desk:
            yield desk
    finally:
        loaded.close()


def fitted_router(home: Home, name: str) -> Router | None:
    """The router kept under a name; None where none was fitted.

    Raises:
        ModelError: Its files are damaged.
    """
    folder = home.routers / name
    return Router.load(folder, home.embedder) if (folder / "router.json").is_file() else None


def _memory(home: Home, toolset: Toolset) -> Memory:
    """Corrections that the champion has not learned: those of its dataset are in its weights."""

    def corrections() -> Iterator[Trace]:
        learned = learned_traces(home, toolset.name)
        return (trace for trace in home.traces.corrections(toolset.name) if trace.id not in learned)

    champion = home.releases.champion(toolset.name) if home.releases.history(toolset.name) else None
    table = load_kinds(home.releases.path(champion.id)) if champion is not None else KindTable()
    return Memory(Marker(toolset, table), corrections)
