"""`kill -9` in the middle of threads: each goes on where it was, nothing said is lost, nothing is written twice."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.desk import Desk
from agents.threads import open_threads
from core.database import open_database
from core.settings import Settings
from core.traces import TraceStore
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.principal import Principal
from core.types.tool import read_toolset
from retrieval.knowledge import Knowledge
from retrieval.store import KnowledgeStore
from retrieval.vectors import ExactIndex
from tools.erp.operations import ALL
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox
from tools.erp.sandbox.soundness import faults
from tools.executor import Executor
from tools.ledger import Ledger

_THREADS_A_KILL = 8
"""More than are done between two kills, so that every kill meets work."""
_STEPS = ("create_ticket", "schedule_activity")
_IMPORTS_S = 20.0
"""The longest a killed process is waited for before it says it is ready."""


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


def _work(folder: Path, wishes: int) -> None:
    """Resume what was stopped, then say what was not said yet: two turns in each of so many threads."""
    sandbox, database = Sandbox(folder / "company.sqlite"), open_database(Settings(home=folder))
    encoder, toolset = _NoEncoder(), read_toolset("company", [operation.function for operation in ALL])
    desk = Desk(
        toolset=toolset,
        caller=_Clerk(),
        executor=Executor(Ledger(database, "default"), sandbox),
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
            for turn in range(len(lines), 2):
                # What a client does: it sends, and notes the thread once it has the answer.
                thread = lines[0] if lines else None
                lines.append(threads.say(f"wish {number} of turn {turn} ", thread).thread)
                known.write_text(" ".join(lines))
    print("finished", flush=True)


def _killed(command: list[str], chance: random.Random) -> bool:
    """Start the work and kill it at some instant; True where it had come to its end before."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(chance.uniform(0, 0.25))
    process.kill()
    return "finished" in process.communicate(timeout=_IMPORTS_S)[0]


def _check(tmp_path: Path, company: Path, kills: int) -> None:
    (tmp_path / "company.sqlite").write_bytes(company.read_bytes())
    (tmp_path / "said").mkdir()
    chance, wishes = random.Random(7), kills * _THREADS_A_KILL
    command = [sys.executable, __file__, str(tmp_path), str(wishes)]
    ended = [_killed(command, chance) for _ in range(kills)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    sandbox = Sandbox(tmp_path / "company.sqlite")
    actions = [action for action in sandbox.journal(10_000) if "/t" in action.key and action.operation in _STEPS]
    counts = Counter((action.operation, str(action.arguments["subject"])) for action in actions)
    with sandbox.books() as books:
        assert not faults(books.session)
    sandbox.close()
    # A client killed after the answer and before its note says its wish again: that is another wish, in another turn.
    repeated = sum(count - 1 for (name, _), count in counts.items() if name == _STEPS[0])
    keys = [action.key for action in actions]
    wished = {f"wish {number} of turn {turn}" for number in range(wishes) for turn in range(2)}
    threads = len({key.partition("/")[0] for key in keys})
    print(f"{kills} kills, {sum(not end for end in ended)} of them in the middle: {len(actions)} writes, {threads} threads")
    assert len(keys) == len(set(keys)), "a key is written once"
    assert {subject.strip() for _, subject in counts} == wished, "nothing said is lost"
    assert Counter(name for name, _ in counts.elements())["create_ticket"] * 2 == len(actions), "every turn came to its end"
    assert repeated <= kills


def test_a_few_kills_write_nothing_twice_and_lose_nothing(tmp_path: Path, short_company: Path) -> None:
    _check(tmp_path, short_company, kills=3)


@pytest.mark.slow
def test_fifty_kills_write_nothing_twice_and_lose_nothing(tmp_path: Path, short_company: Path) -> None:
    _check(tmp_path, short_company, kills=50)


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]))
