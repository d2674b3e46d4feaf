"""What a continued night keeps in mind: conversations the champion has learned and the writer has no time to learn again.

They are shown to the picker, so that it forgets nothing. New conversations nearly all call something, and in words that are odd
to the champion; with too few beside them that call nothing, every odd word becomes a call (docs/measured.md).
"""

from collections.abc import Sequence

from core.types.example import Example

MOST = 800
_QUIET_SHARE = 0.25
"""Of them, at least, call nothing, where there are so many."""


def is_quiet(example: Example) -> bool:
    """Whether nothing is called in a conversation, nor would be, were more said."""
    return all(step.outcome in ("none", "knowledge") for step in example.steps)


def kept_in_mind(known: Sequence[Example], most: int = MOST) -> list[Example]:
    """At most so many of the conversations, the first ones, and of those that call nothing a quarter if there are as many."""
    quiet = [example for example in known if is_quiet(example)][: round(_QUIET_SHARE * most)]
    taken = {example.trace_id for example in quiet}
    return [*quiet, *[example for example in known if example.trace_id not in taken][: most - len(quiet)]]
