"""Resolving: from arguments as people said them to records, days and words of the business system.

The model copies, code finds. Where two records fit, or a phrase names a period where a day is needed, the answer is a question
with choices, never a guess: the wrong record is the costliest error there is.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from core.types.tool import Tool
from core.types.value import Value
from tools.day_readers import Look
from tools.days import days_of
from tools.directory import Match
from tools.names import normal, plain

_MOST_CHOICES = 8


class Book(Protocol):
    """What a business system knows of its own records."""

    @property
    def today(self) -> date:
        """Its day."""

    def match(self, kind: str, said: str, near: Mapping[str, str]) -> list[Match] | None:
        """Records that could be meant, or None where `kind` names no records.

        `near` holds records already known of the same call, by kind: their customer narrows "the May invoice".
        """

    def words(self, kind: str) -> Mapping[str, tuple[str, ...]] | None:
        """The enumerated words of a kind with what people say for them, or None where it has none."""


class Question(Value):
    """Something to ask back."""

    field: str
    """Dotted path of the argument."""
    said: str
    """What was said."""
    choices: tuple[str, ...] = ()
    """What it could mean; empty where nothing fits."""

    @property
    def text(self) -> str:
        """The question in words."""
        name = self.field.rsplit(".", 1)[-1].replace("_", " ")
        if not self.choices:
            return f"I do not know {name} {self.said!r}; which one do you mean?"
        shown = ", ".join(self.choices[:_MOST_CHOICES]) + (" …" if len(self.choices) > _MOST_CHOICES else "")
        return f"Which {name} do you mean by {self.said!r}: {shown}?"


class Resolution(Value):
    """A call's arguments, resolved as far as they could be."""

    arguments: dict[str, Any]
    """Resolved values; what is asked about is as said."""
    names: dict[str, str]
    """What each record found is called, by path: to show people."""
    questions: tuple[Question, ...]
    """What must be asked before the call can be made."""


def resolve(tool: Tool, arguments: Mapping[str, Any], book: Book, known: Mapping[str, str] | None = None) -> Resolution:
    """Resolve the arguments of a call.

    Args:
        tool: What is called; its schema says each argument's kind.
        arguments: As said.
        book: What the business system knows.
        known: Keys of records the conversation is about, by kind.
    """
    run = _Run(book, dict(known or {}))
    resolved = run.object(tool.parameters, dict(arguments), "")
    return Resolution(arguments=resolved, names=run.names, questions=tuple(run.questions))


class _Run:
    def __init__(self, book: Book, near: dict[str, str]) -> None:
        self._book, self._near = book, near
        self.names: dict[str, str] = {}
        self.questions: list[Question] = []

    def object(self, schema: Mapping[str, Any], values: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Names before numbers of documents: who it is about narrows which one."""
        properties = schema.get("properties") or {}
        order = sorted(values, key=lambda name: str(properties.get(name, {}).get("x-kind", "")).endswith("_id"))
        done = {name: self._value(properties.get(name) or {}, values[name], f"{path}.{name}" if path else name) for name in order}
        return {name: done[name] for name in values}

    def _value(self, schema: Mapping[str, Any], value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return self.object(schema, value, path)
        if isinstance(value, list):
            items = schema.get("items") or {}
            return [self._value(items, item, f"{path}.{at}") for at, item in enumerate(value)]
        kind = schema.get("x-kind")
        if not isinstance(value, str) or not isinstance(kind, str):
            return value
        if kind == "date":
            return self._day(schema, value, path)
        words = self._book.words(kind)
        if words is not None:
            return self._word(words, value, path)
        found = self._book.match(kind, value, self._near)
        return value if found is None else self._record(kind, found, value, path)

    def _record(self, kind: str, found: list[Match], said: str, path: str) -> str:
        if len(found) != 1 or found[0].other_form:
            self.questions.append(Question(field=path, said=said, choices=tuple(match.name for match in found)))
            return said
        self._near.setdefault(kind, found[0].key)
        self.names[path] = found[0].name
        return found[0].key

    def _word(self, words: Mapping[str, tuple[str, ...]], said: str, path: str) -> str:
        wanted = {plain(said), normal(said)}
        for word, others in words.items():
            if any(plain(other) in wanted or normal(other) in wanted for other in (word, *others)):
                return word
        self.questions.append(Question(field=path, said=said, choices=tuple(words)))
        return said

    def _day(self, schema: Mapping[str, Any], said: str, path: str) -> str:
        """`x-look` says where a day without a year lies, `x-day` which day of a period is meant."""
        look: Look = "back" if schema.get("x-look") == "back" else "ahead"
        found = days_of(said, self._book.today, look)
        if found is None or (found.first != found.last and schema.get("x-day") == "one"):
            choices = (f"{found.first} … {found.last}",) if found is not None else ()
            self.questions.append(Question(field=path, said=said, choices=choices))
            return said
        return (found.first if schema.get("x-day") == "first" else found.last).isoformat()
