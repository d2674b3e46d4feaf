"""Golden sets of a home: verified cases no training row may resemble, one file a toolset, every version of it kept."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import BadInput
from core.types.case import Case, Part, read_case, write_case
from core.types.tool import Toolset
from core.types.value import Value
from core.whole import write_whole
from evals.answerable import unanswerable
from tools.importers.jsonl import read_lines

_SCHEMAS = "schemas"
"""Key, beside those of a case, of the schema hashes that it was verified for."""


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


class GoldenCase(NamedTuple):
    """One case as it is kept."""

    case: Case
    """As it was verified."""
    schemas: Mapping[str, str] = {}
    """Schema hash of each tool it names, at that time; empty of one from before they were kept."""


class _Row(NamedTuple):
    """One line of a file of cases."""

    line: int
    document: Mapping[str, Any]
    case: Case


def golden_rows(home: Path, toolset: str) -> list[GoldenCase]:
    """The golden cases of a toolset as they are kept; empty when there is no golden set."""
    file = _file(home, toolset)
    rows = _read(file) if file.is_file() else ()
    return [GoldenCase(row.case, row.document.get(_SCHEMAS) or {}) for row in rows]


def golden_cases(home: Path, toolset: str, part: Part | None = None) -> list[Case]:
    """The golden cases of a toolset, or of a half, as they were verified; empty when there is no golden set."""
    return [golden.case for golden in golden_rows(home, toolset) if part in (None, golden.case.part)]


def golden_versions(home: Path, toolset: str) -> list[GoldenVersion]:
    """Every version there was, the oldest first; sets from before versions were kept have none."""
    file = _versions_file(home, toolset)
    return [GoldenVersion.model_validate_json(line) for line in file.read_text().split("\n") if line] if file.is_file() else []


def add_golden(home: Path, toolset: Toolset, source: Path) -> int:
    """Make a file of cases the golden set of a toolset, kept with the schemas of now; returns how many there are.

    Raises:
        NotFound: No such file.
        BadInput: A row cannot be read, or can never be right with these tools, named by line; or there is none.
    """
    lines = []
    for row in _read(source):
        if problem := unanswerable(row.case, toolset):
            raise BadInput(f"{source.name}:{row.line}: {problem}", code="bad_row")
        lines.append(_line(row.document, row.case, toolset))
    if not lines:
        raise BadInput(f"{source.name}: holds no case; a golden set has one at least")
    _put(home, toolset.name, lines)
    return len(lines)


def freeze_golden(home: Path, toolset: Toolset, more: Sequence[Case]) -> GoldenVersion:
    """Add cases of the tools of now to the golden set of a toolset: a new version of it."""
    file = _file(home, toolset.name)
    known = file.read_text(encoding="utf-8").split("\n") if file.is_file() else []
    new = [_line(write_case(case), case, toolset) for case in more]
    return _put(home, toolset.name, [*(line for line in known if line.strip()), *new])


def tools_of(case: Case) -> frozenset[str]:
    """Names of the tools that a case expects, asks about, or has called before."""
    called = [*case.expected, *(call for message in case.messages for call in message.tool_calls)]
    return frozenset([*(call.name for call in called), *([case.ask.tool] if case.ask else [])])


def read_cases(file: Path) -> list[Case]:
    """Cases of a JSON Lines file.

    Raises:
        NotFound: No such file.
        BadInput: A row cannot be read; named by file and line.
    """
    return [row.case for row in _read(file)]


def _read(file: Path) -> Iterator[_Row]:
    for number, document in read_lines(file):
        if isinstance(document, BadInput):
            raise document
        try:
            yield _Row(number, document, read_case(document))
        except BadInput as error:
            raise BadInput(f"{file.name}:{number}: {error}", code="bad_row") from error


def _line(document: Mapping[str, Any], case: Case, toolset: Toolset) -> str:
    """A case as it is kept: with the schemas that the tools it names have now."""
    schemas = {name: toolset.schema_hashes[name] for name in sorted(tools_of(case)) if name in toolset.by_name}
    return json.dumps({**document, _SCHEMAS: schemas}, ensure_ascii=False)


def _put(home: Path, toolset: str, lines: Sequence[str]) -> GoldenVersion:
    """Keep a version, and make it the one that holds; the same again is the version it was."""
    data = ("\n".join(lines) + "\n").encode()
    digest, versions = hashlib.sha256(data).hexdigest(), golden_versions(home, toolset)
    if versions and versions[-1].sha256 == digest:
        return versions[-1]
    made = GoldenVersion(version=len(versions) + 1, sha256=digest, cases=len(lines), at=datetime.now(UTC))
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
