"""Traces from JSON Lines in the contract's form: every bad row is named by line and field, good ones go in."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from core.errors import BadInput, NotFound
from core.types.message import Message, ToolCall, read_call, read_messages
from core.types.principal import IMPORTER, Principal
from core.types.tool import Toolset
from core.types.trace import OUTCOMES, Outcome, Trace
from core.types.value import Value
from core.unicode import check_unicode
from tools.importers.formats import NATIVE, READERS
from tools.importers.rows import Row
from tools.validate import argument_error

MOST_ERRORS = 1_000
"""Bad rows that are told one by one; the others are counted."""
_UNLABELLED = "unlabelled"
IMPORTED = "import "
"""How the source of what a file holds begins: no name of a file makes its rows a teacher's, corrections, or work of the day."""


class RowError(Value):
    """One row that could not be read."""

    line: int
    """Line in the file, from 1."""
    code: str
    """Stable name of the problem."""
    message: str
    """File, line, field and value."""


class ImportReport(Value):
    """What an import found."""

    rows: int = 0
    """Non-empty lines read."""
    added: int = 0
    """New traces stored."""
    duplicates: int = 0
    """Rows that were there already."""
    unlabelled: int = 0
    """Rows whose end nobody labelled; their earlier calling turns still teach."""
    outcomes: dict[str, int] = Field(default_factory=dict)
    """Rows by outcome."""
    bad: int = 0
    """Rows that were not read."""
    errors: tuple[RowError, ...] = ()
    """The first `MOST_ERRORS` of them, by line."""


def read_documents(path: Path) -> Iterator[Row]:
    """As `read_lines`; but a file that is one JSON document over many lines is that document, at line 1.

    Raises:
        NotFound: There is no such file.
    """
    rows = iter(read_lines(path))
    first = next(rows, None)
    if first is not None and isinstance(first[1], BadInput):
        try:
            yield 1, _decoded(path.read_bytes())
            return
        except (ValueError, RecursionError):
            pass
    if first is not None:
        yield first
        yield from rows


def read_lines(path: Path, with_empty: bool = False) -> Iterator[Row]:
    """Yield `(line, document)` for each non-empty line; a line that is not JSON yields the error instead.

    Args:
        path: A file of JSON Lines.
        with_empty: Whether an empty line is one that is not JSON, for answers that stand line by line beside what is asked.

    Raises:
        NotFound: There is no such file.
    """
    if not path.is_file():
        raise NotFound(f"{path}: no such file")
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            if not raw.strip() and not with_empty:
                continue
            try:
                yield number, _decoded(raw)
            except (ValueError, RecursionError) as error:
                yield number, BadInput(f"{path.name}:{number}: not JSON: {error}", code="bad_json")


def _decoded(raw: bytes) -> Any:
    document = json.loads(raw.decode("utf-8-sig"))
    if rb"\u" in raw:  # half of a surrogate pair decodes but can be neither hashed nor stored
        json.dumps(document, ensure_ascii=False).encode()
    return document


def read_traces(
    path: Path, toolset: Toolset, principal: Principal = IMPORTER, form: str = NATIVE
) -> tuple[list[Trace], ImportReport]:
    """Read a file of traces in one of `READERS`' formats; rows are checked against the toolset.

    Returns:
        The traces in file order (file duplicates included) and a report; `added` and `duplicates` are the store's to fill.
    """
    tally = Tally()
    traces = list(each_trace(path, toolset, principal, form, tally))
    return traces, tally.report()


def each_trace(path: Path, toolset: Toolset, principal: Principal, form: str, tally: "Tally") -> Iterator[Trace]:
    """The same one by one, for files of any size; the tally counts as they are taken."""
    for line, document in READERS[form](read_lines(path) if form == NATIVE else read_documents(path)):
        try:
            if isinstance(document, BadInput):
                raise document
            trace = read_trace(document, toolset, principal, source=IMPORTED + path.name)
        except BadInput as error:
            where = f"{path.name}:{line}: "
            tally.refuse(RowError(line=line, code=error.code, message=where + str(error).removeprefix(where)))
        else:
            tally.outcomes[trace.outcome or _UNLABELLED] += 1
            yield trace


