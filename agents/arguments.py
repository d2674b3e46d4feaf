"""Arguments: what a step is made of, and how likely a call fills each argument, given the tool that is called.

One model an argument, shared by all tools that have it, with a part of its own for each: that "living room" fills
`house_place` is learned from every tool, how readily a tool takes it from its own rows. Features are doubled as in Daumé III
(2007), "Frustratingly Easy Domain Adaptation"; the doubles are added up again after fitting, one column a tool and argument.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from agents.linear import LabelSetClassifier, Matrix
from core.types.message import ToolCall
from core.types.tool import Tool, Toolset

TWICE = "*2"
_OWN, _BIAS = 0.5, 2.0
"""Weight of a tool's own features beside the shared ones, and of its own bias."""


def parts_of(calls: Sequence[ToolCall]) -> frozenset[str]:
    """What a step is made of: `tool`, `tool.argument`, `tool.array.field`; with `*2` what it holds more than once."""
    parts: set[str] = set()
    for call in calls:
        parts.add(call.name + TWICE if call.name in parts else call.name)
        parts.update(_parts_of(call.name, call.arguments))
    return frozenset(parts)


def _parts_of(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{name}.{key}"
            yield from _parts_of(f"{name}.{key}", inner)
    elif isinstance(value, list):
        if len(value) > 1:
            yield name + TWICE
        for item in value:
            yield from _parts_of(name, item)


def arguments_of(tool: Tool) -> Iterator[tuple[str, bool]]:
    """Every argument of a tool, as `parts_of` names it, and whether it is required."""
    return _arguments(tool.name, tool.parameters)


def _arguments(path: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    required = schema.get("required") or ()
    for name, inner in (schema.get("properties") or {}).items():
        yield f"{path}.{name}", name in required
        yield from _arguments(f"{path}.{name}", inner.get("items") or inner)


def is_call(toolset: Toolset, part: str) -> bool:
    """Whether a part is a tool, once or twice, and no argument: names of tools may hold dots."""
    return part.removesuffix(TWICE) in toolset.by_name


def is_tool(toolset: Toolset, part: str) -> bool:
    """Whether a part is a tool, or what is done instead of calling one."""
    return is_call(toolset, part) or (part.startswith("!") and "." not in part)


def tools_of(toolset: Toolset, parts: frozenset[str]) -> frozenset[str]:
    """Of a step's parts the tools, and the tools it holds twice."""
    return frozenset(part for part in parts if is_tool(toolset, part))


def fit_arguments(
    toolset: Toolset,
    features: Matrix,
    steps: Sequence[Sequence[ToolCall]],
    strength: float,
    start: LabelSetClassifier | None = None,
) -> LabelSetClassifier:
    """Fit the probability that a call of a tool has an argument, for tools and arguments that training rows know.

    Args:
        toolset: What the calls are of.
        features: (steps, features).
        steps: The calls of each step.
        strength: scikit-learn's C.
        start: Fit on from it, if given.
    """
    if start is not None:
        return _fit_on(toolset, features, steps, strength, start)
    rows: dict[str, list[tuple[int, str, bool]]] = {}
    for number, calls in enumerate(steps):
        for call in calls:
            tool = toolset.by_name.get(call.name)
            has = parts_of([call])
            for path in _paths(tool) if tool else ():
                rows.setdefault(path.removeprefix(call.name), []).append((number, call.name, path in has))
    labels: list[str] = []
    columns: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    biases: list[float] = []
    for path, seen in sorted(rows.items()):
        tools = sorted({tool for _, tool, _ in seen})
        weights, bias = _fit_one(features, seen, tools, strength)
        labels.extend(tool + path for tool in tools)
        columns.extend(weights)
        biases.extend(bias)
    weights_of_all = np.stack(columns, axis=1) if columns else np.zeros((features.shape[1], 0), np.float32)
    return LabelSetClassifier(labels, weights_of_all, np.asarray(biases, np.float32))


def _fit_on(
    toolset: Toolset, features: Matrix, steps: Sequence[Sequence[ToolCall]], strength: float, start: LabelSetClassifier
) -> LabelSetClassifier:
    called = [(number, call) for number, calls in enumerate(steps) for call in calls if call.name in toolset.by_name]
    if not called:
        return start
    own = [{call.name + path for path in _paths(toolset.by_name[call.name])} for _, call in called]
    has = [parts_of([call]) - {call.name} for _, call in called]
    rows = features[[number for number, _ in called]]
    return start.fitted_on(rows, has, strength, says=lambda row, label: label in own[row])


def _paths(tool: Tool) -> Iterator[str]:
    """Arguments, and for each whether a list of it holds several."""
    for path, _ in arguments_of(tool):
        yield path
        yield path + TWICE


def _fit_one(
    features: Matrix, seen: Sequence[tuple[int, str, bool]], tools: Sequence[str], strength: float
) -> tuple[list[Any], list[float]]:
    """Weights and bias of one argument for each tool."""
    width = features.shape[1]
    right = sum(answer for _, _, answer in seen)
    if right in (0, len(seen)):
        odds = math.log((right + 0.5) / (len(seen) - right + 0.5))
        return [np.zeros(width, np.float32)] * len(tools), [odds] * len(tools)
    shared = features[[number for number, _, _ in seen]]
    own = np.asarray([[float(tool == other) for other in tools] for _, tool, _ in seen])
    doubled = [shared.multiply(own[:, [column]] * _OWN).tocsr() for column in range(len(tools))]
    model = LogisticRegression(C=strength, solver="liblinear", tol=1e-2)
    model.fit(hstack([shared, *doubled, csr_matrix(own * _BIAS)]).tocsr(), [answer for _, _, answer in seen])
    found = model.coef_[0]
    return (
        [(found[:width] + _OWN * found[width * n : width * (n + 1)]).astype(np.float32) for n in range(1, len(tools) + 1)],
        [float(model.intercept_[0] + _BIAS * value) for value in found[width * (len(tools) + 1) :]],
    )
