"""The stage of the tour: a home of its own, the shipped champion, a company, a few pages of its handbook."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from agents.champions import COMPANY
from agents.home import Home
from agents.office import furnish
from agents.serving import Loaded, Loader
from agents.threads import Threads, Turn, open_threads
from agents.wording import change_text
from api.tour.scene import Line
from core.settings import Settings
from core.types.release import Release
from finetune.archive import unpack
from finetune.progress import Progress
from tools.erp.company import HANDBOOK_PAGES
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.seed.company import build_company

PAGES = ("sales/returns-policy.md", "sales/payment-terms.md", "finance/dunning.md")
"""Of the handbook, that the tour reads."""
_FIRST_DAY = date(2026, 3, 2)
"""A short history is quick to make."""
ACT = 0.8
"""Writes less sure than this wait for a person."""


class Stage:
    """What every scene has at hand."""

    def __init__(self, home: Home, champion: Loaded, threads: Threads, release: Release) -> None:
        """Use `set_up`."""
        self.home, self.champion, self.release = home, champion, release
        self._threads = threads

    @property
    def pages(self) -> Path:
        """The folder of the pages it reads."""
        return self.home.settings.home / "pages"

    def say(self, text: str, thread: str | None, lines: list[Line]) -> Turn:
        """Say something as a person would, approve what waits, and write down what happened."""
        lines.append(Line(who="person", text=text))
        turn = self._threads.say(text, thread)
        shown = _tell(turn, 0, lines)
        while turn.waiting:
            lines.append(Line(who="agent", text="\n".join(turn.question)))
            lines.append(Line(who="person", text="yes"))
            turn = self._threads.decide(turn.thread, approve=True)
            shown = _tell(turn, shown, lines)
        return turn

    def results(self, thread: str) -> list[dict[str, Any]]:
        """What the business system answered in a thread, in order."""
        return [json.loads(said["content"]) for said in self._threads.messages(thread) if said["role"] == "tool"]

    def writes(self, thread: str) -> list[str]:
        """Operations a thread has carried out in the company, oldest first."""
        sandbox = Sandbox(self.home.company)
        try:
            return [action.operation for action in reversed(sandbox.journal()) if action.key.startswith(f"{thread}/")]
        finally:
            sandbox.close()

    def postings(self, invoice: str) -> int:
        """How often the company has posted an invoice."""
        sandbox = Sandbox(self.home.company)
        try:
            return sum(a.operation == "post_invoice" and a.arguments == {"invoice": invoice} for a in sandbox.journal(1_000))
        finally:
            sandbox.close()


def _tell(turn: Turn, shown: int, lines: list[Line]) -> int:
    """Write down the replies that were not shown yet; how many have been now."""
    for reply in turn.replies[shown:]:
        lines.extend(Line(who="change", text=change_text(change).strip()) for change in reply.get("changes", []))
        lines.append(Line(who="agent", text=str(reply["text"])))
    return len(turn.replies)


@contextmanager
def set_up(folder: Path, progress: Progress) -> Iterator[Stage]:
    """Build everything anew in a folder; what was there is gone.

    Raises:
        ModelError: A model file is missing: `make install` fetches them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    home = Home(Settings(home=folder))
    progress.step("the shipped champion")
    release = unpack(home, COMPANY)
    home.releases.promote(release.id, home.principal, "person")
    progress.step("a company with ten weeks of business")
    build_company(home.company, first_day=_FIRST_DAY, progress=progress.update).close()
    progress.step("a few pages of the handbook")
    for page in PAGES:
        target = folder / "pages" / page
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HANDBOOK_PAGES / page, target)
    home.knowledge.add_folder(folder / "pages", progress.update)
    progress.step("the agent")
    champion = Loader(home).load(release.toolset)
    try:
        with furnish(home, champion.toolset, champion, ACT) as desk, open_threads(desk, home.threads) as threads:
            yield Stage(home, champion, threads, release)
    finally:
        champion.close()
        home.database.dispose()
