"""`kill -9` in the middle of threads: each goes on where it was, nothing said is lost, nothing is written twice."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from agents.desk import Desk
from agents.home import Home
from agents.open_turns import OpenTurns
from agents.threads import open_threads
from core.database import open_database
from core.settings import Settings
from core.traces import TraceStore
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.principal import Principal
from core.types.tool import Toolset, read_toolset
from retrieval.knowledge import Knowledge
from retrieval.store import KnowledgeStore
from retrieval.vectors import ExactIndex
from tools.erp.operations import ALL
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.soundness import faults
from tools.ledger import Ledger

_THREADS_A_KILL = 8
"""More than are done between two kills, so that every kill meets work."""
_STEPS = ("create_ticket", "schedule_activity")
_TURNS = 2
"""Of a thread."""
_IMPORTS_S = 20.0
"""The longest a killed process is waited for before it says it is ready."""
_STORES: tuple[tuple[type, str], ...] = (
    (SqliteSaver, "put"),
    (SqliteSaver, "put_writes"),
    (OpenTurns, "begin"),
    (OpenTurns, "end"),
    (Ledger, "begin"),
    (Ledger, "finish"),
    (Sandbox, "execute"),
    (TraceStore, "add"),
)
"""Whatever a turn leaves on the disk is left by one of these."""


class _Clerk:
    """Opens a ticket, schedules a call about it, and is done; whatever was said before."""

    release_id = "r-clerk"

    def predict(self, messages: Sequence[Message]) -> Prediction:
        spoken = max(at for at, message in enumerate(messages) if message.role == "user")
        done = sum(message.role == "tool" for message in messages[spoken:])
        wish = messages[spoken].content
        calls = (
            ToolCall(name="create_ticket", arguments={"customer": "Orchid Nursery", "subject": wish}),
            ToolCall(
                name="schedule_activity",
                arguments={"customer": "Orchid Nursery", "type": "call", "date": "tomorrow", "subject": wish},
            ),
        )
        if done < len(calls):
            return Prediction(outcome="calls", tool_calls=(calls[done],), confidence=1.0, latency_ms=0.0)
        return Prediction(outcome="done", confidence=1.0, latency_ms=0.0)


class _NoEncoder:
    """Nothing is looked up here."""

    def embed(self, texts: Sequence[str]) -> None:
        raise AssertionError(texts)


def _work(folder: Path, wishes: int, turns: int = _TURNS) -> None:
    """Resume what was stopped, then say what was not said yet: so many turns in each of so many threads."""
    sandbox, database = Sandbox(folder / "company.sqlite"), open_database(Settings(home=folder))
    encoder = _NoEncoder()
    desk = Desk(
        toolset=_toolset(),
        caller=_Clerk(),
        executor=Home(Settings(home=folder)).executor(sandbox),
        book=Lookup(sandbox),
        knowledge=Knowledge(KnowledgeStore(database, "default"), encoder, "none", ExactIndex),  # type: ignore[arg-type]
        encoder=encoder,  # type: ignore[arg-type]
        router=None,
        traces=TraceStore(database, "default"),
        principal=Principal(),
    )
    with open_threads(desk, folder / "threads.sqlite") as threads:
        print("ready", flush=True)
        threads.resume_all()
        said = folder / "said"
        for number in range(wishes):
            known = said / str(number)
            lines = known.read_text().split() if known.is_file() else []
            for turn in range(len(lines), turns):
                # What a client does: it sends, and notes the thread once it has the answer.
                thread = lines[0] if lines else None
                lines.append(threads.say(f"call Orchid Nursery tomorrow about wish {number} of turn {turn} ", thread).thread)
                known.write_text(" ".join(lines))
    print("finished", flush=True)


@cache
def _toolset() -> Toolset:
    return read_toolset("company", [operation.function for operation in ALL])


def _killed(command: list[str], chance: random.Random) -> bool:
    """Start the work and kill it at some instant; True where it had come to its end before."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(chance.uniform(0, 0.25))
    process.kill()
    return "finished" in process.communicate(timeout=_IMPORTS_S)[0]


