"""Letters and entries: what a mailbox or ticket system and a journal of the business system hold, read from JSON Lines."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError

from core.errors import BadInput
from core.types.value import Value
from tools.importers.jsonl import RowError, read_lines

_YEARS = 1900, 2999
MOST_CHARACTERS = 4_000
"""Of a letter that can be a request; a longer one is cut there."""


def _is_of_our_time(at: datetime) -> datetime:
    """Systems write year 1 or 9999 where they know no time."""
    if not _YEARS[0] <= at.year <= _YEARS[1]:
        raise ValueError(f"the year {at.year} is none of {_YEARS[0]} to {_YEARS[1]}")
    return at


_Moment = Annotated[AwareDatetime, AfterValidator(_is_of_our_time)]


class Letter(Value):
    """A mail, a ticket, a note: somebody asks for something."""

    at: _Moment
    """When it came."""
    text: str = Field(min_length=1)
    """What it says; without greetings and signatures it is matched best."""
    handler: str = ""
    """Who works on it, as entries name their author; empty where nobody knows."""
    id: str = ""
    """Its number, if entries refer to it."""


class Entry(Value):
    """One write in a journal."""

    at: _Moment
    """When it was made."""
    author: str
    """Who made it."""
    tool: str
    """Which tool of the toolset does the same."""
    arguments: dict[str, Any]
    """As the business system holds them: names or numbers of records, ISO days, words of its own."""
    letter: str = ""
    """Number of the letter it answers, where the journal knows."""
    reversed: bool = False
    """Whether it was undone, cancelled or credited later."""


_Record = TypeVar("_Record", Letter, Entry)


def read_records(path: Path, form: type[_Record]) -> Iterator[_Record | RowError]:
    """Every row of a file, in its order; one that cannot be read is named by line and field.

    Raises:
        NotFound: There is no such file.
    """
    for line, document in read_lines(path):
        try:
            if isinstance(document, BadInput):
                raise document
            yield form.model_validate(document)
        except BadInput as error:
            problem = str(error).removeprefix(f"{path.name}:{line}: ")
            yield RowError(line=line, code=error.code, message=f"{path}:{line}: {problem}")
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "row"
            yield RowError(line=line, code="bad_row", message=f"{path}:{line}: {field}: {first['msg']}")


def by_time(records: list[_Record]) -> list[_Record]:
    """The earliest first."""
    return sorted(records, key=lambda record: record.at)
