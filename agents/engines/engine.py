"""The protocol every engine keeps."""

from typing import Protocol

from core.types.value import Value


class Generation(Value):
    """What an engine wrote."""

    text: str
    """Without the end mark."""
    tokens: tuple[str, ...] = ()
    """The pieces, end mark left out."""
    logprobs: tuple[float, ...] = ()
    """Natural-log probability of each piece before the grammar, so that what the grammar forced shows as unlikely."""
    finished: bool = True
    """False when the token limit cut it off."""
    prompt_tokens: int = 0
    """Tokens of the prompt."""


class Engine(Protocol):
    """Greedy text generation under a grammar; deterministic for the same calls."""

    def generate(self, prompt: str, grammar: str | None, max_tokens: int, reuse: bool = False) -> Generation:
        """Continue `prompt` greedily.

        Args:
            prompt: Text as `core.chat` renders it.
            grammar: GBNF, or None for free text.
            max_tokens: Where to cut off.
            reuse: The prompt is the same as the last call's; its evaluation may be kept.

        Raises:
            ModelError: The engine failed.
            BadInput: The prompt is longer than the model reads (`too_long`).
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
