"""Keeps examples whose calls fit the toolset as it is now; arguments of another time are never trained as they are."""

from collections.abc import Sequence

from core.types.example import Example
from core.types.tool import Toolset
from finetune.curate.filtered import Filtered
from tools.validate import argument_error


def schema_valid(examples: Sequence[Example], toolset: Toolset) -> Filtered:
    """Drop an example in which a call names no tool of the toolset or does not fit its schema."""
    kept, dropped = [], {}
    for example in examples:
        problem = _problem(example, toolset)
        if problem is None:
            kept.append(example)
        else:
            dropped[example.trace_id] = problem
    return Filtered(kept, dropped)


def _problem(example: Example, toolset: Toolset) -> str | None:
    for step in example.steps:
        for call in step.calls:
            tool = toolset.by_name.get(call.name)
            if tool is None:
                return f"unknown tool {call.name}"
            problem = argument_error(tool, call.arguments, complete=step.outcome == "calls")
            if problem:
                return f"{call.name}: {problem}"
    return None