def _work_till(folder: Path, store: int, turns: int) -> None:
    """As `_work` on one thread, but the process is gone just before it stores something for the given time."""
    stored = count(1)

    def stopping(method: Callable[..., Any]) -> Callable[..., Any]:
        def stop_or_store(*arguments: Any, **named: Any) -> Any:
            if next(stored) == store:
                os._exit(1)
            return method(*arguments, **named)

        return stop_or_store

    for owner, name in _STORES:
        setattr(owner, name, stopping(getattr(owner, name)))
    _work(folder, 1, turns)


def _in_a_fork(work: Callable[[], None]) -> bool:
    """Whether it came to its end; a process of its own, so that one may stop anywhere."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _work_with_every_stop(folder: Path, company: Path, turns: int) -> None:
    """One folder for each place at which a process can stop, all gone on with."""
    _toolset()  # once for all
    for store in count(1):
        place = _prepared(folder / f"{store:03}", company)
        if _in_a_fork(partial(_work_till, place, store, turns)):
            return
        assert _in_a_fork(partial(_work, place, 1, turns)), f"stopped before store {store}: does not go on"


def _prepared(folder: Path, company: Path) -> Path:
    (folder / "said").mkdir(parents=True)
    (folder / "company.sqlite").write_bytes(company.read_bytes())
    return folder


def _check_kills(tmp_path: Path, company: Path, kills: int) -> None:
    folder, wishes, chance = _prepared(tmp_path / "killed", company), kills * _THREADS_A_KILL, random.Random(7)
    command = [sys.executable, __file__, str(folder), str(wishes)]
    ended = [_killed(command, chance) for _ in range(kills)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    written = _check(folder, wishes, kills, _TURNS)
    print(f"{kills} kills, {sum(not end for end in ended)} of them in the middle: {written}")


def _check(folder: Path, wishes: int, kills: int, turns: int) -> str:
    """Hold what was written against what was said."""
    sandbox = Sandbox(folder / "company.sqlite")
    actions = [action for action in sandbox.journal(10_000) if "/t" in action.key and action.operation in _STEPS]
    counts = Counter((action.operation, str(action.arguments["subject"])) for action in actions)
    with sandbox.books() as books:
        assert not faults(books.session)
    sandbox.close()
    # A client killed after the answer and before its note says its wish again: that is another wish, in another turn.
    repeated = sum(count - 1 for (name, _), count in counts.items() if name == _STEPS[0])
    keys = [action.key for action in actions]
    wished = {
        f"call Orchid Nursery tomorrow about wish {number} of turn {turn}" for number in range(wishes) for turn in range(turns)
    }
    threads = len({key.partition("/")[0] for key in keys})
    assert len(keys) == len(set(keys)), "a key is written once"
    assert {subject.strip() for _, subject in counts} == wished, "nothing said is lost"
    assert Counter(name for name, _ in counts.elements())["create_ticket"] * 2 == len(actions), "every turn came to its end"
    assert repeated <= kills
    return f"{len(actions)} writes, {threads} threads"


def test_a_few_kills_write_nothing_twice_and_lose_nothing(tmp_path: Path, short_company: Path) -> None:
    _check_kills(tmp_path, short_company, kills=3)


@pytest.mark.parametrize("turns", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_wherever_a_turn_is_stopped_it_goes_on(tmp_path: Path, short_company: Path, turns: int) -> None:
    command = [sys.executable, __file__, str(tmp_path), str(turns), str(short_company)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    places = sorted(tmp_path.glob("[0-9]*"))
    assert len(places) > 2 * len(_STORES)
    for place in places:
        _check(place, 1, 1, turns)


@pytest.mark.slow
def test_fifty_kills_write_nothing_twice_and_lose_nothing(tmp_path: Path, short_company: Path) -> None:
    _check_kills(tmp_path, short_company, kills=50)


if __name__ == "__main__":
    at, number, *of = sys.argv[1:]
    if of:
        _work_with_every_stop(Path(at), Path(of[0]), turns=int(number))
    else:
        _work(Path(at), wishes=int(number))