class Tally:
    """Counts an import while it runs."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        """Rows that were read, by outcome."""
        self._bad, self._errors = 0, list[RowError]()

    def refuse(self, error: RowError) -> None:
        """A row could not be read."""
        self._bad += 1
        if len(self._errors) < MOST_ERRORS:
            self._errors.append(error)

    def report(self, added: int | None = None) -> ImportReport:
        """What was counted; `added` is how many the store found new, None where none was asked."""
        good = self.outcomes.total()
        return ImportReport(
            rows=good + self._bad,
            added=added or 0,
            duplicates=good - added if added is not None else 0,
            unlabelled=self.outcomes[_UNLABELLED],
            outcomes=dict(+self.outcomes),
            bad=self._bad,
            errors=tuple(self._errors),
        )


def read_trace(raw: Any, toolset: Toolset, principal: Principal = IMPORTER, source: str = "import") -> Trace:
    """Read one trace.

    Raises:
        BadInput: Names the field: messages that cannot be read, an unknown tool, arguments that do not fit, a bad label.
    """
    if not isinstance(raw, Mapping):
        raise BadInput("expected an object with messages", code="bad_row")
    messages = read_messages(raw.get("messages"))
    for index, message in enumerate(messages):
        for call in message.tool_calls:
            _check_call(call, toolset, f"messages[{index}]", complete=True)
    partial = read_call(raw["partial"], "partial") if raw.get("partial") is not None else None
    if partial is not None:
        _check_call(partial, toolset, "partial", complete=False)
    missing = _text(raw, "missing")
    if missing is not None and partial is not None and "." not in missing:
        missing = f"{partial.name}.{missing}"
    return Trace(
        toolset=toolset.name,
        messages=messages,
        outcome=_outcome(raw, messages),
        missing=missing,
        partial=partial,
        query=_text(raw, "query"),
        unlearned=_positions(raw, len(messages)),
        shape=_shape(raw.get("shape")),
        source=source,
        principal=principal,
        schema_hashes=toolset.schema_hashes,
    )


def _outcome(raw: Mapping[str, Any], messages: tuple[Message, ...]) -> Outcome | None:
    named = raw.get("outcome")
    if named is not None:
        if named not in OUTCOMES:
            raise BadInput(f"outcome: expected one of {', '.join(OUTCOMES)}, got {named!r}", code="bad_outcome")
        if named == "calls" and not messages[-1].tool_calls:
            raise BadInput("outcome: 'calls' needs a last assistant turn with tool_calls", code="bad_outcome")
        return named  # type: ignore[no-any-return]  # checked against OUTCOMES above
    last = messages[-1]
    if last.tool_calls:
        return "calls"
    if last.role == "assistant" and len(messages) > 1 and messages[-2].role == "tool":
        return "done"
    return None


def _check_call(call: ToolCall, toolset: Toolset, where: str, complete: bool) -> None:
    tool = toolset.by_name.get(call.name)
    if tool is None:
        raise BadInput(f"{where}: unknown tool {call.name!r}; the toolset has {_some(toolset)}", code="unknown_tool")
    problem = argument_error(tool, call.arguments, complete)
    if problem:
        raise BadInput(f"{where}: {call.name}: {problem}", code="bad_arguments")


def _some(toolset: Toolset) -> str:
    names = sorted(toolset.by_name)
    return ", ".join(names[:6]) + (" …" if len(names) > 6 else "")


def _shape(raw: Any) -> str | None:
    """The cluster's name, a number too."""
    return None if raw is None else _text({"shape": str(raw)}, "shape")


def _text(raw: Mapping[str, Any], field: str) -> str | None:
    value = raw.get(field)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{field}: expected text, got {value!r}", code="bad_row")
    if value is not None:
        check_unicode(value, field, "bad_row")
    return value


def _positions(raw: Mapping[str, Any], messages: int) -> tuple[int, ...]:
    found = raw.get("unlearned") or []
    if not isinstance(found, list) or not all(type(at) is int and 0 <= at < messages for at in found):
        raise BadInput(f"unlearned: expected numbers of messages, from 0 to {messages - 1}, got {found!r}", code="bad_row")
    return tuple(found)
