"""Arguments: what one tool's rows teach about an argument counts for all tools that have it."""

import numpy as np
from scipy.sparse import csr_matrix

from agents.arguments import arguments_of, fit_arguments, parts_of, tools_of
from core.types.message import ToolCall
from core.types.tool import read_toolset

PLACE = {"type": "object", "properties": {"place": {"type": "string"}, "level": {"type": "integer"}}, "required": ["level"]}
LIST = {
    "type": "object",
    "properties": {"lines": {"type": "array", "items": {"type": "object", "properties": {"item": {"type": "string"}}}}},
}
TOOLSET = read_toolset("home", [{"name": name, "parameters": PLACE} for name in ("dim", "glow", "heat")] + [{"name": "order", "parameters": LIST}])  # fmt: skip


def call(name: str, **arguments: object) -> tuple[ToolCall, ...]:
    return (ToolCall(name=name, arguments=arguments),)


def test_a_seldom_seen_tool_learns_from_the_others() -> None:
    steps = [call("dim", place="hall", level=1), call("dim", level=1)] * 20 + [call("glow", level=2)] * 2
    features = csr_matrix([[float(bool(step[0].arguments.get("place"))), 1.0] for step in steps])
    fitted = fit_arguments(TOOLSET, features, steps, 4.0)
    assert "heat.place" not in fitted.labels, "of a tool without rows nothing is known"
    said, unsaid = (dict(zip(fitted.labels, map(float, row), strict=True)) for row in fitted.probabilities(csr_matrix([[1.0, 1.0], [0.0, 1.0]])))  # fmt: skip
    assert said["dim.place"] > 0.9 > 0.5 > unsaid["dim.place"]
    assert said["glow.place"] > 0.5 > unsaid["glow.place"], "glow has no row with a place"
    assert said["dim.level"] > 0.9 and said["glow.level"] > 0.9, "always there"


def test_how_readily_a_tool_takes_an_argument_is_its_own() -> None:
    steps = [call("dim", place="hall", level=1)] * 30 + [call("glow", level=1)] * 30
    fitted = fit_arguments(TOOLSET, csr_matrix(np.ones((60, 1))), steps, 4.0)
    found = dict(zip(fitted.labels, fitted.probabilities(csr_matrix([[1.0]]))[0], strict=True))
    assert found["dim.place"] > 0.8 and found["glow.place"] < 0.2


def test_a_list_that_holds_several_is_a_part() -> None:
    one, two = call("order", lines=[{"item": "oak"}]), call("order", lines=[{"item": "oak"}, {"item": "ash"}])
    assert parts_of(two) - parts_of(one) == {"order.lines*2"}
    fitted = fit_arguments(TOOLSET, csr_matrix([[1.0], [0.0]] * 10), [two, one] * 10, 4.0)
    assert set(fitted.labels) == {"order.lines", "order.lines*2", "order.lines.item", "order.lines.item*2"}
    found = dict(zip(fitted.labels, fitted.probabilities(csr_matrix([[1.0]]))[0], strict=True))
    assert found["order.lines*2"] > 0.8 and found["order.lines.item*2"] < 0.2


def test_without_calls_of_known_tools_nothing_is_known() -> None:
    fitted = fit_arguments(TOOLSET, csr_matrix([[1.0]]), [(ToolCall(name="!none"),)], 4.0)
    assert fitted.labels == () and fitted.probabilities(csr_matrix([[1.0]])).shape == (1, 0)


def test_arguments_are_listed_with_what_is_required() -> None:
    assert list(arguments_of(TOOLSET.by_name["dim"])) == [("dim.place", False), ("dim.level", True)]
    assert list(arguments_of(TOOLSET.by_name["order"])) == [("order.lines", False), ("order.lines.item", False)]


def test_names_of_tools_may_hold_dots() -> None:
    crm = read_toolset("crm", [{"name": name, "parameters": PLACE} for name in ("crm.dim", "crm.heat")])
    parts = parts_of([*call("crm.dim", level=1), *call("crm.dim", level=2), *call("crm.heat", place="hall", level=1)])
    assert tools_of(crm, parts) == {"crm.dim", "crm.dim*2", "crm.heat"}
    assert tools_of(crm, parts_of([ToolCall(name="!search", arguments={"query": "hours"})])) == {"!search"}
