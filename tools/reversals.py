"""Writes that did not last: undone, or reversed by a later one."""

from collections.abc import Iterable, Mapping

from tools.erp.operations.reversers import Reverser
from tools.ledger import Entry


def reversals(entries: Iterable[Entry], reversers: Mapping[str, Reverser]) -> dict[str, str]:
    """What became of writes, by key; one that lasted is not there.

    Args:
        entries: Done and undone, the oldest first.
        reversers: What reverses what, by operation.
    """
    fates: dict[str, str] = {}
    made: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        if entry.state == "undone":
            fates[entry.key] = "undone"
            continue
        reverser = reversers.get(entry.tool)
        if reverser is not None:
            record = str(entry.arguments.get(reverser.argument))
            for operation in reverser.of:
                earlier = made.get((entry.system, operation, record))
                if earlier and not (reverser.elsewhere and thread_of(earlier.key) == thread_of(entry.key)):
                    fates.setdefault(earlier.key, reverser.word)
        for field in {known.argument for known in reversers.values() if entry.tool in known.of}:
            if entry.effect is not None and isinstance(name := entry.effect.result.get(field), str):
                made[entry.system, entry.tool, name] = entry  # a number that comes again is another record
    return fates


def thread_of(key: str) -> str:
    """The conversation a derived key is of; the key itself where somebody named it."""
    return key.rsplit("/", 2)[0]


def call_of(key: str) -> tuple[str, str] | None:
    """Conversation and call that a derived key is of; None where somebody named it."""
    parts = key.rsplit("/", 2)
    return (parts[0], parts[1]) if len(parts) == 3 else None
