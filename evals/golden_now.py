"""Golden cases as they are asked now: a case that was verified for tools as they were follows them, or is left out."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from agents.home import Home
from agents.learned import STALE
from core.types.case import Case, Part
from core.types.schema_change import ToolMigration
from core.types.tool import Tool, Toolset
from evals.answerable import expects, unanswerable
from evals.golden_sets import GoldenCase, golden_rows, tools_of
from tools.migration import Edges, ask_now, calls_now, edges_between, messages_now, way_to_now

_NAMED = 3
"""Reasons a warning names."""


class GoldenNow(NamedTuple):
    """What can be asked of a golden set, and what cannot."""

    cases: list[Case]
    """Of the tools of now, in the order of the set."""
    left_out: list[str]
    """Why, for each case that fits no tool of now."""


class CaseClock:
    """Brings cases to the present of a toolset."""

    def __init__(self, versions: Sequence[Toolset], edges: Edges) -> None:
        """`versions`: of one toolset, the oldest first; `edges`: what leads from one to another."""
        self._toolset, self._edges = versions[-1], edges
        self._now = frozenset(self._toolset.schema_hashes.values())
        self._tools: dict[str, list[Tool]] = {}
        for version in reversed(versions):
            for tool in version.tools:
                self._tools.setdefault(tool.name, []).append(tool)

    def bring(self, golden: GoldenCase) -> Case | str:
        """The case of now, or why there is none."""
        ways: dict[str, list[ToolMigration]] = {}
        for name in sorted(tools_of(golden.case)):
            schema = golden.schemas.get(name) or self._schema_of(name, golden.case)
            way = way_to_now(schema, self._now, self._edges) if schema is not None else []
            if way is None:
                return f"{name}: {STALE}"
            ways[name] = way
        case = golden.case
        ask = ask_now(case.ask, ways) if case.ask is not None else None
        if case.ask is not None and ask is None:
            return f"{case.ask.tool}: asks for {case.ask.missing}, which need not be said any more"
        moved = {"messages": messages_now(case.messages, ways), "expected": calls_now(case.expected, ways), "ask": ask}
        brought = case.model_copy(update=moved)
        return unanswerable(brought, self._toolset) or brought

    def _schema_of(self, name: str, case: Case) -> str | None:
        """Of a case that does not say: the newest version of a tool that it fits; None where it fits none."""
        return next((tool.schema_hash for tool in self._tools.get(name, ()) if expects(case, tool)), None)


def clock_of(home: Home, toolset: str) -> CaseClock:
    """The clock of a toolset there is, by the migrations that were declared for it and what fits by itself."""
    versions = home.registry.versions(toolset)
    return CaseClock(versions, edges_between(versions, home.migrations.edges(toolset)))


def golden_now(home: Home, toolset: str, part: Part | None = None) -> GoldenNow:
    """The golden cases of a toolset, or of a half, as they are asked now."""
    clock = clock_of(home, toolset)
    rows = golden_rows(home.folder, toolset)
    brought = [clock.bring(golden) for golden in rows if part in (None, golden.case.part)]
    return GoldenNow(
        cases=[found for found in brought if isinstance(found, Case)],
        left_out=[found for found in brought if isinstance(found, str)],
    )


def left_out_warning(toolset: str, reasons: Sequence[str]) -> str:
    """How many cases fit no tool of now, mostly why, and what to do."""
    why = "; ".join(f"{count} {reason}" for reason, count in Counter(reasons).most_common(_NAMED))
    told = f"{len(reasons)} golden cases fit no tool of now and are left out ({why})"
    return f"{told}; `nightschool toolset migrate {toolset}` says how calls of then are written now"
