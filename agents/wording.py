"""What a turn shows of changes and of calls that wait, in words."""

from collections.abc import Sequence
from typing import Any

from tools.approvals import Request

_MOST_CHARACTERS = 200
"""Of one change."""


def change_text(change: dict[str, Any]) -> str:
    """One row of the business system before and after: `+` new, `-` gone, `~` changed."""
    key = ", ".join(str(value) for value in change["key"].values())
    before, after = change["before"], change["after"]
    if before is None:
        sign, fields = "+", [f"{name} {value}" for name, value in (after or {}).items() if value not in (None, "")]
    elif after is None:
        sign, fields = "-", [f"{name} {value}" for name, value in before.items() if value not in (None, "")]
    else:
        sign, fields = "~", [f"{name} {before.get(name)} → {value}" for name, value in after.items()]
    return f"  {sign} {change['table']} {key}: {', '.join(fields)}"[:_MOST_CHARACTERS]


def proposal_text(call: dict[str, Any]) -> str:
    """A call that waits for a person: what it is, of which records, how sure the agent is, and what it would change."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in call["arguments"].items())
    names = dict.fromkeys(name for name in call["names"].values() if name not in arguments)
    whom = f" of {', '.join(names)}" if names else ""
    lines = [
        f"waits for a person: {call['tool']}({arguments}){whom}, {call['confidence']:.0%} sure",
        *([f"  because: {call['why']}"] if call["why"] else []),
        *(change_text(change) for change in call["changes"] if not change.get("counter")),
    ]
    return "\n".join([*lines, *map(_marked, call["taint"]["arguments"])])


def _marked(argument: str) -> str:
    return f"  ! {argument} comes from a text nobody vouches for"


def request_text(request: Request) -> str:
    """A request for approval: who asks for what and why, and what it would change."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in request.arguments.items())
    return "\n".join(
        [
            f"{request.id}  {request.principal.person} ({request.principal.role}) asks for {request.tool}({arguments})",
            f"  because: {request.shown.why}",
            *(change_text(change.model_dump(mode="json")) for change in request.shown.effect.changes if not change.counter),
            *map(_marked, request.shown.taint.arguments),
        ]
    )


def open_text(wishes: Sequence[str]) -> str:
    """What was said and not done, and that an answer is wanted."""
    quoted = " and ".join(f"\u201c{wish}\u201d" for wish in wishes)
    return f"Still open: {quoted}. Shall I do that, too?"
