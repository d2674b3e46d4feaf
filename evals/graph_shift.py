"""A shift through the whole graph: route, decide, resolve, review, execute, look up, as people meet it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.desk import Decider, Desk, Thresholds
from agents.home import Home
from agents.router import Router
from agents.threads import Turn, open_threads
from core.settings import Settings
from core.types.tool import Toolset
from evals.workday import Deed, Ending, Wanted, deed_name
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.scenario import Scenario


class GraphShift:
    """One scenario said to a desk's threads."""

    def __init__(self, desk: Desk, sandbox: Sandbox, wanted: Wanted) -> None:
        self._desk, self._sandbox, self._wanted = desk, sandbox, wanted
        self._second = desk.principal.model_copy(update={"person": "a second person", "role": "controlling"})
        self._outcome = ""
        self.deeds: list[Deed] = []
        self.confidence = self.least_write = 1.0
        self.why = ""

    def run(self, scenario: Scenario) -> Ending:
        """Say it all. What waits only because it is destructive is let through; what waits for too little confidence ends it."""
        thread: str | None = None
        with tempfile.TemporaryDirectory() as folder, open_threads(self._desk, Path(folder) / "threads.sqlite") as threads:
            for said in (turn.user for turn in scenario.turns if turn.user is not None):
                turn = threads.say(said, thread)
                while turn.waiting and all(call["confidence"] >= self._desk.thresholds.act for call in turn.waiting):
                    turn = threads.decide(turn.thread, approve=True, by=self._second)
                thread = turn.thread
                ending = self._take(turn)
                if ending != "finished":
                    return ending
        return "finished"

    def last_outcome_fits(self, scenario: Scenario) -> bool:
        """By the outcome on the last receipt."""
        if scenario.end in ("ask", "knowledge", "none"):
            return self._outcome == scenario.end
        return self._outcome in ("done", "none")

    def _take(self, turn: Turn) -> Ending:
        self._outcome = str(turn.receipt.get("outcome", ""))
        sure = turn.receipt.get("confidence", 0.0)
        self.confidence = min(self.confidence, sure)
        written = self._written(turn.thread)[len(self.deeds) :]
        if written or turn.waiting:
            self.least_write = min(self.least_write, sure)
        for operation, arguments in written:
            name = deed_name(operation, arguments)
            expected = self._wanted[name] > 0
            self._wanted[name] -= 1
            self.deeds.append(Deed(operation=operation, arguments=arguments, expected=expected, sure=self.least_write))
        if turn.waiting:
            return "approval"
        if self._outcome == "ask":
            return "asked"
        if self._outcome in ("error", "escalated", "refused"):
            self.why = f"{self._outcome}: {turn.text[:60]}"
            return "gave up"
        return "finished"

    def _written(self, thread: str) -> list[tuple[str, dict[str, object]]]:
        mine = [action for action in self._sandbox.journal(1_000) if action.key.startswith(f"{thread}/")]
        return [(action.operation, action.arguments) for action in reversed(mine)]


@contextmanager
def graph_shifts(
    home: Home, toolset: Toolset, caller: Decider, router: Router | None, act: float
) -> Iterator[Callable[[Sandbox, Wanted], GraphShift]]:
    """What makes a shift of a release for `work_in_shifts`; ledger and traces go to a place of their own, freed at the end.

    Args:
        home: Whose pages are looked up.
        toolset: What can be called.
        caller: The release.
        router: Where a turn goes.
        act: Confidence below which a write waits for a person, in [0, 1].
    """
    with tempfile.TemporaryDirectory() as folder:
        aside = Home(Settings(home=Path(folder), artefacts=home.settings.artefact_folder, tenant=home.settings.tenant))

        def begin(sandbox: Sandbox, wanted: Wanted) -> GraphShift:
            desk = Desk(
                toolset=toolset,
                caller=caller,
                executor=aside.executor(sandbox),
                book=Lookup(sandbox),
                knowledge=home.knowledge,
                encoder=home.embedder,
                router=router,
                traces=aside.traces,
                principal=home.principal,
                thresholds=Thresholds(act=act),
            )
            return GraphShift(desk, sandbox, wanted)

        try:
            yield begin
        finally:
            aside.database.dispose()
            home.knowledge.close()
