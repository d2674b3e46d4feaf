"""How long work tells the person what it is doing."""

from typing import Protocol


class Progress(Protocol):
    """Told of steps and how far each is."""

    def step(self, title: str) -> None:
        """A new step begins."""
        ...

    def update(self, done: float, of: float, note: str = "") -> None:
        """The step is so far."""
        ...


class Silent:
    """Says nothing; for tests and programs."""

    def step(self, title: str) -> None:
        """Nothing."""

    def update(self, done: float, of: float, note: str = "") -> None:
        """Nothing."""
