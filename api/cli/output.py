"""What every command shares: the home, `--json`, progress on stderr, exit codes."""

import json
import sys
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from agents.home import Home
from core.errors import BadInput
from core.settings import Settings
from core.types.principal import Principal

_MANY = 20
"""Steps of more than so many parts say how far they are even where nothing is to be noted."""
USAGE, REFUSED, BAD_ROWS = 2, 3, 4

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
As = Annotated[str | None, typer.Option("--as", help="Who it is; default the operator of this machine.")]
Rank = Annotated[int | None, typer.Option(min=1, max=256, help="LoRA rank; default 32.")]
LearningRate = Annotated[float | None, typer.Option(min=1e-6, max=0.1, help="Peak; default as the base has it.")]


def open_home() -> Home:
    """The home named by the environment."""
    return Home(Settings())


def speaker(home: Home, person: str | None) -> Principal:
    """Who a command is for. The role is that of the person's newest key; policy may say another, and knows nobody else."""
    if person is None:
        return home.principal
    known = home.keys.list(home.settings.tenant)
    keys = [info.principal for info in known if info.revoked_at is None and info.principal.person == person]
    return keys[-1] if keys else Principal(tenant=home.settings.tenant, person=person, role="")


def read_object(text: str, what: str = "arguments") -> dict[str, Any]:
    """A JSON object as it is written on the command line; `what` names it.

    Raises:
        BadInput: Not a JSON object.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{what} {text[:60]!r}: not JSON: {str(error)[:200]}") from error
    if not isinstance(document, dict):
        raise BadInput(f"{what} {text[:60]!r}: expected a JSON object")
    return document


def show(document: Any, text: str, as_json: bool) -> None:
    """Print a result: one JSON document, or text for people."""
    sys.stdout.write((json.dumps(document, ensure_ascii=False, default=str) if as_json else text) + "\n")


def fail(message: str, code: int = USAGE) -> NoReturn:
    """End with a message on stderr."""
    sys.stderr.write(f"nightschool: {message}\n")
    raise typer.Exit(code)


class Bars:
    """Progress bars on stderr, a line a step; plain lines where stderr is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=self._console,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._title = ""

    def __enter__(self) -> "Bars":
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def step(self, title: str) -> None:
        """A new step begins."""
        self._title = title
        if self._console.is_terminal:
            self._task = self._bars.add_task(title, total=1, note="")
        else:
            self._console.print(f"· {title}", highlight=False)

    def update(self, done: float, of: float, note: str = "") -> None:
        """The step is so far."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=max(of, 1), note=note)
        elif (note or of > _MANY) and (done >= of or int(done) % max(1, int(of) // 4) == 0):
            self._console.print(f"  {self._title}: {done:.0f}/{of:.0f} {note}".rstrip(), highlight=False, soft_wrap=True)
