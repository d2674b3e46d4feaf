"""What the API needs of the callers below it, and nothing of how they are loaded."""

from collections.abc import Sequence
from typing import Protocol

from core.types.message import Message
from core.types.prediction import Prediction
from core.types.tool import Toolset
from core.types.value import Value


class ModelInfo(Value):
    """One name that requests may put in `model`."""

    id: str
    """`toolset` for its champion, `toolset@release`, or `toolset@agent`."""
    created: int
    """When the release was made, Unix seconds."""
    owned_by: str = "nightschool"
    """OpenAI's field."""


class LoadedCaller(Protocol):
    """A release in memory, ready to decide."""

    @property
    def release_id(self) -> str:
        """The release that answers."""
        ...

    @property
    def toolset(self) -> Toolset:
        """The tools it decides on; their descriptions word the questions."""
        ...

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide the next step; blocks on the CPU and is called by one thread at a time.

        Raises:
            ModelError: The engine failed.
        """
        ...


class Callers(Protocol):
    """All callers of this service."""

    def caller(self, toolset: str, release: str | None) -> LoadedCaller:
        """The caller of a toolset, loaded if it was not; None means the champion.

        Called in the same single thread as `predict`, since loading is as heavy.

        Raises:
            NotFound: No such toolset or release, or no champion yet.
            ModelError: Its file is missing or corrupted.
        """
        ...

    def models(self) -> list[ModelInfo]:
        """What can be named, in the order to show; called from any thread."""
        ...
