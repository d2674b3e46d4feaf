"""Plain answers: a yes or a no and nothing else."""

_YES = frozenset({"y", "yes", "ok", "okay", "approve", "approved", "do it", "go ahead", "yes please"})
_NO = frozenset({"n", "no", "reject", "rejected", "don't", "do not", "stop", "no thanks"})


def yes_or_no(text: str) -> bool | None:
    """True for a plain yes, False for a plain no, None for anything else."""
    answer = text.strip().rstrip(".!").casefold()
    return True if answer in _YES else False if answer in _NO else None
