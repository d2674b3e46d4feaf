"""Golden sets of a home: verified cases no training row may resemble, one file a toolset."""

import json
import os
from pathlib import Path

from core.errors import BadInput, NotFound
from core.types.case import Case, read_case


def golden_cases(home: Path, toolset: str) -> list[Case]:
    """The golden cases of a toolset; empty when there is no golden set."""
    file = _file(home, toolset)
    return read_cases(file) if file.is_file() else []


def add_golden(home: Path, toolset: str, source: Path) -> int:
    """Make a file of cases the golden set of a toolset; returns how many there are.

    Raises:
        NotFound: No such file.
        BadInput: A row cannot be read; named by line.
    """
    cases = read_cases(source)
    target = _file(home, toolset)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(source.read_bytes())
    os.replace(partial, target)
    return len(cases)


def read_cases(file: Path) -> list[Case]:
    """Cases of a JSON Lines file.

    Raises:
        NotFound: No such file.
        BadInput: A row cannot be read; named by file and line.
    """
    if not file.is_file():
        raise NotFound(f"{file}: no such file")
    cases = []
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if line.strip():
            try:
                cases.append(read_case(json.loads(line)))
            except (BadInput, ValueError) as error:
                raise BadInput(f"{file.name}:{number}: {error}", code="bad_row") from error
    return cases


def _file(home: Path, toolset: str) -> Path:
    return home / "golden" / f"{toolset}.jsonl"
