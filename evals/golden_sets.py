"""Golden sets of a home: verified cases no training row may resemble, one file a toolset, every version of it kept."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from core.errors import BadInput
from core.types.case import Case, Part, read_case, write_case
from core.types.value import Value
from core.whole import write_whole
from tools.importers.jsonl import read_lines


class GoldenVersion(Value):
    """One state of a golden set."""

    version: int
    """From 1."""
    sha256: str
    """Of the file."""
    cases: int
    """In it."""
    at: datetime
    """When it became the golden set, UTC."""


def golden_cases(home: Path, toolset: str, part: Part | None = None) -> list[Case]:
    """The golden cases of a toolset, or of a half; empty when there is no golden set."""
    file = _file(home, toolset)
    cases = read_cases(file) if file.is_file() else []
    return [case for case in cases if part in (None, case.part)]


def golden_versions(home: Path, toolset: str) -> list[GoldenVersion]:
    """Every version there was, the oldest first; sets from before versions were kept have none."""
    file = _versions_file(home, toolset)
    return [GoldenVersion.model_validate_json(line) for line in file.read_text().split("\n") if line] if file.is_file() else []


def add_golden(home: Path, toolset: str, source: Path) -> int:
    """Make a file of cases the golden set of a toolset; returns how many there are.

    Raises:
        NotFound: No such file.
        BadInput: A row cannot be read; named by line.
    """
    cases = read_cases(source)
    _put(home, toolset, source.read_bytes(), len(cases))
    return len(cases)


def freeze_golden(home: Path, toolset: str, more: Sequence[Case]) -> GoldenVersion:
    """Add cases to the golden set of a toolset: a new version of it."""
    file = _file(home, toolset)
    known = file.read_text(encoding="utf-8").split("\n") if file.is_file() else []
    lines = [line for line in known if line.strip()] + [json.dumps(write_case(case), ensure_ascii=False) for case in more]
    return _put(home, toolset, ("\n".join(lines) + "\n").encode(), len(lines))


def read_cases(file: Path) -> list[Case]:
    """Cases of a JSON Lines file.

    Raises:
        NotFound: No such file.
        BadInput: A row cannot be read; named by file and line.
    """
    cases = []
    for number, document in read_lines(file):
        if isinstance(document, BadInput):
            raise document
        try:
            cases.append(read_case(document))
        except BadInput as error:
            raise BadInput(f"{file.name}:{number}: {error}", code="bad_row") from error
    return cases


def _put(home: Path, toolset: str, data: bytes, count: int) -> GoldenVersion:
    """Keep a version, and make it the one that holds; the same again is the version it was."""
    digest, versions = hashlib.sha256(data).hexdigest(), golden_versions(home, toolset)
    if versions and versions[-1].sha256 == digest:
        return versions[-1]
    made = GoldenVersion(version=len(versions) + 1, sha256=digest, cases=count, at=datetime.now(UTC))
    target = _file(home, toolset)
    kept = target.with_name(f"{toolset}.{made.version}.jsonl")
    target.parent.mkdir(parents=True, exist_ok=True)
    for file in (kept, target):
        write_whole(file, data)
    with _versions_file(home, toolset).open("a") as log:
        log.write(made.model_dump_json() + "\n")
    return made


def _file(home: Path, toolset: str) -> Path:
    return home / "golden" / f"{toolset}.jsonl"


def _versions_file(home: Path, toolset: str) -> Path:
    return home / "golden" / f"{toolset}.versions"
